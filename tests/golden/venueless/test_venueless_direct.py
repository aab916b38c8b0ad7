"""Direct channels: starting, hiding, finding again, blocking (1.9)."""

import sys
from uuid import uuid4

import pytest
from tests.golden.placeholder import a_number, a_uuid, unordered
from tests.golden.venueless.world import WORLD_DENIED, Client, Json, World, chat, essence, room

TALKERS: Json = {"grants": {"participant": []}, "rooms": [room("lounge", "Lounge", chat(volatile=False))]}

pytestmark = pytest.mark.world(**TALKERS)
undisturbed = pytest.mark.world(shared="undisturbed", **TALKERS)

DENIED = {"code": "chat.denied"}


def open_channel(creator: Client, *others: Client, **fields: Json) -> str:
    """Start a direct channel, hear the members join, and return its id."""
    reply = creator.ok("chat.direct.create", {"users": [other.id for other in others], **fields})
    joined = []
    for _ in (creator, *others):
        event = creator.expect("chat.event")
        assert event["event_type"] == "channel.member"
        assert event["channel"] == reply["id"]
        assert event["content"]["membership"] == "join"
        joined.append(event["content"]["user"]["id"])
    assert sorted(joined) == sorted(member.id for member in (creator, *others))
    return str(reply["id"])


def message(channel: str, body: str = "Hello") -> Json:
    return {"channel": channel, "event_type": "channel.message", "content": {"type": "text", "body": body}}


def channels(client: Client) -> list[str]:
    return [channel["id"] for channel in client.expect("chat.channels")["channels"]]


def first_message(sender: Client, channel: str, *receivers: Client) -> Json:
    """Send the message that makes the channel appear for the others, and hear all that it makes everybody hear."""
    event = sender.say(channel, "Hello")
    for receiver in receivers:
        receiver.expect_all("chat.channels", "chat.unread_pointers", "chat.notification")
    return event


