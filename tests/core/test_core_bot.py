"""Bots of groups: who adds them, as whom they speak, and with what (protocols/groupme.md 1.2, 2.6)."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.house import SECRET, WORLD, House, Outcome, drive

from hubbub.core import bot as bot_module
from hubbub.core.bot import (
    MAX_NAME,
    TOKEN,
    AddBot,
    BotSight,
    CheckBot,
    ListBots,
    PostAsBot,
    RemoveBot,
    UpdateBot,
    bot_by_token,
    bot_of,
    listeners,
    token_of,
)
from hubbub.core.chat import MAX_BODY, JoinChat
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    BotAdded,
    BotRemoved,
    BotUpdated,
    GrantTaken,
    MemberJoined,
    MemberLeft,
    MessagePosted,
    UserCreated,
    UserDeleted,
    UserNotified,
    UserUnread,
    UserUpdated,
    WorldUpdated,
)
from hubbub.core.group import CreateGroup, GroupSettings, SetAdmin, UpdateGroup
from hubbub.core.joining import AddMembers, LeaveGroup, NewMember, RejoinGroup, RemoveMember
from hubbub.core.room import DeleteRoom
from hubbub.core.signature import derive
from hubbub.core.user import DeleteUser, SilenceUser

URL = "https://example.org:8443/bot?a=b"


class Club:
    """A private group of Ada, who owns it, Bob and Cleo; Cleo may not make bots. Dan is outside."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.cleo, self.dan = (house.person(name) for name in ("Ada", "Bob", "Cleo", "Dan"))
        for user in (self.ada, self.bob, self.dan):
            house.grant(user, "member")
        self.room = self.found("Club")

    def found(self, name: str) -> int:
        room: int = self.house.do(CreateGroup(settings=GroupSettings(name=name)), self.ada).result.id
        members = (NewMember(user=self.bob, nickname="Bobby"), NewMember(user=self.cleo))
        self.house.do(AddMembers(room=room, members=members), self.ada)
        return room

    def add(self, by: int = 0, name: str = "Robo", **fields: Any) -> BotSight:
        command = AddBot(room=fields.pop("room", self.room), name=name, **fields)
        found: BotSight = self.house.do(command, by or self.bob).result
        return found

    def post(self, token: str, body: str = "Beep", **fields: Any) -> Outcome:
        return self.house.do(PostAsBot(token=token, body=body, **fields))

    def refusal(self, token: str, body: str = "Beep", **fields: Any) -> Code:
        return self.house.refusal(PostAsBot(token=token, body=body, **fields))

    def hears(self, room: int = 0) -> list[int]:
        return [bot.user for bot in listeners(self.house.state, room or self.room, self.house.now)]


@pytest.fixture
def club(house: House) -> Club:
    return Club(house)


def said(outcome: Outcome) -> list[str]:
    return [event.message.body for event in outcome.of(MessagePosted)]


# Adding


def test_a_bot_is_a_user_of_its_own(club: Club) -> None:
    house = club.house
    command = AddBot(room=club.room, name=" Robo ", avatar="https://a/b", callback=URL, direct=True)
    outcome = house.do(command, club.bob)
    sight = outcome.result
    bot, user = sight.bot, sight.user
    assert (bot.by, bot.room, bot.callback, bot.direct, bot.created) == (club.bob, club.room, URL, True, house.now)
    assert (bot.user, user.kind, user.shown) == (user.id, "bot", False)
    assert user.profile == {"display_name": "Robo", "avatar": {"url": "https://a/b"}}
    assert (user.login, user.token_id, user.client_id, user.account) == (None, None, None, False)
    assert outcome.one(UserCreated).user == user
    assert outcome.one(MemberJoined).member.let_in
    assert outcome.one(BotAdded).bot == bot
    message = outcome.one(MessagePosted).message
    assert (message.body, message.sender) == ("Bobby added the Robo bot to the group", club.bob)
    event = {"type": "bot.added", "user": club.bob, "nickname": "Bobby", "bot": user.id, "name": "Robo"}
    assert message.event == event
    assert TOKEN.fullmatch(sight.token)


