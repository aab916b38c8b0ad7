"""Searching: what can be asked for, and that nobody finds, or learns of, what they may not read."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.house import House

from hubbub.core.archive import Query, Term
from hubbub.core.chat import JoinChat, LeaveChat, PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code, HubbubError, Invalid
from hubbub.core.model import Message
from hubbub.core.reading import FetchMessages
from hubbub.core.room import DeleteRoom
from hubbub.core.search import MAX_FOUND, MAX_TEXT, MAX_WORDS, Page, SearchMessages, parse
from hubbub.core.user import BlockUser

# Words


def words(*terms: str) -> tuple[Term, ...]:
    """Write terms: words with blanks between, a star for a prefix."""
    return tuple(Term(tuple(term.rstrip("*").split()), term.endswith("*")) for term in terms)


@pytest.mark.parametrize(
    ("text", "terms", "without"),
    [
        ("tea", ["tea"], []),
        ("  Tea   time ", ["Tea", "time"], []),
        ('"tea time"', ["tea time"], []),
        ('"tea time', ["tea time"], []),
        ("“tea time” «for two»", ["tea time", "for two"], []),
        ('say"tea time"now', ["say", "tea time", "now"], []),
        ("tea -milk", ["tea"], ["milk"]),
        ('tea -"cold milk"', ["tea"], ["cold milk"]),
        ("tea - milk", ["tea", "milk"], []),
        ("tea --milk", ["tea"], ["milk"]),
        ("tea* -mi*", ["tea*"], ["mi*"]),
        ("well-known", ["well known"], []),
        ("e-ma*", ["e ma*"], []),
        ("t*a", ["t a"], []),
        ('"tea*" time', ["tea", "time"], []),
        ("tea :-) !!! \N{HOT BEVERAGE}", ["tea"], []),
        ("a:b^2 NEAR(c) {d}", ["a b 2", "NEAR c", "d"], []),
        ("it's \\ 50% _x_", ["it s", "50", "x"], []),
        ("नमस्ते", ["नमस्ते"], []),
        ("日本 日本*", ["日本", "日本*"], []),
        ("a\0b\ud800c", ["a b c"], []),
    ],
)
def test_what_is_looked_for(text: str, terms: list[str], without: list[str]) -> None:
    assert parse(text) == Query(terms=words(*terms), without=words(*without))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one word"),
        (" \n", "at least one word"),
        ("-tea", "at least one word"),
        ('-"tea time" -milk', "at least one word"),
        ('!?* "" -', "at least one word"),
        ("t*", "at least 2 letters before a star"),
        ("tea -t*", "at least 2 letters before a star"),
        ("tea-t*", "at least 2 letters before a star"),
        ("x" * (MAX_TEXT + 1), "at most 200 characters"),
        ("a " * (MAX_WORDS + 1), "at most 20 words"),
        ("b -" + "a-" * MAX_WORDS, "at most 20 words"),
    ],
)
def test_what_cannot_be_looked_for(text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        parse(text)
    assert refused.value.code == Code.INVALID


def test_as_much_as_can_be_looked_for() -> None:
    assert parse("x" * MAX_TEXT).terms == words("x" * MAX_TEXT)
    assert len(parse("a " * MAX_WORDS).terms) == MAX_WORDS


@given(st.text(max_size=220) | st.text(alphabet='ab*"- ', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = parse(text)
    except Invalid:
        return
    assert query.terms
    for term in (*query.terms, *query.without):
        assert term.words
        assert all(word and not set(word) & set('"*- \0') for word in term.words)
        "".join(term.words).encode()  # no halves of pairs


# Rooms


class Tea:
    """Ada and Bob belong to the lounge, Sam to the office, too; in each room somebody spoke of tea."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.sam = house.person("Ada"), house.person("Bob"), house.person("Sam", "staff")
        for user, room in ((self.ada, house.lounge), (self.bob, house.lounge), (self.sam, house.office)):
            house.do(JoinChat(room=room), user)
        self.in_lounge = self.say(self.ada, house.lounge, "tea in the lounge")
        self.in_office = self.say(self.sam, house.office, "tea in the office")

    def say(self, user: int, room: int, body: str) -> Message:
        message: Message = self.house.do(PostMessage(room=room, body=body), user).result
        return message

    def direct(self, user: int, *others: int) -> int:
        session = self.house.connect(user)
        room: int = self.house.do(OpenDirect(users=others), user, session=session).result.room.id
        return room

    def search(self, user: int, text: str = "tea", **fields: Any) -> Page:
        page: Page = self.house.do(SearchMessages(text=text, **fields), user).result
        return page

    def found(self, user: int, text: str = "tea", **fields: Any) -> list[str]:
        return [message.body for message in self.search(user, text, **fields).messages]


