"""Announcements: written, published, shown until an instant, archived."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.core.house import START, House, Outcome

from hubbub.core import announcement as announcement_module
from hubbub.core.announcement import (
    MAX_TEXT,
    CreateAnnouncement,
    ListAnnouncements,
    UpdateAnnouncement,
    visible,
)
from hubbub.core.error import Code
from hubbub.core.event import AnnouncementCreated, AnnouncementUpdated
from hubbub.core.model import Announcement

HOUR = timedelta(hours=1)


@pytest.fixture
def mo(house: House) -> int:
    return house.person("Mo", "moderator")


def write(house: House, mo: int, **fields: Any) -> Announcement:
    return house.do(CreateAnnouncement(**{"text": "Tea!", **fields}), mo).result  # type: ignore[no-any-return]


def update(house: House, mo: int, announcement: Announcement, **fields: Any) -> Outcome:
    return house.do(UpdateAnnouncement(announcement=announcement.id, **fields), mo)


def shown(house: House) -> list[str]:
    return [announcement.text for announcement in visible(house.reloaded(), house.now)]


def test_a_draft_is_shown_once_it_is_published(house: House, mo: int) -> None:
    outcome = house.do(CreateAnnouncement(text=" Tea!\n"), mo)
    draft = outcome.result
    assert draft == Announcement(id=draft.id, world=1, by=mo, text="Tea!", at=START)
    assert not outcome.one(AnnouncementCreated).shown
    assert shown(house) == []
    published = update(house, mo, draft, state="active")
    assert published.one(AnnouncementUpdated).shown
    assert shown(house) == ["Tea!"]
    archived = update(house, mo, draft, state="archived")
    assert archived.one(AnnouncementUpdated).shown, "who saw it is told that it is gone"
    assert shown(house) == []
    assert not update(house, mo, draft, text="Late").one(AnnouncementUpdated).shown


def test_one_may_be_published_at_once(house: House, mo: int) -> None:
    assert house.do(CreateAnnouncement(text="Tea!", active=True), mo).one(AnnouncementCreated).shown
    assert shown(house) == ["Tea!"]


def test_it_is_shown_until_its_instant(house: House, mo: int) -> None:
    write(house, mo, active=True, show_until=START + HOUR)
    house.advance(HOUR - timedelta(microseconds=1))
    assert shown(house) == ["Tea!"]
    house.advance(timedelta(microseconds=1))
    assert shown(house) == []


def test_what_is_over_may_be_shown_again(house: House, mo: int) -> None:
    made = write(house, mo, active=True, show_until=START - HOUR)
    assert shown(house) == []
    assert not update(house, mo, made, text="Cake!").one(AnnouncementUpdated).shown
    assert update(house, mo, made, show_until=None).one(AnnouncementUpdated).shown
    assert shown(house) == ["Cake!"]
    assert update(house, mo, made, show_until=START - HOUR).one(AnnouncementUpdated).shown


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("draft", "active", True),
        ("active", "archived", True),
        ("draft", "archived", False),
        ("active", "draft", False),
        ("archived", "active", False),
        ("archived", "draft", False),
    ],
)
def test_the_moves_from_state_to_state(house: House, mo: int, before: Any, after: Any, allowed: bool) -> None:
    made = write(house, mo)
    for state in {"draft": (), "active": ("active",), "archived": ("active", "archived")}[before]:
        update(house, mo, made, state=state)
    assert update(house, mo, made, state=before).events == []
    if allowed:
        assert update(house, mo, made, state=after).result.state == after
    else:
        command = UpdateAnnouncement(announcement=made.id, state=after, text="x")
        assert house.refusal(command, mo) is Code.STATE_INVALID


def test_what_is_left_out_stays(house: House, mo: int) -> None:
    made = write(house, mo, show_until=START + HOUR)
    assert update(house, mo, made).events == []
    assert update(house, mo, made, text="Cake!").result.show_until == START + HOUR
    assert update(house, mo, made, show_until=None).result.text == "Cake!"


def test_all_are_listed_oldest_first(house: House, mo: int) -> None:
    texts = ["one", "two", "three"]
    made = [write(house, mo, text=text, active=text == "two") for text in texts]
    update(house, mo, made[0], text="first")
    assert [one.text for one in house.do(ListAnnouncements(), mo).result] == ["first", "two", "three"]


def test_only_who_may_announce_has_to_do_with_them(house: House, mo: int) -> None:
    ada, made = house.person("Ada"), write(house, mo)
    commands = (CreateAnnouncement(text="x"), UpdateAnnouncement(announcement=made.id), ListAnnouncements())
    for command in commands:
        assert house.refusal(command, ada) is Code.WORLD_DENIED
        assert house.refusal(command) is Code.UNAUTHENTICATED


def test_an_announcement_that_is_none(house: House, mo: int) -> None:
    assert house.refusal(UpdateAnnouncement(announcement=999, text="x"), mo) is Code.ANNOUNCEMENT_UNKNOWN


@pytest.mark.parametrize("text", ["", " \n", "x" * (MAX_TEXT + 1), "\0"])
def test_what_is_no_announcement(house: House, mo: int, text: str) -> None:
    made = write(house, mo, text="x" * MAX_TEXT)
    assert house.refusal(CreateAnnouncement(text=text), mo) is Code.INVALID
    assert house.refusal(UpdateAnnouncement(announcement=made.id, text=text), mo) is Code.INVALID


def test_until_when_it_is_shown_is_kept_in_utc_or_refused(house: House, mo: int) -> None:
    east, west = timezone(timedelta(hours=1)), timezone(-timedelta(hours=1))
    until = write(house, mo, show_until=START.astimezone(east)).show_until
    assert until == START
    assert until.tzinfo is UTC
    for instant in (datetime(1, 1, 1, tzinfo=east), datetime(9999, 12, 31, 23, tzinfo=west)):
        assert house.refusal(CreateAnnouncement(text="x", show_until=instant), mo) is Code.INVALID


def test_a_world_has_only_so_many(house: House, mo: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcement_module, "MAX_ANNOUNCEMENTS", 2)
    for _ in range(2):
        write(house, mo)
    assert house.refusal(CreateAnnouncement(text="x"), mo) is Code.TOO_MANY
