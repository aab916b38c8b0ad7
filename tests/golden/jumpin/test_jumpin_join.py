"""Coming and going: room::join with all its refusals, in their order, and what the others hear of it."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from tests.golden.jumpin.bot import ONESELF, PERSON, Bot, Left
from tests.golden.jumpin.place import PASSWORD, Place
from tests.golden.jumpin.said import ALONE, HELP, MOD_HELP, error, gone, joined, stamped, status, statuses
from tests.golden.jumpin.scene import Guest, Scene
from tests.golden.placeholder import a_text, an_instant

from hubbub.core.gate import ConfirmAge, SetRoomPassword, UnlockRoom
from hubbub.core.room import DeleteRoom, SetTopic
from hubbub.core.user import UpdateUser

HANDLE = r"[A-Za-z0-9_|\[\]-]{1,16}"


def refusal(guest: Guest, room: str) -> dict[str, Any]:
    """Be refused by a room: one error, and the connection ends."""
    guest.bot.send("room::join", {"room": room})
    name, body = guest.bot.receive()
    assert name == "client::error"
    assert body["context"] == "dialog"
    assert guest.bot.left() == ["41"]
    return dict(body)


def refused_with(guest: Guest, room: str, code: str) -> dict[str, Any]:
    body = refusal(guest, room)
    assert body["error"] == code, body
    return body


def test_what_a_newcomer_hears_first(scene: Scene) -> None:
    guest = scene.connect()
    guest.bot.send("room::join", {"room": scene.name})
    heard = guest.bot.settle(scene.name)
    own = heard[2][1]["user"]
    seen = {key: value for key, value in own.items() if key in PERSON}
    assert heard == [
        ["room::updateUserList", {"user": seen}],
        ["room::updateIgnore", {"ignoreList": []}],
        ["self::join", {"user": {**seen, "createdAt": an_instant(), "joinTime": an_instant()}}],
        *statuses(f"Welcome to {scene.name}", HELP, *ALONE),
        status(f"guest {own['handle']} has joined the room", notification_type="room"),
    ]
    assert seen == {
        "_id": a_text("[0-9a-f]{24}"),
        "handle": guest.somebody.name,
        "operator_id": None,
        "user_id": None,
        "username": None,
        "isBroadcasting": False,
        "assignedBy": None,
        "isAdmin": False,
        "isSiteMod": False,
        "isSupporter": False,
        "userIcon": None,
        "color": a_text("[a-z]+"),
        "roles": ["everybody"],
    }


def test_a_guest_without_a_name_gets_one(scene: Scene) -> None:
    guest = scene.guest(somebody=scene.place.guest())
    assert re.fullmatch(r"[a-z]+_[a-z]+[0-9]*", guest.handle)
    assert re.fullmatch(HANDLE, guest.handle)


def test_the_others_hear_of_a_newcomer(scene: Scene) -> None:
    ada = scene.guest()
    bob = scene.connect()
    heard = bob.join(scene.name)
    assert [event[0] for event in heard] == [
        *("room::updateUserList", "room::updateIgnore", "self::join"),
        *("room::status", "room::status", "room::status"),
    ]
    assert ada.bot.drain() == joined(bob.seen)


def test_the_room_describes_itself(scene: Scene) -> None:
    scene.set(description="A place")
    speaker = scene.moderator("speaker7")
    scene.place.do(SetTopic(room=scene.room.id, topic="Tea"), user=speaker.somebody.id)
    scene.drain()
    heard = scene.connect().join(scene.name)
    on = scene.place.clock().strftime("%d/%m/%Y")
    lines = [
        f"Welcome to {scene.name}",
        "Room description: A place",
        " ",
        "Room topic: Tea",
        f"Set by: speaker7 {on}",
        " ",
    ]
    assert [event for event in heard if event[0] == "room::status"][:-1] == statuses(*lines, HELP)


def test_a_moderator_learns_what_they_may(scene: Scene) -> None:
    ada = scene.moderator("mod1ada")
    assert ada.user["username"] == "mod1ada"
    assert ada.user["roles"] == ["everybody", "mods"]
    assert ada.user["operator_id"] is not None
    assert ada.user["user_id"] not in (None, ada.user["_id"], ada.user["operator_id"])
    assert ada.user["operatorPermissions"] == {
        "ban": True,
        "close_cam": True,
        "mute_user_audio": True,
        "mute_user_chat": True,
        "mute_room_chat": False,
        "mute_room_audio": False,
        "apply_password": False,
        "assign_operator": False,
        "play_youtube": True,
    }
    assert status(MOD_HELP) in [json.loads(packet[2:]) for packet in ada.bot.heard if packet.startswith("42[")]
    owner = scene.member()
    assert "operatorPermissions" not in owner.user
    assert owner.user.keys() == ONESELF
    assert (owner.user["isAdmin"], owner.user["isSiteMod"], owner.user["roles"]) == (False, False, ["everybody"])


def test_those_who_run_the_world_are_known_as_such(scene: Scene) -> None:
    for role, admin, moderator in (("moderator", False, True), ("admin", True, False), ("owner", True, False)):
        somebody = scene.place.account()
        scene.place.grant(somebody, role)
        user = scene.guest(somebody=somebody).user
        assert (user["isAdmin"], user["isSiteMod"]) == (admin, moderator)
        assert set(user["operatorPermissions"].values()) == ({True} if admin else {True, False})


def test_what_follows_the_join_at_once_waits_for_it(scene: Scene) -> None:
    """Logging in and coming in are stored one after the other; what the client sends meanwhile is done after both."""
    newcomer = scene.connect(scene.place.guest())
    newcomer.bot.send("room::join", {"room": scene.name})
    newcomer.bot.send("room::handleChange", {"handle": "hasty"})
    newcomer.bot.send("room::message", {"message": "first!"})
    heard = newcomer.bot.settle(scene.name)
    assert "client::error" not in [event[0] for event in heard]
    assert heard[-1][1]["message"] == "first!"
    assert heard[-1][1]["handle"] == "hasty"


def test_leaving(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    bob.bot.close()
    scene.gone(bob)
    assert ada.bot.drain() == gone(bob.seen)


def test_leaving_by_saying_so(scene: Scene) -> None:
    """A 41 leaves, and the websocket stays: it is the client who closes it."""
    ada, bob = scene.guest(), scene.guest()
    bob.bot.send_packet("41")
    scene.gone(bob)
    assert ada.bot.drain() == gone(bob.seen)
    bob.bot.send("room::message", {"message": "hello?"})
    bob.bot.silence()
    ada.bot.silence()


def test_coming_by_two_connections_is_being_there_once(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    again = scene.connect(bob.somebody)
    again.join(scene.name)
    assert again.user == bob.user
    ada.bot.silence()
    bob.bot.silence()
    again.bot.close()
    bob.bot.settle(scene.name)
    ada.bot.silence()
    bob.bot.close()
    scene.gone(bob)
    assert ada.bot.drain() == gone(bob.seen)


def test_moving_to_another_room(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    elsewhere = scene.place.room().name
    bob.join(elsewhere)
    assert ada.bot.drain() == gone({**bob.seen, "_id": a_text("[0-9a-f]{24}"), "color": a_text("[a-z]+")})
    bob.bot.send("room::message", {"message": "here now", "room": scene.name})
    assert [event[0] for event in bob.bot.settle(elsewhere)] == ["room::message"]
    ada.bot.silence()


def test_who_is_there(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.moderator()
    arguments: list[Any]
    for arguments in ([], [{}], [None], ["nonsense"]):
        ada.bot.send("room::users", *arguments)
        assert ada.bot.expect("room::updateUsers") == {"users": [ada.seen, bob.seen]}
    ada.bot.silence()
    bob.bot.silence()


def test_being_there_still(scene: Scene) -> None:
    ada, outside = scene.guest(), scene.connect()
    ada.bot.send("room::isStillJoined", {"room": scene.name})
    assert ada.bot.packet() == '42["client::stillConnected"]'
    outside.bot.send("room::isStillJoined", {"room": scene.name})
    assert outside.bot.packet() == '42["client::forceDisconnect"]'
    for room in ("nosuchroom", "", None, 7, {"name": scene.name}):
        ada.bot.send("room::isStillJoined", {"room": room})
        assert ada.bot.receive() == error("chat", "Room no longer exists, please refresh.", "ERR_NO_ROOM")


def test_a_room_that_is_deleted(scene: Scene) -> None:
    ada = scene.guest()
    scene.place.do(DeleteRoom(room=scene.room.id))
    assert ada.bot.drain() == [["client::error", stamped("Room no longer exists, please refresh.", context="chat")]]
    ada.bot.send("room::message", {"message": "hello?"})
    assert ada.bot.receive()[0] == "client::error"
    ada.bot.silence()


@pytest.mark.parametrize("spelling", ["{0}", "{1}", "{2}-{3}"])
def test_a_room_is_found_in_any_case_and_with_dashes(scene: Scene, spelling: str) -> None:
    name = scene.name
    guest = scene.connect()
    guest.bot.send("room::join", {"room": spelling.format(name, name.upper(), name[:3], name[3:])})
    assert status(f"Welcome to {name}") in guest.bot.settle(name)


# Who may not


def test_no_such_room_is_an_alert_and_the_connection_stays(scene: Scene) -> None:
    guest = scene.connect()
    for body in ({"room": "nosuchroom"}, {}, {"room": None}, {"room": ["x"]}, {"room": "x" * 5000}, None, 7):
        guest.bot.send("room::join", body)
        assert guest.bot.receive() == error("alert", "Error joining room", "ERR_NO_ROOM")
    assert guest.join(scene.name)


def test_joining_twice_is_an_error(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    bob.bot.send("room::join", {"room": scene.name})
    already = "You have already joined this room"
    assert bob.bot.settle(scene.name) == [error("chat", already, already)]
    ada.bot.silence()


def test_a_closed_room_says_why(scene: Scene) -> None:
    scene.set(closed="Painting the walls")
    body = refused_with(scene.connect(), scene.name, "ERR_ROOM_CLOSED")
    assert body["body"] == "Painting the walls"
    scene.moderator()


def test_accounts_only(scene: Scene) -> None:
    scene.set(accounts_only=True)
    body = refused_with(scene.connect(), scene.name, "ERR_ACCOUNT_REQUIRED")
    assert "body" not in body
    scene.member()


def test_verified_accounts_only(scene: Scene) -> None:
    scene.set(verified_only=True)
    refused_with(scene.connect(scene.place.account()), scene.name, "ERR_VERIFIED_EMAIL_REQUIRED")


def test_old_accounts_only(scene: Scene) -> None:
    scene.set(min_account_age=int(timedelta(days=2, hours=1).total_seconds()))
    young = scene.place.account()
    body = refused_with(scene.connect(young), scene.name, "ERR_MIN_ACCOUNT_AGE")
    assert body["body"] == "2 days 1 hour 0 minutes"
    scene.place.move(timedelta(hours=23, minutes=58, seconds=30))
    body = refused_with(scene.connect(scene.refreshed(young)), scene.name, "ERR_MIN_ACCOUNT_AGE")
    assert body["body"] == "1 day 1 hour 2 minutes"
    scene.place.move(timedelta(days=2))
    scene.guest(somebody=scene.refreshed(young))


def test_who_was_kicked_is_refused_once(scene: Scene) -> None:
    ada, bob = scene.moderator(), scene.guest()
    ada.bot.send("room::operation::kick", {"user_list_id": bob.id})
    scene.sent_away(bob)
    refused_with(scene.connect(bob.somebody), scene.name, "ERR_KICKED")
    scene.guest(somebody=bob.somebody)


def test_a_password(scene: Scene) -> None:
    """The key for a password comes as a cookie with the first request; one of another room is none."""
    place, other = scene.place, scene.place.room()
    for room in (scene.room, other):
        place.do(SetRoomPassword(room=room.id, password=PASSWORD))
    key, foreign = (place.do(UnlockRoom(room=room.id, password=PASSWORD)) for room in (scene.room, other))
    for cookies in (
        "",
        f"jic.password.{scene.name}=",
        f"jic.password.{scene.name}=garbage",
        f"jic.password.{scene.name}={foreign}",
        f"jic.password.{other.name}={key}",
        f"jic.password.{scene.name}={place.guest().token}",
    ):
        refused_with(scene.connect(cookies=cookies), scene.name, "ERR_PASSWORD_REQUIRED")
    late = scene.connect(cookies=f"jic.password.{scene.name}={key}")
    scene.guest(cookies=f"a=b; jic.password.{scene.name}={key}")
    scene.moderator()
    place.move(timedelta(minutes=5))
    refused_with(late, scene.name, "ERR_PASSWORD_REQUIRED")


def test_a_word_on_ones_age(scene: Scene) -> None:
    scene.set(age_restricted=True)
    somebody = scene.place.guest("young")
    refused_with(scene.connect(somebody), scene.name, "ERR_AGE_WARNING")
    scene.place.do(ConfirmAge(), user=somebody.id)
    scene.guest(somebody=somebody)


def test_banned_from_the_world(scene: Scene) -> None:
    somebody = scene.place.account()
    waiting = scene.connect(somebody)
    scene.ban_from_world(somebody)
    refused_with(waiting, scene.name, "ERR_USER_BANNED")
    refused_with(scene.connect(somebody), scene.name, "ERR_USER_BANNED")


def test_the_first_of_several_refusals(scene: Scene) -> None:
    """The gates stand in a row; each is seen when the one before it has been opened."""
    place = scene.place
    ada, bob = scene.moderator(), scene.member()
    ada.bot.send("room::operation::kick", {"user_list_id": bob.id})
    scene.sent_away(bob)
    scene.set(closed="No", accounts_only=True, verified_only=True, min_account_age=3600 * 24 * 3, age_restricted=True)
    place.do(SetRoomPassword(room=scene.room.id, password=PASSWORD))
    order = []
    change: dict[str, Any]
    for change in ({}, {"closed": None}):
        scene.set(**change)
        order.append(refusal(scene.connect(), scene.name)["error"])
    for change in ({}, {"verified_only": False}, {"min_account_age": 0}):
        scene.set(**change)
        order.append(refusal(scene.connect(bob.somebody), scene.name)["error"])
    order.append(refusal(scene.connect(bob.somebody), scene.name)["error"])
    key = place.do(UnlockRoom(room=scene.room.id, password=PASSWORD))
    cookies = f"jic.password.{scene.name}={key}"
    order.append(refusal(scene.connect(bob.somebody, cookies=cookies), scene.name)["error"])
    place.do(ConfirmAge(), user=bob.somebody.id)
    scene.ban_from_world(bob.somebody)
    order.append(refusal(scene.connect(bob.somebody, cookies=cookies), scene.name)["error"])
    assert order == [
        "ERR_ROOM_CLOSED",
        "ERR_ACCOUNT_REQUIRED",
        "ERR_VERIFIED_EMAIL_REQUIRED",
        "ERR_MIN_ACCOUNT_AGE",
        "ERR_KICKED",
        "ERR_PASSWORD_REQUIRED",
        "ERR_AGE_WARNING",
        "ERR_USER_BANNED",
    ]


# Before joining


@pytest.mark.parametrize(
    "name",
    [
        *("room::message", "room::command", "room::handleChange", "room::changeColor", "room::privateMessage"),
        *("room::getIgnoreList", "room::ignoreUser", "room::unignoreUser", "room::setUserIsBroadcasting"),
        *("room::setTopic", "room::operation::ban", "room::operation::unban", "room::operation::banlist"),
        *("room::operation::kick", "room::operation::silence", "room::operation::closeBroadcast", "youtube::play"),
        *("youtube::checkisplaying", "youtube::pause", "youtube::resume", "youtube::seek", "youtube::remove"),
    ],
)
def test_before_joining_there_is_no_session(scene: Scene, name: str) -> None:
    guest = scene.connect()
    arguments: list[Any]
    for arguments in ([], [{}], [{"message": "x", "handle": "x"}]):
        guest.bot.send(name, *arguments)
        assert guest.bot.receive() == error("chat", "no session, try refreshing", "ENOSESSION")
    guest.bot.silence()
    assert scene.place.ask(lambda: scene.room.id in scene.place.state.presence.visits) is False


def test_before_joining_nobody_is_there(scene: Scene) -> None:
    guest = scene.connect()
    guest.bot.send("room::users")
    assert guest.bot.receive() == error("chat", "no user session", "ERR_NO_USER_SESSION")


def test_unknown_events_are_ignored(scene: Scene) -> None:
    ada, outside = scene.guest(), scene.connect()
    for guest in (ada, outside):
        for name in ("room::nonsense", "", "connect", "message", "self::join", "client::error", "__proto__"):
            guest.bot.send(name, {"room": scene.name})
        guest.bot.silence()


def test_a_connection_that_never_joins_makes_no_user(place: Place) -> None:
    before = place.ask(lambda: len(place.state.users))
    token = place.guest("one").token
    with Bot(place.port, token) as bot:
        bot.silence()
    assert place.ask(lambda: len(place.state.users)) == before + 1


def test_who_is_renamed_elsewhere_is_so_on_their_next_visit(scene: Scene) -> None:
    somebody = scene.place.guest("before")
    scene.leave(scene.guest(somebody=somebody))
    scene.place.do(UpdateUser(user=somebody.id, profile={"display_name": "after"}))
    assert scene.guest(somebody=somebody).handle == "after"


def test_the_end_is_heard_once(scene: Scene) -> None:
    scene.set(accounts_only=True)
    guest = scene.connect()
    guest.bot.send("room::join", {"room": scene.name})
    guest.bot.send("room::join", {"room": scene.name})
    guest.bot.send("room::message", {"message": "x"})
    assert guest.bot.receive()[0] == "client::error"
    assert guest.bot.left() == ["41"]
    with pytest.raises(Left):
        guest.bot.packet()