@pytest.fixture
def tea(house: House) -> Tea:
    return Tea(house)


def test_everywhere_is_where_one_belongs(tea: Tea, house: House) -> None:
    assert tea.found(tea.ada) == ["tea in the lounge"]
    assert tea.found(tea.sam) == ["tea in the office"]
    house.do(JoinChat(room=house.lounge), tea.sam)
    assert tea.found(tea.sam) == ["tea in the office", "tea in the lounge"]
    house.do(LeaveChat(room=house.lounge), tea.ada)
    assert tea.found(tea.ada) == []


def test_one_room_needs_no_belonging_but_the_right_to_read(tea: Tea, house: House) -> None:
    assert tea.found(tea.sam, room=house.lounge) == ["tea in the lounge"]
    assert tea.found(tea.sam, room=house.office) == ["tea in the office"]


@pytest.mark.parametrize("place", ["office", "shed", "nowhere", "talk of others", "locked"])
def test_what_one_may_not_read_is_refused_as_reading_is(tea: Tea, house: House, place: str) -> None:
    room = {"office": house.office, "shed": house.shed, "nowhere": 7}.get(place, 0)
    if place == "talk of others":
        room = tea.direct(tea.bob, tea.sam)
        tea.say(tea.bob, room, "tea in private")
    if place == "locked":
        cellar = [{"type": "chat.native", "config": {}}]
        room = house.add_room("Cellar", cellar, {"viewer": [], "participant": []}, locked=True)
    reading = house.error(FetchMessages(room=room, before=99), tea.ada)
    searching = house.error(SearchMessages(text="tea", room=room), tea.ada)
    assert (type(searching), searching.code, searching.message) == (type(reading), reading.code, reading.message)
    assert tea.found(tea.ada) == ["tea in the lounge"]


def test_private_talk_is_found_by_those_whom_it_is_between(tea: Tea, house: House) -> None:
    room = tea.direct(tea.bob, tea.sam)
    tea.say(tea.bob, room, "tea in private")
    assert tea.found(tea.bob) == ["tea in private", "tea in the lounge"]
    assert tea.found(tea.sam, room=room) == ["tea in private"]
    assert tea.found(tea.ada) == ["tea in the lounge"]


def test_who_lost_the_right_to_read_finds_nothing_more(tea: Tea, house: House) -> None:
    house.change_user(tea.sam, traits=())
    assert house.office in house.state.belongs[tea.sam]
    assert tea.found(tea.sam) == []


def test_a_room_that_is_gone_is_not_looked_through(tea: Tea, house: House) -> None:
    house.do(DeleteRoom(room=house.lounge), house.owner())
    assert tea.found(tea.ada) == []
    assert house.refusal(SearchMessages(text="tea", room=house.lounge), tea.ada) == Code.ROOM_UNKNOWN


def test_who_is_banned_finds_nothing(tea: Tea, house: House) -> None:
    house.ban(tea.bob, room=house.lounge)
    assert tea.found(tea.bob) == []
    house.ban(tea.ada)
    assert house.refusal(SearchMessages(text="tea"), tea.ada) == Code.WORLD_DENIED


def test_a_name_that_nobody_has_finds_nothing(tea: Tea, house: House) -> None:
    def fail() -> None:
        raise AssertionError("the store was asked")

    assert tea.found(tea.bob, sender=tea.ada) == ["tea in the lounge"]
    assert tea.found(tea.bob, sender=tea.bob) == []
    house.cabinet.meanwhile = fail
    for sender in (7, -1, 2**70):
        assert tea.found(tea.bob, sender=sender) == []


