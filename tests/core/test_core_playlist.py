"""Watching together (protocols/jumpin.md 1.5; section 5, case 25). The clock moves by hand."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.house import START, House

from hubbub.core import playlist as playlist_module
from hubbub.core.command import Command
from hubbub.core.error import Code
from hubbub.core.event import (
    VideoAdded,
    VideoEnded,
    VideoEvent,
    VideoPaused,
    VideoRemoved,
    VideoResumed,
    VideoSought,
    VideoStarted,
)
from hubbub.core.model import PlaylistItem
from hubbub.core.playlist import (
    MAX_DURATION,
    MAX_ITEMS,
    MAX_ITEMS_PER_USER,
    AddVideo,
    AdvancePlaylist,
    GetPlaying,
    ListPlaylist,
    Media,
    PauseVideo,
    RemoveVideo,
    ResumeVideo,
    SeekVideo,
    as_of,
    end_of,
    next_end,
)

SECOND = timedelta(seconds=1)


class Cinema:
    """The lounge, with somebody who adds videos and somebody who may control them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.room = house.lounge
        self.ada, self.mo = house.person("Ada"), house.person("Mo", "moderator")

    def add(self, title: str, seconds: int | None = 60, user: int = 0) -> PlaylistItem:
        media = Media(media_id=title, title=title, duration=seconds)
        return self.house.do(AddVideo(room=self.room, media=media), user or self.ada).result  # type: ignore[no-any-return]

    def do(self, command: Callable[..., Command], user: int = 0, **fields: Any) -> Any:
        return self.house.do(command(room=self.room, **fields), user or self.mo)

    def refusal(self, command: Callable[..., Command], user: int = 0, **fields: Any) -> Code:
        return self.house.refusal(command(room=self.room, **fields), user or self.mo)

    def wait(self, seconds: float) -> None:
        self.house.advance(timedelta(seconds=seconds))

    def playing(self) -> tuple[str, float] | None:
        """Give the title that somebody is told who asks now, and the position in seconds."""
        found = self.do(GetPlaying, self.ada).result
        return (found.item.title, found.position.total_seconds()) if found else None

    def titles(self) -> list[str]:
        return [item.title for item in self.do(ListPlaylist, self.ada).result]

    def stored(self) -> list[PlaylistItem]:
        """Give what a restart would find."""
        return list(self.house.reloaded().playlists[self.room].values())


@pytest.fixture
def cinema(house: House) -> Cinema:
    return Cinema(house)


def happened(outcome: Any) -> list[tuple[str, str]]:
    return [(type(event).__name__, event.item.title) for event in outcome.of(VideoEvent)]


# One after another


def test_a_video_waits_until_somebody_asks(cinema: Cinema) -> None:
    item = cinema.add("one")
    assert (item.by, item.at, item.started, item.provider) == (cinema.ada, START, None, "youtube")
    cinema.wait(600)
    outcome = cinema.do(GetPlaying, cinema.ada)
    assert happened(outcome) == [("VideoStarted", "one")]
    assert (outcome.result.item.started, outcome.result.position) == (cinema.house.now, timedelta())
    assert cinema.do(GetPlaying, cinema.mo).events == []


def test_what_the_provider_knows_is_kept(cinema: Cinema) -> None:
    media = Media(
        provider="vimeo",
        media_id="7",
        title="T & co",
        link="https://example.org/7",
        thumbnail="https://example.org/7.png",
        channel="c",
        description="d",
        duration=61,
    )
    outcome = cinema.do(AddVideo, cinema.ada, media=media)
    item = outcome.one(VideoAdded).item
    assert item == outcome.result
    assert {name: getattr(item, name) for name in media.__struct_fields__} == {
        name: getattr(media, name) for name in media.__struct_fields__
    }
    assert cinema.stored() == [item]


def test_nothing_plays_where_nothing_is(cinema: Cinema) -> None:
    assert cinema.playing() is None
    assert cinema.titles() == []
    assert cinema.do(AdvancePlaylist, cinema.ada).events == []