def test_nothing_secret_is_kept(club: Club) -> None:
    sight = club.add()
    assert sight.token not in repr(club.house.cabinet.records)
    assert sight.token[14:] not in repr(club.house.cabinet.records)


@pytest.mark.parametrize("name", ["token", "client_id", "access"])
def test_nobody_logs_in_as_a_bot(club: Club, name: str) -> None:
    sight = club.add()
    for value in (sight.token, str(sight.user.id), f"account:{sight.user.id}", "Robo"):
        try:
            outcome, _ = club.house.log_in(**{name: value})
        except HubbubError:
            continue
        assert outcome.result.id != sight.user.id


def test_who_may_add(club: Club) -> None:
    house, command = club.house, AddBot(room=club.room, name="Robo")
    assert house.refusal(command, club.cleo) == Code.WORLD_DENIED, "the world lets her make none"
    assert house.refusal(command, club.dan) == Code.ROOM_DENIED
    assert house.refusal(command, operator=True) == Code.UNAUTHENTICATED
    assert house.refusal(command, house.person("Mo", "moderator")) == Code.ROOM_DENIED, "does not belong"
    house.do(UpdateGroup(room=club.room, settings=GroupSettings(group="closed")), club.ada)
    assert house.refusal(command, club.bob) == Code.ROOM_DENIED
    assert house.do(command, club.ada).result
    house.do(SetAdmin(room=club.room, user=club.bob, admin=True), club.ada)
    assert house.do(command, club.bob).result
    for room in (house.stage, house.shed, 12345):
        assert house.refusal(AddBot(room=room, name="x"), house.owner()) == Code.ROOM_UNKNOWN


def test_the_organisers_let_who_they_want_add_bots(club: Club) -> None:
    house = club.house
    roles = {**house.state.world.roles, "maker": ["room:bot.add"]}
    house.happen(WorldUpdated(world=WORLD, config=replace(house.state.world, roles=roles)))
    house.grant(club.cleo, "maker", club.room)
    house.change_room(club.room, group="announcement")
    assert club.add(club.cleo)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * (MAX_NAME + 1)},
        {"name": "a\nb"},
        {"name": "\ud800"},
        *(
            {field: url}
            for field in ("callback", "avatar")
            for url in (
                *("ftp://a/b", "javascript:alert(1)", "data:text/html,x", "//a/b", "a", "https://", "https://u:p@a/b"),
                *("https://a/b c", "https://a/\n", "https://ä/b", "https://a:0/", "https://a:x/", "https://[a/"),
                "https://a/" + "x" * 2000,
            )
        ),
    ],
)
def test_what_makes_no_sense(club: Club, fields: dict[str, Any]) -> None:
    bot = club.add().bot
    assert club.house.refusal(AddBot(room=club.room, **{"name": "Robo", **fields}), club.bob) == Code.INVALID
    assert club.house.refusal(UpdateBot(bot=bot.user, **fields), club.bob) == Code.INVALID


