"""What people type after a slash: room::command, with each of its commands."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.jumpin.bot import COLORS
from tests.golden.jumpin.said import error, stamped, status, statuses
from tests.golden.jumpin.scene import Guest, Scene
from tests.golden.placeholder import a_text, an_instant

Json = Any

MODERATING = ("ban", "kick", "silence", "close", "unban", "banlist", "clear")


def type_line(guest: Guest, command: Json, value: Json = None, **more: Json) -> list[list[Json]]:
    """Send a command as the official client does, and give what oneself hears."""
    guest.bot.send("room::command", {"message": {"command": command, "value": value}, "room": {"name": "x"}, **more})
    return guest.bot.settle(guest.room)


@pytest.fixture
def ada(scene: Scene) -> Guest:
    return scene.guest("ada")


@pytest.fixture
def mod(scene: Scene) -> Guest:
    return scene.moderator()


def test_me(scene: Scene, ada: Guest) -> None:
    bob = scene.guest()
    told = [status("* ada dances", color=ada.user["color"], handle="ada", userId=ada.id)]
    assert type_line(ada, "me", " dances") == told
    assert bob.bot.drain() == told
    for value in ("", "   ", None, 7):
        assert type_line(ada, "me", value) == [error("chat", "You actually need to do something...", "ERR_NO_MESSAGE")]
    bob.bot.silence()


def test_shrug(scene: Scene, ada: Guest) -> None:
    bob = scene.guest()
    body = stamped("¯\\_(ツ)_/¯", color=ada.user["color"], handle="ada", userId=ada.id)
    assert type_line(ada, "shrug") == [["room::message", body]]
    assert bob.bot.drain() == [["room::message", body]]


def test_nick(scene: Scene, ada: Guest) -> None:
    bob = scene.guest("bob")
    told = [["room::handleChange", {"userId": ada.id, "handle": "grace"}], status("ada changed their name to grace")]
    assert type_line(ada, "nick", " grace") == [["client::handleChange", {"handle": "grace"}], *told]
    assert bob.bot.drain() == told
    assert type_line(ada, "nick", "") == [error("chat", "nick missing", "ERR_NO_HANDLE")]
    assert type_line(ada, "nick", "x" * 17) == [error("chat", "Nickname is too long", "ERR_HANDLE_LENGTH")]
    assert type_line(ada, "nick", "bob") == [error("chat", "bob already in use", "ERR_HANDLE_EXISTS")]


def test_color(scene: Scene, ada: Guest) -> None:
    following = COLORS[(COLORS.index(ada.user["color"]) + 1) % len(COLORS)]
    assert type_line(ada, "color") == [
        status("Chat color changed", color=following),
        ["self::user", {"user": {"color": following}}],
        ["room::updateUser", {"user": {**ada.seen, "color": following}, "color": following}],
    ]


@pytest.mark.parametrize("command", ["msg", "pm"])
def test_private_message(scene: Scene, ada: Guest, command: str) -> None:
    bob, eve = scene.member("whispered" + command), scene.guest()
    type_line(bob, "nick", "bobby")
    ada.bot.drain()
    for name in ("bobby", "whispered" + command):
        ((own, body),) = type_line(ada, command, f" {name} see you  there ")
        assert (own, body["message"], body["userListId"]) == ("room::privateMessage", "see you  there", bob.id)
        assert bob.bot.expect("room::privateMessage")["userListId"] == ada.id
    assert type_line(ada, command, "") == [error("chat", "missing nickname or username", "ERR_NO_VALUE")]
    assert type_line(ada, command, "bobby") == [error("chat", "Missing message", "ERR_NO_VALUE")]
    assert type_line(ada, command, "nobody hi") == [
        error("chat", "'nobody' doesn't appear to be a user", "ERR_NO_USER")
    ]
    eve.bot.drain()
    eve.bot.silence()


def test_topic(scene: Scene, ada: Guest, mod: Guest) -> None:
    ada.bot.drain()
    assert type_line(ada, "topic") == [status("no topic set")]
    denied = "You do not have permission to do this: roomDetails"
    assert type_line(ada, "topic", "mine") == [error("chat", denied, "PermissionError")]
    by = {"_id": mod.user["user_id"], "username": mod.somebody.name}
    told = [
        ["room::settings", {"topic": {"text": "Tea", "updatedAt": an_instant(), "updatedBy": by}}],
        status(f'{mod.handle} changed the room topic to "Tea"'),
    ]
    assert type_line(mod, "topic", " Tea") == told
    assert ada.bot.drain() == told
    on = scene.place.clock().strftime("%d/%m/%Y")
    assert type_line(ada, "topic") == statuses(" ", "room topic: Tea", f"set by {mod.somebody.name} on {on}", " ")


def test_clear(scene: Scene, ada: Guest, mod: Guest) -> None:
    ada.bot.drain()
    told = [["room::clearFeed"], status(f"{mod.handle} cleared the chat feed")]
    assert type_line(mod, "clear") == told
    assert '42["room::clearFeed"]' in mod.bot.heard
    assert ada.bot.drain() == told


def test_help(scene: Scene, ada: Guest, mod: Guest) -> None:
    ada.bot.drain()
    lines = [event[1]["message"] for event in type_line(ada, "help")]
    assert lines == [event[1]["message"] for event in type_line(ada, "?")]
    names = [line.split()[0] for line in lines[1:]]
    assert names == ["/me", "/shrug", "/nick", "/color", "/msg", "/topic", "/help", "/modhelp"]
    lines = [event[1]["message"] for event in type_line(mod, "modhelp")]
    assert sorted(line.split()[0][1:] for line in lines[1:]) == sorted(MODERATING)
    assert len(type_line(mod, "modhelp", "ban")) == 2
    mod.bot.silence()


def test_moderators_commands_by_name(scene: Scene, ada: Guest, mod: Guest) -> None:
    """By nickname or account name; each does what its event does."""
    bob = scene.member("byname1")
    type_line(ada, "nick", "newada")
    bob.bot.drain(), mod.bot.drain()
    assert type_line(mod, "silence", "newada")[0] == status(f"newada was silenced by {mod.handle}")
    bob.bot.send("room::setUserIsBroadcasting", {"isBroadcasting": True})
    bob.bot.settle(scene.name)
    mod.bot.drain()
    assert type_line(mod, "close", "byname1")[0] == status(f"{mod.handle} has closed byname1's broadcast")
    assert type_line(mod, "kick", "byname1")[0] == status(f"byname1 was kicked by {mod.handle}")
    assert scene.sent_away(bob)[-2:] == ['42["self::banned"]', "41"]
    assert type_line(mod, "ban", "newada 2")[0] == status(f"newada was banned by {mod.handle}")
    scene.sent_away(ada)
    entry = {"_id": a_text("[0-9a-f]{24}"), "handle": "newada", "timestamp": an_instant()}
    assert type_line(mod, "banlist") == [["client::banlist", {"list": [entry]}]]
    assert type_line(mod, "unban", "newada") == [status("You unbanned newada"), ["client::banlist", {"list": []}]]
    scene.guest(somebody=ada.somebody)


def test_somebody_who_has_left_can_be_banned_within_a_day(scene: Scene, mod: Guest) -> None:
    bob, carol = scene.guest("bob"), scene.guest("carol")
    scene.leave(bob)
    mod.bot.drain()
    assert type_line(mod, "ban", "bob")[0] == status(f"bob was banned by {mod.handle}")
    scene.leave(carol)
    scene.place.move(timedelta(hours=24, seconds=1))
    mod.bot.drain()
    assert type_line(mod, "ban", "carol") == [error("chat", "User not found", "ERR_NO_USER")]


@pytest.mark.parametrize("command", ["close", "silence", "kick", "ban", "unban"])
def test_a_name_must_be_given_and_be_somebodys(scene: Scene, mod: Guest, command: str) -> None:
    assert type_line(mod, command, "  ") == [error("chat", "missing nickname or username", "ERR_NO_HANDLE")]
    unknown = {
        "kick": "User not found",
        "ban": "User not found",
        "unban": "'nobody' doesn't appear to be in the banlist",
    }.get(command, "'nobody' doesn't appear to be a user")
    assert type_line(mod, command, "nobody") == [error("chat", unknown, "ERR_NO_USER")]


@pytest.mark.parametrize(
    ("command", "value", "context", "permission"),
    [
        ("close", "bob", "banner", "closeCam"),
        ("silence", "bob", "banner", "muteUserChat"),
        ("kick", "bob", "banner", "kick"),
        ("ban", "bob", "banner", "ban"),
        ("clear", "", "banner", "ban"),
    ],
)
def test_who_may_not(scene: Scene, ada: Guest, command: str, value: str, context: str, permission: str) -> None:
    bob = scene.guest("bob")
    denied = f"You do not have permission to do this: {permission}"
    assert type_line(ada, command, value) == [error(context, denied, "PermissionError")]
    bob.bot.silence()


def test_who_may_not_read_the_banlist(scene: Scene, ada: Guest) -> None:
    assert type_line(ada, "banlist") == [error("alert", "you do not have permission to do this", "PermissionError")]


def test_unknown_and_missing_commands(scene: Scene, ada: Guest) -> None:
    bob = scene.guest()
    unknown = "'/{}' is not a command, use '/help' to see a list of available commands"
    assert type_line(ada, "dance", "x") == [status(unknown.format("dance"))]
    assert type_line(ada, "x" * 1000) == [status(unknown.format("x" * 32))]
    assert type_line(ada, "lastseen") == []
    message: Json
    for message in (None, "me dances", [], {}, {"command": ""}, {"value": "x"}, {"command": 7}):
        ada.bot.send("room::command", {"message": message, "room": scene.name})
        assert ada.bot.settle(scene.name) == [error("chat", "command message body missing", "ERR_NO_MESSAGE")]
    bob.bot.silence()


def test_a_value_that_is_too_large(scene: Scene, ada: Guest) -> None:
    too_large = "Message payload is too large, maximum size is 256 characters"
    assert type_line(ada, "me", "x" * 257) == [error("chat", too_large, "PayloadSizeError")]
    ((_, body),) = type_line(ada, "me", "x" * 256)
    assert body["message"] == "* ada " + "x" * 255


def test_the_name_of_a_command_is_trimmed_and_in_any_case(scene: Scene, ada: Guest) -> None:
    assert type_line(ada, " ME ", "nods")[0][1]["message"] == "* ada nods"