def test_a_late_joiner_is_at_the_same_second(cinema: Cinema) -> None:
    cinema.add("one")
    assert cinema.playing() == ("one", 0)
    cinema.wait(12.5)
    assert cinema.playing() == ("one", 12.5)
    cinema.wait(47)
    assert cinema.playing() == ("one", 59.5)


def test_a_video_is_over_at_its_last_second(cinema: Cinema) -> None:
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(60)
    outcome = cinema.do(GetPlaying, cinema.ada)
    assert happened(outcome) == [("VideoEnded", "one"), ("VideoStarted", "two")]
    assert outcome.result.position == timedelta()
    assert cinema.titles() == ["two"]


def test_time_passes_whether_or_not_anybody_looks(cinema: Cinema) -> None:
    """Four videos of 60, 30, 10 and 100 seconds: after 105 seconds the last one is at its fifth."""
    for title, seconds in (("one", 60), ("two", 30), ("three", 10), ("four", 100)):
        cinema.add(title, seconds)
    cinema.playing()
    cinema.wait(105)
    outcome = cinema.do(AdvancePlaylist, cinema.ada)
    ended = [("VideoEnded", title) for title in ("one", "two", "three")]
    assert happened(outcome) == [*ended, ("VideoStarted", "four")]
    assert outcome.one(VideoStarted).item.started == START + timedelta(seconds=100)
    assert cinema.playing() == ("four", 5)


def test_a_list_that_is_over_begins_anew_when_somebody_asks(cinema: Cinema) -> None:
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(1000)
    assert happened(cinema.do(AdvancePlaylist, cinema.ada)) == [("VideoEnded", "one"), ("VideoEnded", "two")]
    cinema.add("three")
    cinema.wait(1000)
    assert cinema.playing() == ("three", 0)


def test_what_is_added_when_all_is_over_does_not_begin_in_the_past(cinema: Cinema) -> None:
    cinema.add("one")
    cinema.playing()
    cinema.wait(1000)
    outcome = cinema.do(AddVideo, cinema.ada, media=Media(media_id="two", title="two", duration=60))
    assert happened(outcome) == [("VideoEnded", "one"), ("VideoAdded", "two")]
    assert cinema.playing() == ("two", 0)


