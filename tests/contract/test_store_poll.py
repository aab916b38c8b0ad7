"""Polls, questions and announcements come back from a store as they were left."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubbub.core.event import (
    AnnouncementCreated,
    AnnouncementUpdated,
    Event,
    PollCreated,
    PollDeleted,
    PollPinned,
    PollUpdated,
    PollVoted,
    QuestionAsked,
    QuestionDeleted,
    QuestionPinned,
    QuestionVoted,
    RoomCreated,
    WorldCreated,
    WorldReplaced,
)
from hubbub.core.model import (
    Announcement,
    Poll,
    PollOption,
    PollVote,
    Question,
    QuestionVote,
    Record,
    Room,
    World,
)
from hubbub.core.state import WorldState
from hubbub.store.open import open_store

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
WORLD, ROOM, ADA, BOB = 1, 10, 100, 101
HERE = World(id=WORLD, name="here", title="Here", created=NOW)
HALL = Room(id=ROOM, world=WORLD, name="Hall", created=NOW)
TEA, MATE = PollOption(31, "Tea", 1), PollOption(32, "Mate “strong” \N{HOT BEVERAGE}", -2)
POLL = Poll(
    id=30,
    world=WORLD,
    room=ROOM,
    by=ADA,
    content="Tea?",
    options=(TEA, MATE),
    kind="multi",
    visibility="anonymous",
    state="open",
    early_results=True,
    created=NOW,
    modified=NOW,
    expires=NOW + timedelta(days=1),
)
OTHER = msgspec.structs.replace(POLL, id=40, pinned=True, expires=None)
QUESTION = Question(id=50, world=WORLD, room=ROOM, by=ADA, content="Why?", at=NOW)
ASKED = msgspec.structs.replace(QUESTION, id=51, state="visible", answered=True, pinned=True)
NEWS = Announcement(id=60, world=WORLD, by=ADA, text="Tea!", show_until=NOW, at=NOW)


def vote(user: int, *options: int, poll: int = 30) -> PollVote:
    return PollVote(poll=poll, user=user, world=WORLD, options=options, at=NOW)


def wish(user: int, question: int = 50) -> QuestionVote:
    return QuestionVote(question=question, user=user, world=WORLD, at=NOW)


def here(kind: type[Event], **fields: Any) -> Event:
    return kind(world=WORLD, room=ROOM, **fields)


BEGINNING = [
    WorldCreated(world=WORLD, config=HERE),
    here(RoomCreated, config=HALL),
    *(here(PollCreated, poll=poll) for poll in (POLL, OTHER)),
    *(here(PollVoted, vote=one) for one in (vote(ADA, 31), vote(BOB, 31, 32), vote(ADA, 32), vote(BOB, 31, poll=40))),
    *(here(QuestionAsked, question=question) for question in (QUESTION, ASKED)),
    *(here(QuestionVoted, vote=one) for one in (wish(ADA), wish(BOB), wish(ADA, 51))),
    AnnouncementCreated(world=WORLD, announcement=NEWS, shown=False),
]
DECISIONS = (Poll, PollVote, Question, QuestionVote, Announcement)


async def after(url: str, *events: Event) -> list[Record]:
    """Give what a store has that was opened anew after these events."""
    async with open_store(url, node="one", clock=lambda: NOW) as store:
        await store.commit([*BEGINNING])
        if events:
            await store.commit(list(events))
    async with open_store(url, node="two", clock=lambda: NOW) as store:
        snapshot = await store.load("here")
        assert snapshot is not None
        followed = WorldState(HERE)
        for entry in (await store.follow(0))[0]:
            followed.apply(entry.event)
        read = WorldState(snapshot.world)
        read.load(snapshot.records)
        for name in ("polls", "poll_votes", "tallies", "questions", "question_votes", "announcements"):
            assert {key: value for key, value in getattr(read, name).items() if value} == {
                key: value for key, value in getattr(followed, name).items() if value
            }, name
        return [record for kind in DECISIONS for record in snapshot.of(kind)]


@pytest.mark.parametrize(
    ("events", "gone", "new"),
    [
        ((), (), ()),
        ((here(PollVoted, void=vote(ADA, 32)),), (vote(ADA, 32),), ()),
        (
            (here(PollDeleted, poll=POLL, votes=(vote(ADA, 32), vote(BOB, 31, 32))),),
            (POLL, vote(ADA, 32), vote(BOB, 31, 32)),
            (),
        ),
        (
            (
                here(
                    PollUpdated,
                    poll=msgspec.structs.replace(POLL, options=(TEA,), state="closed"),
                    before="open",
                    votes=(vote(BOB, 31),),
                    void=(vote(ADA, 32),),
                ),
            ),
            (POLL, vote(ADA, 32), vote(BOB, 31, 32)),
            (msgspec.structs.replace(POLL, options=(TEA,), state="closed"), vote(BOB, 31)),
        ),
        (
            (
                here(
                    PollPinned,
                    poll=msgspec.structs.replace(POLL, pinned=True),
                    unpinned=(msgspec.structs.replace(OTHER, pinned=False),),
                ),
            ),
            (POLL, OTHER),
            (msgspec.structs.replace(POLL, pinned=True), msgspec.structs.replace(OTHER, pinned=False)),
        ),
        ((here(QuestionDeleted, question=ASKED, votes=(wish(ADA, 51),)),), (ASKED, wish(ADA, 51)), ()),
        ((here(QuestionVoted, void=wish(BOB)),), (wish(BOB),), ()),
        (
            (here(QuestionPinned, question=msgspec.structs.replace(QUESTION, pinned=True)),),
            (QUESTION,),
            (msgspec.structs.replace(QUESTION, pinned=True),),
        ),
        (
            (
                AnnouncementUpdated(
                    world=WORLD, announcement=msgspec.structs.replace(NEWS, state="active", show_until=None), shown=True
                ),
            ),
            (NEWS,),
            (msgspec.structs.replace(NEWS, state="active", show_until=None),),
        ),
    ],
)
def test_what_is_kept(tmp_path: Path, events: tuple[Event, ...], gone: Any, new: Any) -> None:
    before: list[Record] = [POLL, OTHER, vote(BOB, 31, 32), vote(ADA, 32), vote(BOB, 31, poll=40)]
    before += [QUESTION, ASKED, wish(ADA), wish(BOB), wish(ADA, 51), NEWS]
    found = asyncio.run(after(f"sqlite:///{tmp_path}/hubbub.db", *events))
    expected = [record for record in before if record not in gone] + list(new)
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_a_world_that_is_replaced_forgets_them(tmp_path: Path) -> None:
    anew = msgspec.structs.replace(HERE, epoch=2)
    found = asyncio.run(
        after(f"sqlite:///{tmp_path}/hubbub.db", WorldReplaced(world=WORLD, config=anew, rooms=(HALL,)))
    )
    assert found == []
