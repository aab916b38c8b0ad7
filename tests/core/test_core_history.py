"""What was elsewhere before is taken over: people, groups, talk; twice is once, and nobody is disturbed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.core.house import House

from hubbub.core.chat import DeleteMessage, PostMessage, ReactToMessage
from hubbub.core.command import Command
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    HistoryExtended,
    MessagePosted,
    MessageReacted,
    NotificationsCounted,
    TakenOver,
    UserNotified,
    UserUnread,
)
from hubbub.core.group import GroupSettings
from hubbub.core.history import MarkHistoryRead, OldMessage, OldOption, OldPoll, Taken, TakeOverMessages, TakeOverPolls
from hubbub.core.joining import LeaveGroup, RejoinGroup, RemoveMember
from hubbub.core.model import Message
from hubbub.core.permission import PARTICIPANT_ROLE
from hubbub.core.poll import VotePoll
from hubbub.core.reading import FetchMessages, MarkRead
from hubbub.core.room import OWNER
from hubbub.core.takeover import (
    UNNAMED,
    OldFormer,
    OldMember,
    OldUser,
    TakeOverDirect,
    TakeOverGroup,
    TakeOverIds,
    TakeOverUsers,
)
from hubbub.core.user import BlockUser

THEN = datetime(2020, 8, 1, 12, tzinfo=UTC)
HEART = "❤️"
LATER = timedelta(minutes=5)


class Place:
    """A house in which Ada has an account, and Bob and Cleo were taken over, all three in a group."""

    def __init__(self) -> None:
        self.house = House()
        self.ada = self.house.person("Ada", token_id="ada")
        people = (
            OldUser(foreign="1", user=self.ada),
            OldUser(foreign="2", name="Bob", avatar="https://example.org/bob.png"),
            OldUser(foreign="3", name="Cleo"),
        )
        found = self.take(TakeOverUsers(source="groupme", users=people))
        self.bob, self.cleo = found["2"], found["3"]
        self.room: int = self.take(self.group()).id

    def take(self, command: Command) -> Any:
        return self.house.do(command, operator=True).result

    def group(self, **fields: Any) -> TakeOverGroup:
        members = (
            OldMember(user=self.ada, nickname="Countess", role="owner"),
            OldMember(user=self.bob, role="admin"),
        )
        former = (OldFormer(user=self.cleo, nickname="C", how="left", at=THEN),)
        settings = GroupSettings(name="Pub", description="Beer", group="closed")
        given: dict[str, Any] = {"foreign": "77", "settings": settings, "members": members, "former": former}
        return TakeOverGroup(source="groupme", created=THEN, **{**given, **fields})

    def say(self, *messages: OldMessage) -> Taken:
        found: Taken = self.take(TakeOverMessages(room=self.room, source="groupme", messages=messages))
        return found

    def said(self) -> list[Message]:
        found: list[Message] = self.house.do(FetchMessages(room=self.room, before=2**53, count=1000), self.ada).result
        return found

    def message(self, foreign: str, body: str = "hello", **fields: Any) -> OldMessage:
        given = {"sender": self.bob, "at": THEN, "body": body, **fields}
        return OldMessage(foreign=foreign, **given)


@pytest.fixture
def place() -> Place:
    return Place()


def test_it_is_the_operators_alone(place: Place) -> None:
    owner = place.house.owner()
    for command in (
        TakeOverUsers(source="groupme", users=(OldUser(foreign="9"),)),
        TakeOverIds(source="groupme", kind="gathering", foreign=("9",)),
        TakeOverDirect(source="groupme", foreign="1+2", users=(place.ada, place.bob), created=THEN),
        TakeOverMessages(room=place.room, source="groupme", messages=(place.message("9"),)),
        TakeOverPolls(room=place.room, source="groupme", polls=()),
        MarkHistoryRead(room=place.room, said=0),
        place.group(),
    ):
        assert place.house.refusal(command, owner) in (Code.WORLD_DENIED, Code.ROOM_DENIED)


# People and places


def test_somebody_is_taken_over_once_and_cannot_be_spoken_for(place: Place) -> None:
    bob = place.house.user(place.bob)
    assert bob.profile == {"display_name": "Bob", "avatar": {"url": "https://example.org/bob.png"}}
    assert (bob.shown, bob.account, bob.client_id) == (False, False, None)
    again = TakeOverUsers(source="groupme", users=(OldUser(foreign="2", name="Robert"), OldUser(foreign="4")))
    found = place.take(again)
    assert found["2"] == place.bob
    assert place.house.user(place.bob).display_name == "Bob"
    assert place.house.user(found["4"]).display_name == ""
    named = TakeOverUsers(source="groupme", users=(OldUser(foreign="4", name=" Dan\x07 "),))
    assert place.take(named) == {"4": found["4"]}
    assert place.house.user(found["4"]).display_name == "Dan"


def test_nobody_becomes_somebody_else(place: Place) -> None:
    other = place.house.person("Eve", token_id="eve")
    command = TakeOverUsers(source="groupme", users=(OldUser(foreign="9"), OldUser(foreign="2", user=other)))
    assert place.house.refusal(command, operator=True) == Code.INVALID
    assert (
        place.house.refusal(TakeOverUsers(source="groupme", users=(OldUser(foreign="9", user=12345),)), operator=True)
        == Code.USER_UNKNOWN
    )


def test_a_group_is_like_one_that_was_made_here(place: Place) -> None:
    state, room = place.house.state, place.house.state.rooms[place.room]
    assert (room.name, room.description, room.group, room.share_token, room.created) == (
        "Pub",
        "Beer",
        "closed",
        "",
        THEN,
    )
    assert room.lasting
    assert set(state.members[room.id]) == {place.ada, place.bob}
    assert state.members[room.id][place.ada].nickname == "Countess"
    assert set(state.granted_roles(place.ada, room.id)) == {OWNER, PARTICIPANT_ROLE}
    assert set(state.granted_roles(place.bob, room.id)) == {"moderator", PARTICIPANT_ROLE}
    assert state.former[room.id][place.cleo].how == "left"
    place.house.do(PostMessage(room=room.id, body="still here"), place.ada)


def test_a_group_is_cut_to_what_it_may_be(place: Place) -> None:
    settings = GroupSettings(
        name="\x00\ud800 x" * 200,
        description="y\0" * 400,
        picture="javascript:x",
        theme="t" * 500,
        like_icon={"a": "b" * 999},
    )
    room = place.take(place.group(foreign="78", settings=settings, members=(), former=()))
    assert len(room.name) <= 140
    assert room.description == "y" * 255
    assert (room.picture, len(room.theme), room.like_icon) == (None, 140, None)
    nameless = place.take(place.group(foreign="79", settings=GroupSettings(name=" "), members=(), former=()))
    assert nameless.name == UNNAMED


def test_a_group_that_is_here_only_gets_who_is_new(place: Place) -> None:
    dan = place.take(TakeOverUsers(source="groupme", users=(OldUser(foreign="5", name="Dan"),)))["5"]
    place.house.do(RemoveMember(room=place.room, user=place.bob), place.ada)
    members = (OldMember(user=place.bob), OldMember(user=dan, role="admin"), OldMember(user=place.cleo))
    again = place.group(members=members, former=(), settings=GroupSettings(name="Other"))
    room = place.take(again)
    assert (room.id, room.name) == (place.room, "Pub")
    assert set(place.house.state.members[room.id]) == {place.ada, dan}
    assert "moderator" in place.house.state.granted_roles(dan, room.id)
    events = place.house.do(again, operator=True).events
    assert events == [], "the second time there is nothing to do"


def test_who_left_elsewhere_with_an_account_here_may_come_back() -> None:
    place = Place()
    eve, finn = (place.house.person(name, token_id=name) for name in ("Eve", "Finn"))
    former = (OldFormer(user=eve, how="left", at=THEN), OldFormer(user=finn, how="removed", at=THEN))
    room = place.take(place.group(foreign="80", former=former)).id
    place.house.do(RejoinGroup(room=room), eve)
    assert place.house.refusal(RejoinGroup(room=room), finn) == Code.ROOM_UNKNOWN


def test_a_direct_conversation_that_two_have_here_is_used(place: Place) -> None:
    command = TakeOverDirect(source="groupme", foreign="1+2", users=(place.ada, place.bob), created=THEN)
    room = place.take(command)
    assert (room.kind, set(place.house.state.members[room.id])) == ("direct", {place.ada, place.bob})
    assert place.take(command) == room
    assert place.take(msgspec.structs.replace(command, foreign="2+1")) == room
    assert (
        place.house.refusal(msgspec.structs.replace(command, foreign="x", users=(place.ada, place.ada)), operator=True)
        == Code.INVALID
    )
    assert (
        place.house.refusal(msgspec.structs.replace(command, foreign="x", users=(place.ada, 4)), operator=True)
        == Code.USER_UNKNOWN
    )


def test_ids_are_given_once(place: Place) -> None:
    command = TakeOverIds(source="groupme", kind="gathering", foreign=("a", "b", "a"))
    found = place.take(command)
    assert set(found) == {"a", "b"}
    assert place.take(command) == found
    other = place.take(TakeOverIds(source="groupme", kind="poll", foreign=("a",)))
    assert other["a"] != found["a"]


# Talk


def test_messages_keep_their_times_and_get_new_numbers_in_order(place: Place) -> None:
    before = place.house.state.last_number
    taken = place.say(place.message("a", "one"), place.message("b", "two", at=THEN + LATER, sender=0, kind="system"))
    assert taken == Taken(added=2)
    one, two = place.said()
    assert [(one.body, one.at, one.number, one.sender), (two.body, two.at, two.number, two.sender)] == [
        ("one", THEN, before + 1, place.bob),
        ("two", THEN + LATER, before + 2, None),
    ]
    state = place.house.state
    assert (state.last_number, state.last_said[place.room]) == (two.number, one.number)
    assert state.message_counts[place.room] == 2


def test_twice_is_once(place: Place) -> None:
    messages = (place.message("a"), place.message("b"), place.message("a", "again"))
    assert place.say(*messages) == Taken(added=2, kept=1)
    before = place.said()
    outcome = place.house.do(TakeOverMessages(room=place.room, source="groupme", messages=messages), operator=True)
    assert outcome.result == Taken(kept=3)
    assert outcome.events == []
    assert place.said() == before


def test_nobody_is_told_or_has_something_unread(place: Place) -> None:
    place.house.connect(place.ada)
    outcome = place.house.do(
        TakeOverMessages(
            room=place.room, source="groupme", messages=(place.message("a", "hello @Ada"), place.message("b"))
        ),
        operator=True,
    )
    assert {type(event) for event in outcome.events} == {TakenOver, HistoryExtended}
    assert not outcome.of(MessagePosted) + outcome.of(UserUnread) + outcome.of(UserNotified)
    (event,) = outcome.of(HistoryExtended)
    assert len(msgspec.json.encode(event)) < 2000, "the journal must not have it all again"
    marked = place.house.do(MarkHistoryRead(room=place.room, said=0), operator=True)
    assert not marked.of(NotificationsCounted)
    reads = place.house.state.read_states
    assert reads[place.ada][place.room].read == place.house.state.last_said[place.room]
    assert place.room not in reads.get(place.bob, {}), "who cannot be here reads nothing"


def test_what_was_unread_before_still_is(place: Place) -> None:
    eve = place.house.person("Eve", token_id="eve")
    place.take(place.group(members=(OldMember(user=eve),)))
    mine = place.house.do(PostMessage(room=place.room, body="news"), place.ada).result
    place.house.do(MarkRead(room=place.room, number=mine.number), place.ada)
    said = place.house.state.last_said[place.room]
    place.say(place.message("a"))
    place.take(MarkHistoryRead(room=place.room, said=said))
    reads = place.house.state.read_states
    assert reads[place.ada][place.room].read == place.house.state.last_said[place.room]
    assert place.room not in reads.get(eve, {})


def test_likes_are_brought_up_to_date_but_not_taken_from_who_is_here(place: Place) -> None:
    place.say(place.message("a", reactions={HEART: (place.bob, place.cleo), "nonsense": (place.bob,)}))
    (message,) = place.said()
    assert message.reactions == {HEART: (place.bob, place.cleo)}
    place.house.do(ReactToMessage(room=place.room, number=message.number, reaction="👍"), place.ada)
    taken = place.say(place.message("a", reactions={"😂": (place.bob, 999)}))
    assert taken == Taken(changed=1)
    (message,) = place.said()
    assert message.reactions == {"😂": (place.bob,), "👍": (place.ada,)}
    reacted = place.house.do(ReactToMessage(room=place.room, number=message.number, reaction=HEART), place.ada).one(
        MessageReacted
    )
    assert reacted.message.reactions == {"😂": (place.bob,), "👍": (place.ada,), HEART: (place.ada,)}


def test_a_later_edit_and_deletion_elsewhere_hold_here(place: Place) -> None:
    place.say(place.message("a", "typo"), place.message("b", "secret", attachments=({"type": "image"},)))
    edited = place.message("a", "fixed", edited=THEN + LATER)
    gone = place.message("b", "", deleted=True, edited=THEN + LATER, deleted_by=place.bob)
    assert place.say(edited, gone) == Taken(changed=2)
    first, second = place.said()
    assert (first.body, first.edited) == ("fixed", THEN + LATER)
    assert (second.body, second.attachments, second.deleted, second.deleted_by) == ("", (), True, place.bob)
    assert place.say(place.message("a", "typo"), place.message("b", "secret")) == Taken(kept=2)


def test_what_was_deleted_here_stays_so(place: Place) -> None:
    place.say(place.message("a", "rude"))
    (message,) = place.said()
    place.house.do(DeleteMessage(room=place.room, number=message.number), place.ada)
    place.say(place.message("a", "rude", edited=THEN + LATER))
    assert place.said()[0].deleted
    assert place.said()[0].body == ""


def test_a_message_that_says_so_deletes_another(place: Place) -> None:
    place.say(place.message("a", "oops", pinned=THEN, pinned_by=place.ada))
    (message,) = place.said()
    event = {"type": "message.deleted", "message": message.id, "number": message.number}
    says = place.message("b", "A message was deleted.", event=event, replaces=message.number, deleted=True)
    assert place.say(says) == Taken(added=1, changed=1)
    gone, told = place.said()
    assert (gone.deleted, gone.body, gone.deleted_by, gone.pinned, gone.edited) == (True, "", place.bob, None, THEN)
    assert (told.replaces, told.deleted, told.body) == (gone.number, True, "A message was deleted.")


def test_only_messages_of_the_room_are_replaced(place: Place) -> None:
    place.house.do(PostMessage(room=place.room, body="mine"), place.ada)
    other = place.take(place.group(foreign="90")).id
    number = place.house.state.last_number
    says = place.message("b", event={"type": "message.deleted"}, replaces=number, deleted=True)
    place.take(TakeOverMessages(room=other, source="groupme", messages=(says,)))
    assert not place.said()[0].deleted


def test_what_is_too_long_is_cut(place: Place) -> None:
    attachments = tuple({"type": "image", "n": number} for number in range(50))
    place.say(
        place.message("a", "x\ud800\0" * 30_000, attachments=attachments),
        place.message(
            "b", attachments=({"type": "x" * 200_000},), event={"type": "groupme", "original": "y" * 200_000}
        ),
        place.message("c", reactions={chr(0x1F600 + place_): (place.bob,) for place_ in range(70)}),
    )
    one, two, three = place.said()
    assert (one.body, len(one.attachments)) == ("x" * 20_000, 20)
    assert (two.attachments, two.event) == ((), None)
    assert len(three.reactions) == 64


def test_what_is_missing_is_refused_whole(place: Place) -> None:
    with pytest.raises(HubbubError):
        place.take(TakeOverMessages(room=12345, source="groupme", messages=(place.message("a"),)))
    with pytest.raises(HubbubError):
        place.take(TakeOverMessages(room=place.house.shed, source="groupme", messages=(place.message("a"),)))


# Polls


def poll(place: Place, **fields: Any) -> OldPoll:
    options = (
        OldOption(foreign="1", content="Pub", voters=(place.bob, place.cleo, 999)),
        OldOption(foreign="2", content="Park", voters=(place.bob,)),
    )
    given: dict[str, Any] = {"by": place.bob, "content": "Where?", "options": options, "created": THEN}
    return OldPoll(foreign="p", **{**given, "modified": THEN, **fields})


def test_a_poll_is_taken_over_with_its_votes_once(place: Place) -> None:
    command = TakeOverPolls(room=place.room, source="groupme", polls=(poll(place),))
    found = place.take(command)
    state = place.house.state
    made = state.polls[place.room][found["p"]]
    pub, park = (option.id for option in made.ordered)
    assert (made.content, made.state, made.by, made.created) == ("Where?", "closed", place.bob, THEN)
    votes = {user: vote.options for user, vote in state.poll_votes[made.id].items()}
    assert votes == {place.bob: (pub,), place.cleo: (pub,)}, "of a poll with one choice the first counts"
    assert state.tallies[made.id] == {pub: 2}
    outcome = place.house.do(command, operator=True)
    assert (outcome.result, outcome.events) == (found, [])
    assert park


def test_an_open_poll_goes_on_here_and_ends_when_it_has_ended_there(place: Place) -> None:
    expires = place.house.now + timedelta(days=1)
    first = poll(place, open=True, expires=expires, kind="multi")
    identity = place.take(TakeOverPolls(room=place.room, source="groupme", polls=(first,)))["p"]
    made = place.house.state.polls[place.room][identity]
    assert (made.state, made.expires) == ("open", expires)
    choice = made.ordered[1].id
    place.house.do(VotePoll(room=place.room, poll=identity, options=(choice,)), place.ada)
    options = (
        OldOption(foreign="1", content="Pub"),
        OldOption(foreign="2", content="Park", voters=(place.bob, place.ada)),
    )
    place.take(TakeOverPolls(room=place.room, source="groupme", polls=(poll(place, options=options, kind="multi"),)))
    assert place.house.state.polls[place.room][identity].state == "closed"
    votes = {user: vote.options for user, vote in place.house.state.poll_votes[identity].items()}
    assert votes[place.bob] == votes[place.ada] == (choice,)


def test_a_room_has_the_newest_of_too_many_polls(place: Place) -> None:
    polls = tuple(
        OldPoll(
            foreign=str(number),
            by=0,
            content=f"Number {number}",
            options=(OldOption(foreign="1", content="Yes"),),
            created=THEN + number * LATER,
            modified=THEN,
        )
        for number in range(510)
    )
    found = place.take(TakeOverPolls(room=place.room, source="groupme", polls=polls))
    assert len(found) == 500
    assert "0" not in found
    assert "509" in found


def test_leaving_and_blocking_go_on_as_ever(place: Place) -> None:
    place.house.do(BlockUser(user=place.bob), place.ada)
    place.say(place.message("a"))
    assert len(place.said()) == 1
    eve = place.house.person("Eve", token_id="eve")
    place.take(place.group(members=(OldMember(user=eve),)))
    place.house.do(LeaveGroup(room=place.room), eve)
    place.take(place.group(members=(OldMember(user=eve),)))
    assert eve not in place.house.state.members[place.room]
