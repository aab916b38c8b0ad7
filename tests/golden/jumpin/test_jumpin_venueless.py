"""One lobby for everybody: clients of this dialect and of Venueless see, hear and moderate one another."""

from typing import Any

from tests.golden.jumpin.said import gone, status
from tests.golden.jumpin.scene import Scene
from tests.golden.placeholder import a_text

from hubbub.core.user import GrantRole

Json = Any


def pushes(client: Any, name: str) -> list[Json]:
    return [push[1] for push in client.drain() if push[0] == name]


def test_they_see_one_another_come_and_go(scene: Scene) -> None:
    ada = scene.guest("ada")
    vera = scene.visitor("Vera")
    room, _ = scene.channel(vera)
    viewers = vera.ok("room.enter", {"room": room})["viewers"]
    assert [viewer["profile"]["display_name"] for viewer in viewers] == ["ada", "Vera"]
    come = ada.bot.drain()
    assert come[0][0] == "room::updateUserList"
    seen = come[0][1]["user"]
    assert (seen["handle"], seen["user_id"], seen["username"], seen["roles"]) == ("Vera", None, None, ["everybody"])
    assert come[1] == status("guest Vera has joined the room", notification_type="room")
    ada.bot.send("room::users")
    assert ada.bot.expect("room::updateUsers")["users"] == [ada.seen, seen]

    bob = scene.guest("bob")
    (added,) = pushes(vera, "room.viewer.added")
    assert added["user"]["profile"]["display_name"] == "bob"
    scene.leave(bob)
    (removed,) = pushes(vera, "room.viewer.removed")
    assert removed["user_id"] == added["user"]["id"]
    vera.ok("room.leave", {"room": room})
    assert ada.bot.drain()[-2:] == gone(seen)


def test_they_talk(scene: Scene) -> None:
    ada, vera = scene.guest("ada"), scene.visitor("Vera")
    room, channel = scene.channel(vera)
    vera.ok("room.enter", {"room": room})
    vera.ok("chat.join", {"channel": channel})
    ada.bot.drain(), vera.drain()
    ada.bot.send("room::message", {"message": "hello Vera"})
    ada.bot.settle(scene.name)
    (event,) = pushes(vera, "chat.event")
    assert event["content"] == {"type": "text", "body": "hello Vera"}
    ada.bot.send("room::command", {"message": {"command": "me", "value": "waves"}})
    ada.bot.settle(scene.name)
    (event,) = pushes(vera, "chat.event")
    assert "waves" in event["content"]["body"]

    content = {"type": "text", "body": "hello Ada, " + "x" * 300}
    vera.ok("chat.send", {"channel": channel, "event_type": "channel.message", "content": content})
    heard = ada.bot.expect("room::message")
    assert (heard["handle"], heard["message"][:11]) == ("Vera", "hello Ada, ")
    ada.bot.send("room::users")
    users = ada.bot.expect("room::updateUsers")["users"]
    assert heard["userId"] == next(user["_id"] for user in users if user["handle"] == "Vera")


def test_they_hear_of_new_names(scene: Scene) -> None:
    ada, vera = scene.guest("ada"), scene.visitor("Vera")
    room, channel = scene.channel(vera)
    vera.ok("room.enter", {"room": room})
    vera.ok("chat.join", {"channel": channel})
    ada.bot.drain(), vera.drain()
    ada.bot.send("room::handleChange", {"handle": "grace"})
    ada.bot.settle(scene.name)
    own = next(user for user in scene.place.state.users.values() if user.id == ada.somebody.id)
    assert own.display_name == "grace"
    ada.bot.send("room::message", {"message": "new name"})
    ada.bot.settle(scene.name)
    (event,) = pushes(vera, "chat.event")
    profile = vera.ok("user.fetch", {"id": event["sender"]})
    assert profile["profile"]["display_name"] == "grace"

    vera.rename("Veronica")
    told = ada.bot.drain()
    assert told == [
        ["room::handleChange", {"userId": a_text("[0-9a-f]{24}"), "handle": "Veronica"}],
        status("Vera changed their name to Veronica"),
    ]


def test_a_ban_by_either_holds_for_either(scene: Scene) -> None:
    bob = scene.guest("bob")
    vera = scene.visitor("Vera", client_id="venueless browser")
    room, channel = scene.channel(vera)
    vera.ok("room.enter", {"room": room})
    vera.ok("chat.join", {"channel": channel})
    mod = scene.moderator()
    mod.bot.send("room::users")
    listed = {user["handle"]: user["_id"] for user in mod.bot.expect("room::updateUsers")["users"]}
    mod.bot.send("room::operation::ban", {"user_list_id": listed["Vera"], "duration": 1})
    assert mod.bot.settle(scene.name)[0] == status(f"Vera was banned by {mod.handle}")
    assert bob.bot.drain()[-1][0] == "room::disconnect"
    vera.drain()
    assert vera.refused("room.enter", {"room": room})["code"] == "protocol.denied"
    content = {"type": "text", "body": "still?"}
    assert (
        vera.call(["chat.send", 1, {"channel": channel, "event_type": "channel.message", "content": content}])[0]
        == "error"
    )

    scene.ban_from_world(bob.somebody)
    assert bob.bot.left()[-1] == "41"
    scene.here.remove(bob)
    assert mod.bot.drain()[-1][0] == "room::disconnect"


def test_a_private_message_is_a_direct_conversation(scene: Scene) -> None:
    ada = scene.guest("ada")
    vera, eve = scene.visitor("Vera"), scene.visitor("Eve")
    user = next(
        user
        for user in scene.place.state.users.values()
        if user.display_name == "Vera" and scene.name in (user.client_id or "")
    )
    scene.place.do(GrantRole(user=user.id, role="participant"))
    for client in (vera, eve):
        client.ok("room.enter", {"room": scene.channel(client)[0]})
    ada.bot.drain()
    ada.bot.send("room::users")
    listed = {user["handle"]: user["_id"] for user in ada.bot.expect("room::updateUsers")["users"]}
    ada.bot.send("room::privateMessage", {"message": "psst", "room": scene.name, "userListId": listed["Vera"]})
    (own,) = ada.bot.settle(scene.name)
    assert (own[1]["message"], own[1]["userListId"]) == ("psst", listed["Vera"])
    listed_channels = [push[1]["channels"] for push in vera.drain() if push[0] == "chat.channels"]
    assert listed_channels
    eve.drain()

    viewers = vera.ok("room.enter", {"room": scene.channel(vera)[0]})["viewers"]
    sender = next(viewer["id"] for viewer in viewers if viewer["profile"]["display_name"] == "ada")
    vera.drain()
    direct = vera.ok("chat.direct.create", {"users": [sender]})
    history = vera.ok("chat.fetch", {"channel": direct["id"], "count": 10, "before_id": direct["next_event_id"]})
    said = [event["content"] for event in history["results"] if event["event_type"] == "channel.message"]
    assert said == [{"type": "text", "body": "psst"}]
    content = {"type": "text", "body": "yes?"}
    vera.ok("chat.send", {"channel": direct["id"], "event_type": "channel.message", "content": content})
    heard = ada.bot.expect("room::privateMessage")
    assert (heard["handle"], heard["message"], heard["userListId"]) == ("Vera", "yes?", listed["Vera"])
    ada.bot.silence()
    assert [push for push in eve.drain() if push[0].startswith("chat")] == []