def test_a_conversation_starts_with_its_first_message(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob", "bob")
    channel = a_uuid()
    assert ada.call(["chat.direct.create", 123, {"users": [bob.id]}]) == [
        "success",
        123,
        {
            "id": channel,
            "state": None,
            "next_event_id": a_number(),
            "unread_pointer": a_number(),
            "members": unordered(ada.user, bob.user),
        },
    ]
    joined = [ada.expect("chat.event"), ada.expect("chat.event")]
    assert [event["content"]["membership"] for event in joined] == ["join", "join"]
    assert sorted(event["content"]["user"]["id"] for event in joined) == sorted([ada.id, bob.id])
    assert [event["event_id"] for event in joined] == [1, 2]
    ada.silence()
    bob.silence()
    assert world.guest(client_id="bob").hello["chat.channels"] == []

    event = ada.say(channel.value, "Hello")
    assert event["event_id"] == 3
    pushes = bob.expect_all("chat.channels", "chat.unread_pointers", "chat.notification")
    assert pushes["chat.channels"] == {
        "channels": [{"id": channel, "unread_pointer": a_number(), "members": unordered(ada.user, bob.user)}]
    }
    assert pushes["chat.unread_pointers"] == {channel.value: 3}
    assert essence(pushes["chat.notification"]["event"]) == essence(event)
    assert pushes["chat.notification"]["sender"]["id"] == ada.id
    ada.silence()
    bob.silence()

    again = ada.say(channel.value, "Are you there?")
    pushes = bob.expect_all("chat.unread_pointers", "chat.notification")
    assert pushes["chat.unread_pointers"] == {channel.value: again["event_id"]}
    assert pushes["chat.notification"]["event"]["content"]["body"] == "Are you there?"
    hello = world.guest(client_id="bob").hello
    assert hello["chat.channels"] == [{"id": channel, "unread_pointer": 4, "members": unordered(ada.user, bob.user)}]
    assert hello["chat.notification_counts"] == {channel.value: 2}


def test_it_is_shown_at_once_if_it_is_not_to_be_hidden(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob", "bob")
    channel = open_channel(ada, bob, hide=False)
    assert channels(bob) == [channel]
    assert [shown["id"] for shown in world.guest(client_id="bob").hello["chat.channels"]] == [channel]


@undisturbed
def test_both_can_talk_and_read(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    channel = open_channel(ada, bob)
    first_message(ada, channel, bob)
    reply = bob.ok("chat.subscribe", {"channel": channel})
    assert reply["members"] == unordered(ada.user, bob.user)
    page = bob.ok("chat.fetch", {"channel": channel, "count": 20, "before_id": sys.maxsize})
    assert [event["event_type"] for event in page["results"]] == ["channel.member", "channel.member", "channel.message"]
    answer = bob.say(channel, "Hi")
    pushes = ada.expect_all("chat.event", "chat.unread_pointers", "chat.notification")
    assert essence(pushes["chat.event"]) == essence(answer)
    bob.silence()


@undisturbed
def test_the_same_people_have_one_channel(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    channel = open_channel(ada, bob)
    for creator, other in ((ada, bob), (bob, ada), (ada, bob)):
        assert creator.ok("chat.direct.create", {"users": [other.id]})["id"] == channel
        assert [push[0] for push in creator.drain() if push[0] == "chat.event"] == []
    assert ada.ok("chat.direct.create", {"users": [bob.id, ada.id, bob.id]})["id"] == channel


@undisturbed
def test_other_people_have_another_channel(world: World) -> None:
    ada, bob, carl = world.guest("Ada"), world.guest("Bob"), world.guest("Carl")
    three = open_channel(ada, bob, carl)
    two = open_channel(ada, bob)
    assert two != three
    assert carl.ok("chat.direct.create", {"users": [ada.id, bob.id]})["id"] == three
    first_message(ada, three, bob)
    assert "chat.notification" in [push[0] for push in carl.drain()]


@undisturbed
@pytest.mark.parametrize("action", ["subscribe", "join", "send", "fetch", "react", "mark_read"])
def test_a_direct_channel_is_closed_to_strangers(world: World, action: str) -> None:
    ada, bob, eve = world.guest("Ada"), world.guest("Bob"), world.member("admin", "moderator", name="Eve")
    channel = open_channel(ada, bob)
    event = first_message(ada, channel, bob)
    extra = {"count": 20, "before_id": sys.maxsize, "event": event["event_id"], "reaction": "👍", "id": 1}
    error = eve.refused(f"chat.{action}", {**message(channel), **extra})
    if action in {"subscribe", "send", "fetch", "react"}:
        assert error == DENIED
    ada.silence()
    bob.silence()


def test_leaving_hides_it_until_the_next_message(world: World) -> None:
    ada, bob, tab = world.guest("Ada"), world.guest("Bob", "bob"), world.guest(client_id="bob")
    channel = open_channel(ada, bob)
    first_message(ada, channel, bob, tab)
    assert bob.call(["chat.leave", 123, {"channel": channel}]) == ["success", 123, {}]
    assert channels(tab) == []
    assert world.guest(client_id="bob").hello["chat.channels"] == []
    ada.silence()
    ada.say(channel, "Come back")
    for socket in (bob, tab):
        pushes = socket.expect_all("chat.channels", "chat.unread_pointers", "chat.notification")
        assert [shown["id"] for shown in pushes["chat.channels"]["channels"]] == [channel]


def test_read_state_is_the_same_on_all_sockets(world: World) -> None:
    ada, bob, tab = world.guest("Ada"), world.guest("Bob", "bob"), world.guest(client_id="bob")
    channel = open_channel(ada, bob)
    first = first_message(ada, channel, bob, tab)
    second = ada.say(channel, "This is great")
    for socket in (bob, tab):
        socket.expect_all("chat.unread_pointers", "chat.notification")
    assert bob.call(["chat.mark_read", 1, {"channel": channel, "id": first["event_id"]}]) == ["success", 1, {}]
    assert bob.receive() == ["chat.notification_counts", {channel: 1}]
    assert tab.receive() == ["chat.read_pointers", {channel: first["event_id"]}]
    assert tab.receive() == ["chat.notification_counts", {channel: 1}]
    assert tab.call(["chat.mark_read", 2, {"channel": channel, "id": second["event_id"]}]) == ["success", 2, {}]
    assert tab.receive() == ["chat.notification_counts", {}]
    assert bob.receive() == ["chat.read_pointers", {channel: second["event_id"]}]
    assert bob.receive() == ["chat.notification_counts", {}]
    assert world.guest(client_id="bob").hello["chat.notification_counts"] == {}
    ada.silence()


@undisturbed
@pytest.mark.parametrize("blocker_starts", [True, False])
def test_who_blocked_whom_cannot_start_a_conversation(world: World, blocker_starts: bool) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    ada.ok("user.block", {"id": bob.id})
    creator, other = (ada, bob) if blocker_starts else (bob, ada)
    command = ["chat.direct.create", 123, {"users": [other.id]}]
    assert creator.call(command) == ["error", 123, DENIED]
    other.silence()
    ada.ok("user.unblock", {"id": bob.id})
    assert creator.call(command)[0] == "success"


@undisturbed
def test_who_was_blocked_cannot_go_on_talking(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    channel = open_channel(ada, bob)
    first_message(ada, channel, bob)
    bob.ok("user.block", {"id": ada.id})
    assert ada.call(["chat.send", 123, message(channel)]) == ["error", 123, DENIED]
    bob.silence()
    bob.ok("user.unblock", {"id": ada.id})
    ada.say(channel, "Thanks")
    bob.expect_all("chat.unread_pointers", "chat.notification")


@undisturbed
def test_a_silenced_user_cannot_go_on_talking(world: World) -> None:
    admin, ada, bob = world.member("admin"), world.guest("Ada"), world.guest("Bob")
    channel = open_channel(ada, bob)
    first_message(ada, channel, bob)
    admin.ok("user.silence", {"id": ada.id})
    ada.expect("connection.reload")
    assert ada.call(["chat.send", 123, message(channel)]) == ["error", 123, DENIED]
    bob.silence()


@undisturbed
def test_with_whom_one_cannot_talk(world: World) -> None:
    admin, ada, bob = world.member("admin"), world.guest("Ada"), world.guest("Bob")
    gone = world.guest("Gone")
    admin.ok("user.delete", {"id": gone.id})
    kiosk = admin.ok("user.kiosk.create", {"profile": {"display_name": "Hall 1"}})["user"]
    for users in ([], [ada.id], [ada.id, ada.id], [str(uuid4())], [bob.id, str(uuid4())], [gone.id], [kiosk]):
        assert ada.call(["chat.direct.create", 123, {"users": users}]) == ["error", 123, DENIED]
    ada.silence()
    bob.silence()


@pytest.mark.world(grants={"participant": ["talker"]})
def test_direct_messages_are_a_permission(world: World) -> None:
    ada, talker = world.guest("Ada"), world.member("talker", name="Tom")
    assert ada.call(["chat.direct.create", 123, {"users": [talker.id]}]) == ["error", 123, WORLD_DENIED]
    channel = open_channel(talker, ada)
    first_message(talker, channel, ada)
    ada.ok("chat.subscribe", {"channel": channel})
    assert ada.say(channel, "Hi")["channel"] == channel


@undisturbed
def test_editing_deleting_and_reacting_in_a_direct_channel(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    channel = open_channel(ada, bob)
    event = first_message(ada, channel, bob)
    bob.ok("chat.subscribe", {"channel": channel})
    react = {"channel": channel, "event": event["event_id"], "reaction": "👍"}
    assert bob.ok("chat.react", react)["reactions"] == {"👍": [bob.id]}
    for client in (bob, ada):
        assert client.expect("chat.event.reaction")["reactions"] == {"👍": [bob.id]}
    assert bob.refused("chat.send", {**message(channel, "Mine"), "replaces": event["event_id"]}) == DENIED
    deleted = {**message(channel), "content": {"type": "deleted"}, "replaces": event["event_id"]}
    assert ada.ok("chat.send", deleted)["event"]["content"] == {"type": "deleted"}
    heard = [push for push in bob.drain() if push[0] == "chat.event"]
    assert [push[1]["replaces"] for push in heard] == [event["event_id"]]


@undisturbed
def test_one_nonce_is_one_message(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    channel = open_channel(ada, bob)
    body = {**message(channel), "nonce": "once"}
    first = ada.ok("chat.send", body)["event"]
    assert essence(ada.expect("chat.event")) == essence(first)
    bob.expect_all("chat.channels", "chat.unread_pointers", "chat.notification")
    assert ada.ok("chat.send", body)["event"]["event_id"] == first["event_id"]
    ada.silence()
    bob.silence()
