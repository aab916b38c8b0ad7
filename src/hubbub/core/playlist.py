"""Watching together: a room's videos, one after another, at the same second for everybody.

What plays is the first item that has started. It is over when its duration has passed, whether or not anybody looked;
the next one then began at that very moment. Whoever asks learns the state as of now (`settle` brings the list up to
it), so a late joiner and a server that was down for a while are both at the right position.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from hubbub.core.appointment import Appointment
from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Invalid, Limited, Unknown
from hubbub.core.event import (
    VideoAdded,
    VideoEnded,
    VideoPaused,
    VideoRemoved,
    VideoResumed,
    VideoSought,
    VideoStarted,
)
from hubbub.core.model import PlaylistItem

MAX_ITEMS = 100
"""Videos that wait in one room."""
MAX_ITEMS_PER_USER = 50
MAX_DURATION = 7 * 24 * 3600
"""Seconds of one video."""

CHANGES = (VideoStarted, VideoEnded)
"""What the mere passing of time may cause."""


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider knows of a video. `duration` is in seconds, None when it is not known."""

    provider: str = "youtube"
    media_id: str
    title: str = ""
    link: str = ""
    thumbnail: str = ""
    channel: str = ""
    description: str = ""
    duration: int | None = None


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """A video that plays, and the position in it."""

    item: PlaylistItem
    position: timedelta


class AddVideo(Command, frozen=True, kw_only=True):
    """Put a video at the end of a room's playlist."""

    room: int
    media: Media


class RemoveVideo(Command, frozen=True, kw_only=True):
    """Take a video from the playlist; what was put there by others only with `room:playlist.control`."""

    room: int
    item: int


class GetPlaying(Command, frozen=True, kw_only=True):
    """Learn what plays; if nothing does, the next video begins."""

    room: int


class ListPlaylist(Command, frozen=True, kw_only=True):
    """Learn what plays and what waits."""

    room: int


class PauseVideo(Command, frozen=True, kw_only=True):
    """Halt what plays."""

    room: int


class ResumeVideo(Command, frozen=True, kw_only=True):
    """Go on with what was halted."""

    room: int


class SeekVideo(Command, frozen=True, kw_only=True):
    """Move what plays to another position; its end, or more, skips it."""

    room: int
    position: timedelta


class AdvancePlaylist(Command, frozen=True, kw_only=True):
    """Let pass what has passed. The server asks for it when a video ends."""

    room: int


@handles(AddVideo, "room:playlist.add", rate="configure", events=(VideoAdded, *CHANGES))
def do_add(act: Act, command: AddVideo) -> PlaylistItem:
    """Put it there; it begins when somebody asks what plays."""
    room, media = act.access_room(command.room), command.media
    if room.moderated_playlist:
        act.check("room:playlist.control", room)
    items = _left(act, room.id)
    if len(items) >= MAX_ITEMS or sum(item.by == act.by for item in items) >= MAX_ITEMS_PER_USER:
        raise Limited(Code.TOO_MANY, f"The playlist is full: at most {MAX_ITEMS} videos.")
    settle(act, room.id)
    duration = None if media.duration is None else max(0, min(media.duration, MAX_DURATION))
    fields = {name: getattr(media, name) for name in media.__struct_fields__} | {"duration": duration}
    item = PlaylistItem(id=act.new_id(), world=room.world, room=room.id, by=act.by, at=act.now, **fields)
    act.emit(VideoAdded, room.id, item=item)
    return item


@handles(RemoveVideo, "room:playlist.add", "room:playlist.control", rate="configure", events=(VideoRemoved, *CHANGES))
def do_remove(act: Act, command: RemoveVideo) -> PlaylistItem:
    """Take it out; when it plays, the next begins when somebody asks."""
    room = act.access_room(command.room)
    item = next((item for item in _left(act, room.id) if item.id == command.item), None)
    if item is None:
        raise Unknown(Code.MEDIA_UNKNOWN, "Media no longer exists in playlist")
    if item.by != act.by:
        act.check("room:playlist.control", room)
    settle(act, room.id)
    item = act.state.playlists[room.id][item.id]
    act.emit(VideoRemoved, room.id, item=item)
    return item


@handles(GetPlaying, "room:view", rate="read", events=CHANGES)
def do_get_playing(act: Act, command: GetPlaying) -> Playing | None:
    """Give what plays as of now, begun if need be; None when the playlist is empty."""
    settle(act, command.room)
    item = _first(act, command.room)
    if item and item.started is None:
        item = msgspec.structs.replace(item, started=act.now)
        act.emit(VideoStarted, command.room, item=item)
    return _playing(item, act.now) if item else None