def test_blocking_changes_no_more_than_it_does_for_reading(tea: Tea, house: House) -> None:
    house.do(BlockUser(user=tea.ada), tea.bob)
    read = house.do(FetchMessages(room=house.lounge, before=99), tea.bob).result
    assert tea.in_lounge in read
    assert tea.found(tea.bob) == ["tea in the lounge"]


def test_the_operator_names_a_room(tea: Tea, house: House) -> None:
    page = house.do(SearchMessages(text="tea", room=house.office), operator=True).result
    assert page.messages == (tea.in_office,)
    with pytest.raises(HubbubError):
        house.do(SearchMessages(text="tea"), operator=True)


# While one waits


def test_who_is_sent_away_meanwhile_is_told_nothing(tea: Tea, house: House) -> None:
    house.cabinet.meanwhile = lambda: house.change_user(tea.sam, traits=())
    assert tea.search(tea.sam).messages == ()
    house.change_user(tea.sam, traits=("staff",))
    house.cabinet.meanwhile = lambda: house.change_user(tea.sam, traits=())
    assert house.refusal(SearchMessages(text="tea", room=house.office), tea.sam) == Code.ROOM_DENIED


def test_who_is_banned_meanwhile_is_refused(tea: Tea, house: House) -> None:
    def ban() -> None:
        house.ban(tea.ada)

    house.cabinet.meanwhile = ban
    assert house.refusal(SearchMessages(text="tea"), tea.ada) == Code.WORLD_DENIED


def test_a_message_is_shown_as_it_reads_now_though_the_store_may_not_know_yet(tea: Tea, house: House) -> None:
    house.state.changed[tea.in_lounge.id] = replace(tea.in_lounge, body="green tea")
    assert tea.found(tea.ada) == ["green tea"]
    house.state.changed[tea.in_lounge.id] = replace(tea.in_lounge, body="", deleted=True)
    assert tea.found(tea.ada) == []


# Pages


def test_pages(tea: Tea, house: House) -> None:
    for i in range(5):
        tea.say(tea.ada, house.lounge, f"tea {i}")
    first = tea.search(tea.ada, count=4)
    assert [message.body for message in first.messages] == ["tea 4", "tea 3", "tea 2", "tea 1"]
    second = tea.search(tea.ada, count=4, before=first.next)
    assert [message.body for message in second.messages] == ["tea 0", "tea in the lounge"]
    assert second.next == ""


@pytest.mark.parametrize(("count", "given"), [(-1, 1), (0, 1), (1, 1), (MAX_FOUND + 1, MAX_FOUND), (10**30, MAX_FOUND)])
def test_a_page_has_so_many(tea: Tea, house: House, count: int, given: int) -> None:
    for i in range(MAX_FOUND + 5):
        tea.say(tea.ada, house.lounge, f"tea {i}")
    assert len(tea.found(tea.ada, count=count)) == given


def test_from_when_to_when(tea: Tea, house: House) -> None:
    house.advance(timedelta(hours=1))
    tea.say(tea.ada, house.lounge, "tea again")
    assert tea.found(tea.ada, since=house.now) == ["tea again"]
    assert tea.found(tea.ada, until=house.now) == ["tea in the lounge"]


@pytest.mark.parametrize(
    ("field", "value"), [("before", "x"), ("before", "1" * 19), ("before", "-"), ("before", "\u0661"), ("text", "-tea")]
)
def test_wrong_fields(tea: Tea, house: House, field: str, value: str) -> None:
    fields: dict[str, Any] = {"text": "tea", field: value}
    error = house.error(SearchMessages(**fields), tea.ada)
    assert (error.code, list(error.details or {})) == (Code.INVALID, [field])


@pytest.mark.parametrize("field", ["since", "until"])
def test_a_time_without_a_zone(tea: Tea, house: House, field: str) -> None:
    when: dict[str, Any] = {field: house.now.replace(tzinfo=None)}
    assert house.refusal(SearchMessages(text="tea", **when), tea.ada) == Code.INVALID