def test_whoever_asks_for_the_list_gets_it_as_of_now(cinema: Cinema) -> None:
    for title in ("one", "two", "three"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(70)
    first, second = cinema.do(ListPlaylist, cinema.ada).result
    assert (first.title, first.started) == ("two", START + 60 * SECOND)
    assert (second.title, second.started) == ("three", None)


def test_a_restart_while_a_video_plays_changes_nothing(cinema: Cinema) -> None:
    """The server was down for 100 seconds: as if it had not been."""
    for title in ("one", "two", "three"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(10)
    fresh = cinema.house.reloaded()
    cinema.wait(100)
    cinema.house.state.load([*fresh.users.values(), *fresh.rooms.values(), *fresh.playlists[cinema.room].values()])
    ended, current = as_of(fresh.playlists[cinema.room].values(), cinema.house.now)
    assert [item.title for item in ended] == ["one"]
    assert current
    assert (current.title, cinema.house.now - current.started) == ("two", 50 * SECOND)  # type: ignore[operator]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.floats(0, 6000), st.floats(0, 6000))
def test_it_does_not_matter_when_somebody_looked(durations: list[int], glance: float, later: float) -> None:
    """What is on at some moment is the same whether or not somebody looked before; and it is what the sums say."""
    watched, unwatched = Cinema(House()), Cinema(House())
    for cinema in (watched, unwatched):
        for number, seconds in enumerate(durations):
            cinema.add(str(number), seconds)
        cinema.playing()
    watched.wait(glance)
    watched.do(AdvancePlaylist, watched.ada)
    watched.wait(later)
    unwatched.house.now = watched.house.now
    passed = (watched.house.now - START).total_seconds()
    ends = list(accumulate(durations))
    place = next((place for place, end in enumerate(ends) if end > passed), None)
    for cinema in (watched, unwatched):
        found = cinema.playing()
        if place is None:
            assert found is None
        else:
            assert found
            assert found[0] == str(place)
            assert found[1] == pytest.approx(passed - ends[place] + durations[place], abs=1e-5)


# Halting, going on, moving


def test_a_halted_video_stands_still(cinema: Cinema) -> None:
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(20)
    outcome = cinema.do(PauseVideo)
    assert outcome.one(VideoPaused).item.paused == cinema.house.now
    assert outcome.result.position == 20 * SECOND
    cinema.wait(500)
    assert cinema.playing() == ("one", 20)
    assert cinema.do(AdvancePlaylist, cinema.ada).events == []
    outcome = cinema.do(ResumeVideo)
    assert happened(outcome) == [("VideoResumed", "one")]
    assert (outcome.result.position, outcome.result.item.paused) == (20 * SECOND, None)
    cinema.wait(40)
    assert cinema.playing() == ("two", 0)


def test_halting_twice_is_halting_once(cinema: Cinema) -> None:
    cinema.add("one")
    cinema.playing()
    cinema.wait(20)
    cinema.do(PauseVideo)
    cinema.wait(5)
    again = cinema.do(PauseVideo)
    assert (again.events, again.result.position) == ([], 20 * SECOND)
    cinema.do(ResumeVideo)
    cinema.wait(5)
    again = cinema.do(ResumeVideo)
    assert (again.events, again.result.position) == ([], 25 * SECOND)


def test_a_video_that_is_moved(cinema: Cinema) -> None:
    cinema.add("one")
    cinema.playing()
    cinema.wait(20)
    outcome = cinema.do(SeekVideo, position=50 * SECOND)
    assert outcome.one(VideoSought).item.started == cinema.house.now - 50 * SECOND
    assert outcome.result.position == 50 * SECOND
    cinema.wait(5)
    assert cinema.playing() == ("one", 55)
    cinema.do(SeekVideo, position=timedelta())
    cinema.wait(59)
    assert cinema.playing() == ("one", 59)


@pytest.mark.parametrize("position", [60, 61, MAX_DURATION])
def test_to_move_to_the_end_is_to_skip(cinema: Cinema, position: int) -> None:
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(20)
    assert cinema.do(SeekVideo, position=position * SECOND).result.position == 60 * SECOND
    cinema.wait(7)
    assert cinema.playing() == ("two", 7)


def test_a_halted_video_that_is_moved_stays_halted(cinema: Cinema) -> None:
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    cinema.do(PauseVideo)
    cinema.wait(100)
    assert cinema.do(SeekVideo, position=30 * SECOND).result.position == 30 * SECOND
    cinema.wait(100)
    assert cinema.playing() == ("one", 30)
    cinema.do(ResumeVideo)
    cinema.wait(29)
    assert cinema.playing() == ("one", 59)
    cinema.do(PauseVideo)
    cinema.do(SeekVideo, position=60 * SECOND)
    cinema.wait(100)
    assert cinema.playing() == ("one", 60)
    cinema.do(ResumeVideo)
    assert cinema.playing() == ("two", 0)


@pytest.mark.parametrize("position", [timedelta(microseconds=-1), -SECOND, (MAX_DURATION + 1) * SECOND, timedelta.max])
def test_positions_that_there_are_not(cinema: Cinema, position: timedelta) -> None:
    cinema.add("one")
    cinema.playing()
    assert cinema.refusal(SeekVideo, position=position) == Code.POSITION_INVALID


@pytest.mark.parametrize("command", [PauseVideo, ResumeVideo, SeekVideo])
def test_where_nothing_plays_nothing_is_halted_or_moved(cinema: Cinema, command: Any) -> None:
    fields: dict[str, Any] = {"position": SECOND} if command is SeekVideo else {}
    assert cinema.refusal(command, **fields) == Code.MEDIA_UNKNOWN
    cinema.add("one")
    assert cinema.refusal(command, **fields) == Code.MEDIA_UNKNOWN, "it waits"
    cinema.playing()
    cinema.wait(60)
    assert cinema.refusal(command, **fields) == Code.MEDIA_UNKNOWN, "it is over"


@pytest.mark.parametrize(
    ("command", "kind"), [(PauseVideo, VideoPaused), (ResumeVideo, None), (SeekVideo, VideoSought)]
)
def test_what_is_halted_or_moved_is_what_plays_by_now(cinema: Cinema, command: Any, kind: Any) -> None:
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    cinema.wait(70)
    fields: dict[str, Any] = {"position": 10 * SECOND} if command is SeekVideo else {}
    outcome = cinema.do(command, **fields)
    assert happened(outcome)[:2] == [("VideoEnded", "one"), ("VideoStarted", "two")]
    assert (outcome.result.item.title, outcome.result.position) == ("two", 10 * SECOND)
    assert [type(event) for event in outcome.events[2:]] == ([kind] if kind else [])


# How long nobody knows


def test_a_video_of_unknown_length_plays_until_it_is_removed(cinema: Cinema) -> None:
    item = cinema.add("live", None)
    cinema.add("next")
    cinema.playing()
    cinema.wait(100_000)
    assert cinema.playing() == ("live", 100_000)
    cinema.do(SeekVideo, position=5 * SECOND)
    cinema.wait(10)
    assert cinema.playing() == ("live", 15)
    cinema.do(RemoveVideo, item=item.id)
    assert cinema.playing() == ("next", 0)


def test_behind_a_video_of_unknown_length_everything_waits(cinema: Cinema) -> None:
    cinema.add("one")
    cinema.add("live", None)
    cinema.add("next")
    cinema.playing()
    cinema.wait(1000)
    assert cinema.playing() == ("live", 940)
    assert cinema.titles() == ["live", "next"]


def test_lengths_that_make_no_sense_are_cut(cinema: Cinema) -> None:
    assert cinema.add("long", 10**12).duration == MAX_DURATION
    assert cinema.add("negative", -5).duration == 0
    assert cinema.add("unknown", None).duration is None


def test_a_video_without_a_second_is_passed_over(cinema: Cinema) -> None:
    cinema.add("one")
    cinema.add("nothing", 0)
    cinema.add("two")
    cinema.playing()
    cinema.wait(65)
    outcome = cinema.do(GetPlaying, cinema.ada)
    assert [title for name, title in happened(outcome) if name == "VideoEnded"] == ["one", "nothing"]
    assert (outcome.result.item.title, outcome.result.position) == ("two", 5 * SECOND)


# Taking out


def test_when_what_plays_is_taken_out_the_next_begins_when_somebody_asks(cinema: Cinema) -> None:
    items = [cinema.add(title) for title in ("one", "two")]
    cinema.playing()
    cinema.wait(20)
    outcome = cinema.do(RemoveVideo, item=items[0].id)
    assert happened(outcome) == [("VideoRemoved", "one")]
    assert outcome.result.id == items[0].id
    assert cinema.do(AdvancePlaylist, cinema.ada).events == []
    cinema.wait(100)
    assert cinema.playing() == ("two", 0)


def test_what_waits_is_taken_out_without_a_stir(cinema: Cinema) -> None:
    items = [cinema.add(title) for title in ("one", "two", "three")]
    cinema.playing()
    cinema.wait(20)
    assert happened(cinema.do(RemoveVideo, item=items[1].id)) == [("VideoRemoved", "two")]
    assert cinema.playing() == ("one", 20)
    cinema.wait(45)
    assert cinema.playing() == ("three", 5)
    assert [item.title for item in cinema.stored()] == ["three"]


def test_what_is_taken_out_is_what_plays_or_waits_by_now(cinema: Cinema) -> None:
    """Once nobody looked first: the third video then began in the past, as if the second had never played."""
    items = [cinema.add(title) for title in ("one", "two", "three")]
    cinema.playing()
    cinema.wait(100)
    assert cinema.refusal(RemoveVideo, item=items[0].id) == Code.MEDIA_UNKNOWN, "it is over"
    outcome = cinema.do(RemoveVideo, item=items[1].id)
    assert happened(outcome) == [("VideoEnded", "one"), ("VideoStarted", "two"), ("VideoRemoved", "two")]
    assert cinema.playing() == ("three", 0)


def test_what_was_taken_out_or_never_was_there_is_unknown(cinema: Cinema) -> None:
    item = cinema.add("one")
    cinema.do(RemoveVideo, item=item.id)
    for identity in (item.id, 12345):
        assert cinema.refusal(RemoveVideo, item=identity) == Code.MEDIA_UNKNOWN
    other = cinema.add("two")
    assert cinema.house.refusal(RemoveVideo(room=cinema.house.stage, item=other.id), cinema.mo) == Code.MEDIA_UNKNOWN


# Who may


def test_who_may_what(cinema: Cinema) -> None:
    house = cinema.house
    watcher = house.person("Watcher")
    room = house.add_room("Screen", [], {"viewer": []})
    media = Media(media_id="v", duration=60)
    house.do(AddVideo(room=room, media=media), cinema.mo)
    assert house.do(GetPlaying(room=room), watcher).result.item.media_id == "v"
    assert len(house.do(ListPlaylist(room=room), watcher).result) == 1
    house.do(AdvancePlaylist(room=room), watcher)
    for command in (AddVideo(room=room, media=media), PauseVideo(room=room), ResumeVideo(room=room)):
        assert house.refusal(command, watcher) == Code.ROOM_DENIED
    assert house.refusal(SeekVideo(room=room, position=SECOND), watcher) == Code.ROOM_DENIED
    for reading in (GetPlaying, ListPlaylist, AdvancePlaylist):
        assert house.refusal(reading(room=house.office), watcher) == Code.ROOM_DENIED
        assert house.refusal(reading(room=12345), watcher) == Code.ROOM_UNKNOWN
        assert house.refusal(reading(room=room)) == Code.UNAUTHENTICATED


@pytest.mark.parametrize("command", [PauseVideo, ResumeVideo, SeekVideo])
def test_only_who_controls_the_playlist_halts_and_moves(cinema: Cinema, command: Any) -> None:
    cinema.add("one")
    cinema.playing()
    fields: dict[str, Any] = {"position": SECOND} if command is SeekVideo else {}
    assert cinema.refusal(command, cinema.ada, **fields) == Code.ROOM_DENIED
    cinema.house.grant(cinema.ada, "room_owner", cinema.room)
    cinema.do(command, cinema.ada, **fields)


def test_one_takes_out_what_one_put_in_and_moderators_everything(cinema: Cinema) -> None:
    bob = cinema.house.person("Bob")
    mine, theirs = cinema.add("mine"), cinema.add("theirs", user=bob)
    assert cinema.refusal(RemoveVideo, cinema.ada, item=theirs.id) == Code.ROOM_DENIED
    cinema.do(RemoveVideo, cinema.ada, item=mine.id)
    cinema.do(RemoveVideo, cinema.mo, item=theirs.id)
    third = cinema.add("third")
    cinema.house.ban(cinema.ada, cinema.room, kind="silence")
    assert cinema.refusal(RemoveVideo, cinema.ada, item=third.id) == Code.ROOM_DENIED


def test_who_controls_a_playlist_without_adding_to_it_takes_out(cinema: Cinema) -> None:
    house = cinema.house
    house.state.world.roles["usher"] = ["room:view", "room:playlist.control"]
    usher = house.person("Usher")
    room = house.add_room("Screen", [], {"usher": []})
    item = house.do(AddVideo(room=room, media=Media(media_id="v")), house.owner()).result
    assert house.refusal(AddVideo(room=room, media=Media(media_id="v")), usher) == Code.ROOM_DENIED
    house.do(RemoveVideo(room=room, item=item.id), usher)


def test_a_moderated_playlist_is_the_moderators(cinema: Cinema) -> None:
    mine = cinema.add("before")
    cinema.house.change_room(cinema.room, moderated_playlist=True)
    media = Media(media_id="v", duration=60)
    assert cinema.refusal(AddVideo, cinema.ada, media=media) == Code.ROOM_DENIED
    cinema.do(AddVideo, cinema.mo, media=media)
    cinema.do(RemoveVideo, cinema.ada, item=mine.id)
    assert cinema.playing() == ("", 0)


# Limits


def test_a_playlist_is_only_so_long(cinema: Cinema, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_ITEMS > MAX_ITEMS_PER_USER >= 10
    monkeypatch.setattr(playlist_module, "MAX_ITEMS", 3)
    for title in ("one", "two", "three"):
        cinema.add(title)
    media = Media(media_id="four")
    assert cinema.refusal(AddVideo, cinema.mo, media=media) == Code.TOO_MANY
    cinema.house.do(AddVideo(room=cinema.house.stage, media=media), cinema.mo)
    cinema.playing()
    cinema.wait(60)
    cinema.do(AdvancePlaylist)
    cinema.do(AddVideo, media=media)


def test_what_is_over_counts_no_more(cinema: Cinema, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a list that had been played to its end was full until somebody looked."""
    monkeypatch.setattr(playlist_module, "MAX_ITEMS", 2)
    for title in ("one", "two"):
        cinema.add(title)
    cinema.playing()
    assert cinema.refusal(AddVideo, media=Media(media_id="three")) == Code.TOO_MANY
    cinema.wait(60)
    cinema.do(AddVideo, media=Media(media_id="three"))


def test_one_person_has_only_so_many_in_it(cinema: Cinema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlist_module, "MAX_ITEMS_PER_USER", 2)
    cinema.add("one")
    cinema.add("theirs", user=cinema.mo)
    cinema.add("two")
    assert cinema.refusal(AddVideo, cinema.ada, media=Media(media_id="three")) == Code.TOO_MANY
    cinema.add("theirs, too", user=cinema.mo)


# What the server's clock is set by


def test_when_what_plays_is_over(cinema: Cinema) -> None:
    def due() -> Any:
        return next_end(cinema.house.state.playlists[cinema.room].values())

    assert due() is None
    cinema.add("one")
    cinema.add("live", None)
    assert due() is None
    cinema.playing()
    assert due() == START + 60 * SECOND
    cinema.wait(20)
    cinema.do(PauseVideo)
    assert due() is None
    cinema.wait(20)
    cinema.do(ResumeVideo)
    assert due() == START + 80 * SECOND
    cinema.do(SeekVideo, position=50 * SECOND)
    assert due() == START + 50 * SECOND
    cinema.wait(10)
    cinema.do(AdvancePlaylist)
    assert due() is None


def test_as_of_leaves_what_it_looks_at_alone() -> None:
    def items() -> Iterator[PlaylistItem]:
        for place in (1, 2, 3):
            started = START if place == 1 else None
            yield PlaylistItem(id=place, world=1, room=1, by=1, media_id="v", at=START, duration=10, started=started)

    ended, current = as_of(items(), START + 15 * SECOND)
    assert [item.id for item in ended] == [1]
    assert current
    assert (current.id, current.started, end_of(current)) == (2, START + 10 * SECOND, START + 20 * SECOND)
    assert as_of(items(), START + 30 * SECOND)[1] is None
    assert len(as_of(items(), START + 30 * SECOND)[0]) == 3
    assert as_of((), START) == ([], None)


def test_events_of_videos_carry_the_video(cinema: Cinema) -> None:
    assert all(kind.durable() for kind in (VideoAdded, VideoStarted, VideoPaused, VideoResumed, VideoSought))
    assert VideoEnded.ERASES == VideoRemoved.ERASES == ("item",)