@handles(ListPlaylist, "room:view", rate="read", events=CHANGES)
def do_list(act: Act, command: ListPlaylist) -> list[PlaylistItem]:
    """Give what plays, if anything, and then what waits."""
    settle(act, command.room)
    return list(act.state.playlists.get(command.room, {}).values())


@handles(PauseVideo, "room:playlist.control", rate="configure", events=(VideoPaused, *CHANGES))
def do_pause(act: Act, command: PauseVideo) -> Playing:
    """Halt it; halting it twice is halting it once."""
    item = _require_current(act, command.room)
    if item.paused is None:
        item = msgspec.structs.replace(item, paused=act.now)
        act.emit(VideoPaused, command.room, item=item)
    return _playing(item, act.now)


@handles(ResumeVideo, "room:playlist.control", rate="configure", events=(VideoResumed, *CHANGES))
def do_resume(act: Act, command: ResumeVideo) -> Playing:
    """Go on from where it was halted."""
    item = _require_current(act, command.room)
    if item.paused is not None and item.started is not None:
        item = msgspec.structs.replace(item, started=item.started + (act.now - item.paused), paused=None)
        act.emit(VideoResumed, command.room, item=item)
    return _playing(item, act.now)


@handles(SeekVideo, "room:playlist.control", rate="configure", events=(VideoSought, *CHANGES))
def do_seek(act: Act, command: SeekVideo) -> Playing:
    """Move it. A halted one stays halted, at the new position."""
    if not timedelta() <= command.position <= timedelta(seconds=MAX_DURATION):
        raise Invalid(Code.POSITION_INVALID, "There is no such position.")
    item = _require_current(act, command.room)
    position = command.position
    if item.duration is not None:
        position = min(position, timedelta(seconds=item.duration))
    item = msgspec.structs.replace(item, started=(item.paused or act.now) - position)
    act.emit(VideoSought, command.room, item=item)
    return _playing(item, act.now)


@handles(AdvancePlaylist, "room:view", rate="free", events=CHANGES)
def do_advance(act: Act, command: AdvancePlaylist) -> None:
    """Bring the list up to now."""
    settle(act, command.room)


def settle(act: Act, room: int) -> None:
    """End what is over by now; each video that waited behind it began when the one before it ended."""
    ended, current = as_of(act.state.playlists.get(room, {}).values(), act.now)
    for item in ended:
        act.emit(VideoEnded, room, item=item)
    if ended and current:
        act.emit(VideoStarted, room, item=current)


def as_of(items: Iterable[PlaylistItem], now: datetime) -> tuple[list[PlaylistItem], PlaylistItem | None]:
    """Tell, of a playlist, what is over by now, and what plays; None when nothing has begun or nothing is left."""
    ended: list[PlaylistItem] = []
    for item in items:
        current = msgspec.structs.replace(item, started=end_of(ended[-1])) if ended else item
        end = end_of(current)
        if end is None or end > now:
            return ended, current if current.started else None
        ended.append(current)
    return ended, None


def end_of(item: PlaylistItem) -> datetime | None:
    """Tell when a video is over; None while it waits or is halted, or when nobody knows how long it is."""
    if item.started is None or item.paused is not None or item.duration is None:
        return None
    return item.started + timedelta(seconds=item.duration)


def next_end(items: Iterable[PlaylistItem]) -> datetime | None:
    """Tell when what plays in a playlist is over."""
    first = next(iter(items), None)
    return end_of(first) if first else None


APPOINTMENT = Appointment(
    events=(VideoAdded, VideoStarted, VideoPaused, VideoResumed, VideoSought, VideoRemoved, VideoEnded),
    next_due=lambda state, room: next_end(state.playlists.get(room, {}).values()),
    settle=lambda room: AdvancePlaylist(room=room),
    places=lambda state: state.playlists,
)


def _left(act: Act, room: int) -> list[PlaylistItem]:
    """Give what plays or waits by now, whether or not anybody has looked."""
    items = list(act.state.playlists.get(room, {}).values())
    ended, _ = as_of(items, act.now)
    return items[len(ended) :]


def _first(act: Act, room: int) -> PlaylistItem | None:
    return next(iter(act.state.playlists.get(room, {}).values()), None)


def _require_current(act: Act, room: int) -> PlaylistItem:
    _, item = as_of(act.state.playlists.get(room, {}).values(), act.now)
    if item is None:
        raise Denied(Code.MEDIA_UNKNOWN, "Nothing is playing.")
    settle(act, room)
    return item


def _playing(item: PlaylistItem, now: datetime) -> Playing:
    assert item.started is not None
    return Playing(item=item, position=(item.paused or now) - item.started)