def test_several_in_a_group_and_so_many_at_most(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    other, command = club.found("Other"), AddBot(room=club.room, name="Robo")
    assert len({club.add().token, club.add().token}) == 2
    monkeypatch.setattr(bot_module, "MAX_BOTS", 2)
    assert club.house.refusal(command, club.ada) == Code.TOO_MANY
    monkeypatch.setattr(bot_module, "MAX_BOTS", 50)
    monkeypatch.setattr(bot_module, "MAX_OWN", 2)
    assert club.house.refusal(AddBot(room=other, name="Robo"), club.bob) == Code.TOO_MANY
    assert club.add(club.ada)
    monkeypatch.setattr(bot_module, "MAX_MEMBERS", 6)
    assert club.house.refusal(command, club.ada) == Code.TOO_MANY


def test_a_world_without_a_secret_has_no_bots() -> None:
    club = Club(House(JWT_secrets=[]))
    assert club.house.refusal(AddBot(room=club.room, name="Robo"), club.bob) == Code.CONFIG_INVALID


# Changing and removing


def test_another_name_is_said(club: Club) -> None:
    bot = club.add(avatar="https://a/b").bot
    outcome = club.house.do(UpdateBot(bot=bot.user, name="Robot"), club.bob)
    assert said(outcome) == ["Bobby renamed the Robo bot to Robot"]
    who = {"user": club.bob, "nickname": "Bobby"}
    event = {"type": "bot.renamed", **who, "bot": bot.user, "old": "Robo", "name": "Robot"}
    assert outcome.one(MessagePosted).message.event == event
    assert outcome.one(UserUpdated).user.profile == {"display_name": "Robot", "avatar": {"url": "https://a/b"}}
    assert outcome.of(BotUpdated) == []
    assert club.house.do(UpdateBot(bot=bot.user, name="Robot"), club.bob).events == []


def test_other_changes_are_not_said(club: Club) -> None:
    bot = club.add(avatar="https://a/b").bot
    outcome = club.house.do(UpdateBot(bot=bot.user, avatar="", callback=URL, direct=True), club.bob)
    assert said(outcome) == []
    assert outcome.one(UserUpdated).user.profile == {"display_name": "Robo"}
    assert (outcome.one(BotUpdated).bot.callback, outcome.result.bot.direct) == (URL, True)


def test_only_the_owner_changes_and_sees_a_bot(club: Club) -> None:
    house, bot = club.house, club.add(club.bob).bot
    for user in (club.ada, club.cleo, club.dan):
        assert house.refusal(UpdateBot(bot=bot.user, name="Mine"), user) == Code.BOT_UNKNOWN
        assert house.refusal(CheckBot(bot=bot.user), user) == Code.BOT_UNKNOWN
        assert house.do(ListBots(), user).result == []
    assert house.refusal(CheckBot(bot=bot.user), operator=True) == Code.BOT_UNKNOWN
    assert house.do(CheckBot(bot=bot.user), club.bob).result == bot
    for other in (0, 12345, club.ada):
        assert house.refusal(CheckBot(bot=other), club.bob) == Code.BOT_UNKNOWN
        assert house.refusal(UpdateBot(bot=other, name="x"), club.bob) == Code.BOT_UNKNOWN
        assert house.refusal(RemoveBot(bot=other), club.bob) == Code.BOT_UNKNOWN


def test_own_bots_are_listed_with_their_tokens(club: Club) -> None:
    first, other = club.add(), club.found("Other")
    second, third = club.add(room=other), club.add()
    assert club.house.do(ListBots(), club.bob).result == [first, second, third]
    club.house.do(DeleteRoom(room=other), club.ada)
    assert club.house.do(ListBots(), club.bob).result == [first, third]


def test_removing_a_bot(club: Club) -> None:
    house, sight = club.house, club.add(callback=URL)
    message = club.post(sight.token).result
    outcome = house.do(RemoveBot(bot=sight.user.id), club.bob)
    assert said(outcome) == ["Bobby removed the Robo bot from the group"]
    event = {"type": "bot.removed", "user": club.bob, "nickname": "Bobby", "bot": sight.user.id, "name": "Robo"}
    assert outcome.one(MessagePosted).message.event == event
    assert outcome.one(BotRemoved).bot == sight.bot
    assert outcome.one(MemberLeft).member.user == sight.user.id
    assert outcome.one(GrantTaken).grant.role == "participant"
    gone = outcome.one(UserDeleted).user
    assert (gone.deleted, gone.display_name) == (True, "Robo"), "what it said still has its name"
    assert house.state.users[message.sender].display_name == "Robo"
    assert (club.refusal(sight.token), club.hears()) == (Code.BOT_UNKNOWN, [])
    assert house.refusal(RemoveBot(bot=sight.user.id), club.bob) == Code.BOT_UNKNOWN
    assert house.do(AddMembers(room=club.room, members=(NewMember(user=sight.user.id),)), club.ada).result == ()


def test_who_may_remove_a_bot(club: Club) -> None:
    house, bots = club.house, [club.add(club.bob).bot.user for _ in range(3)]
    for user in (club.cleo, club.dan):
        assert house.refusal(RemoveBot(bot=bots[0]), user) == Code.BOT_UNKNOWN
    assert said(house.do(RemoveBot(bot=bots[0]), club.ada)) == ["Ada removed the Robo bot from the group"]
    assert said(house.do(RemoveBot(bot=bots[1]), operator=True)) == ["Somebody removed the Robo bot from the group"]
    house.do(LeaveGroup(room=club.room), club.bob)
    assert said(house.do(RemoveBot(bot=bots[2]), club.bob)) == ["Bob removed the Robo bot from the group"]


def test_a_bot_is_no_member_like_the_others(club: Club) -> None:
    house, bot = club.house, club.add().bot
    assert house.refusal(RemoveMember(room=club.room, user=bot.user), club.ada) == Code.INVALID
    other = house.do(CreateGroup(settings=GroupSettings(name="Other")), club.ada).result.id
    assert house.do(AddMembers(room=other, members=(NewMember(user=bot.user),)), club.ada).result == ()


# Speaking


def test_a_bot_speaks_by_its_token_alone(club: Club) -> None:
    house, sight = club.house, club.add()
    outcome = club.post(sight.token, "Beep", attachments=({"type": "image", "url": "https://a/b"},))
    message = outcome.result
    assert (message.sender, message.body, message.room, message.kind) == (sight.user.id, "Beep", club.room, "text")
    assert message.attachments == ({"type": "image", "url": "https://a/b"},)
    assert (outcome.one(MessagePosted).by, outcome.one(MessagePosted).session) == (sight.user.id, 0)
    assert set(outcome.one(UserUnread).users) == {club.ada, club.bob, club.cleo}
    assert club.post(sight.token, mentions=(club.ada,)).one(UserNotified).user == club.ada
    as_somebody = house.do(PostAsBot(token=sight.token, body="Boop"), club.cleo)
    assert as_somebody.result.sender == sight.user.id


def test_the_same_nonce_is_the_same_message(club: Club) -> None:
    token = club.add().token
    first = club.post(token, "One", nonce="n")
    again = club.post(token, "Two", nonce="n")
    assert (again.result, again.events) == (first.result, [])


def test_what_a_bot_cannot_say(club: Club) -> None:
    token = club.add().token
    assert club.refusal(token, "") == Code.MESSAGE_EMPTY
    assert club.refusal(token, "x" * (MAX_BODY + 1)) == Code.TOO_LARGE


def test_tokens_that_are_none(club: Club) -> None:
    sight = club.add()
    token = sight.token
    other = "0" if token[-1] != "0" else "1"
    forged = [token[:-1] + other, token.upper() if token.upper() != token else token + "0", token + "0", token[:-1], ""]
    forged += [f"{club.ada:014x}" + token[14:], "0" * len(token), "f" * len(token), "ä" * len(token), "\ud800", "\0"]
    for one in forged:
        assert club.refusal(one) == Code.BOT_UNKNOWN, one
    assert bot_by_token(club.house.state, token) == sight.bot


def test_tokens_are_good_as_long_as_the_secret_is_one_of_the_world(club: Club) -> None:
    house, sight = club.house, club.add()

    def use(*secrets: dict[str, str]) -> None:
        config = {**house.state.world.config, "JWT_secrets": list(secrets)}
        house.happen(WorldUpdated(world=WORLD, config=replace(house.state.world, config=config)))

    other = {**SECRET, "secret": "another"}
    use(other, SECRET)
    assert club.post(sight.token).result
    (now,) = house.do(ListBots(), club.bob).result
    assert now.token != sight.token
    assert club.post(now.token).result
    use(other)
    assert club.refusal(sight.token) == Code.BOT_UNKNOWN
    assert club.post(now.token).result
    assert token_of(house.state.world, sight.bot) == now.token
    use()
    assert club.refusal(now.token) == Code.BOT_UNKNOWN


def test_what_is_derived_is_for_one_purpose_and_one_world(house: House) -> None:
    world = house.state.world
    found = {
        derive("secret", world, "bot", "1"),
        derive("secret", world, "bot", "2"),
        derive("secret", world, "robot", "1"),
        derive("other", world, "bot", "1"),
        derive("secret", replace(world, id=2), "bot", "1"),
    }
    assert len(found) == 5
    assert derive("secret", world, "bot", "1") in found
    assert all(len(one) == 64 for one in found)


@pytest.mark.parametrize("how", ["left", "removed", "banned", "silenced", "deleted"])
def test_a_bot_speaks_while_its_owner_may(club: Club, how: str) -> None:
    """Once somebody who had been removed could have gone on by way of a bot."""
    house, sight = club.house, club.add(callback=URL)
    assert club.hears() == [sight.user.id]
    ways: dict[str, Callable[[], Any]] = {
        "left": lambda: house.do(LeaveGroup(room=club.room), club.bob),
        "removed": lambda: house.do(RemoveMember(room=club.room, user=club.bob), club.ada),
        "banned": lambda: house.ban(club.bob, club.room),
        "silenced": lambda: house.do(SilenceUser(user=club.bob), house.owner()),
        "deleted": lambda: house.do(DeleteUser(user=club.bob), house.owner()),
    }
    ways[how]()
    assert club.refusal(sight.token) == Code.CHAT_DENIED
    rename = house.refusal(UpdateBot(bot=sight.bot.user, name="Rude"), club.bob)
    assert rename == (Code.WORLD_DENIED if how == "deleted" else Code.ROOM_DENIED)
    assert club.hears() == ([sight.user.id] if how == "silenced" else [])
    if how == "left":
        house.do(RejoinGroup(room=club.room), club.bob)
        assert club.post(sight.token).result


def test_a_bot_does_not_speak_for_who_only_could_belong(club: Club) -> None:
    """In a room that everybody may join, its owner must belong, too."""
    house, mo = club.house, club.house.person("Mo", "moderator")
    house.grant(mo, "member")
    house.do(JoinChat(room=house.lounge), mo)
    sight = house.do(AddBot(room=house.lounge, name="Robo", callback=URL), mo).result
    assert club.post(sight.token).result.room == house.lounge
    house.do(LeaveGroup(room=house.lounge), mo)
    assert (club.refusal(sight.token), club.hears(house.lounge)) == (Code.CHAT_DENIED, [])


def test_a_bot_that_is_silenced_itself(club: Club) -> None:
    house, sight = club.house, club.add()
    house.do(SilenceUser(user=sight.user.id), house.owner())
    assert club.refusal(sight.token) == Code.ROOM_DENIED


def test_a_bot_that_is_removed_while_we_look(club: Club) -> None:
    house, sight = club.house, club.add()
    house.cabinet.meanwhile = lambda: house.do(RemoveBot(bot=sight.user.id), club.bob) and None
    assert club.refusal(sight.token, nonce="n") == Code.ROOM_DENIED


def test_a_bot_of_a_group_that_is_gone(club: Club) -> None:
    sight = club.add(callback=URL)
    club.house.do(DeleteRoom(room=club.room), club.ada)
    assert (club.refusal(sight.token), club.hears()) == (Code.CHAT_DENIED, [])
    assert club.house.refusal(UpdateBot(bot=sight.user.id, name="x"), club.bob) == Code.ROOM_UNKNOWN


def test_a_bot_speaks_in_an_announcement_group(club: Club) -> None:
    sight = club.add()
    club.house.do(UpdateGroup(room=club.room, settings=GroupSettings(group="announcement")), club.ada)
    assert club.post(sight.token).result


def test_a_bot_does_not_speak_elsewhere(club: Club) -> None:
    house, sight = club.house, club.add()
    assert house.refusal(JoinChat(room=house.lounge), sight.user.id) in (Code.ROOM_DENIED, Code.CHAT_DENIED)
    assert bot_of(house.state, sight.user.id) == sight.bot
    assert bot_of(house.state, club.bob) is None


def test_only_bots_with_an_address_hear(club: Club) -> None:
    club.add()
    heard = [club.add(callback=URL).user.id, club.add(club.ada, callback=URL).user.id]
    assert club.hears() == heard
    assert club.hears(club.house.lounge) == []


def test_organisers_read_who_added_and_removed_bots(club: Club) -> None:
    bot = club.add().bot
    club.house.do(RemoveBot(bot=bot.user), club.ada)
    entries = drive(club.house.cabinet.audit(WORLD, types=("bot.added", "bot.removed")))
    assert [(entry.type, entry.user, entry.data) for entry in reversed(entries)] == [
        ("bot.added", club.bob, {"object": bot.user, "room": club.room}),
        ("bot.removed", club.ada, {"object": bot.user, "room": club.room}),
    ]
