"""Announcements: what organisers tell everybody in the world, wherever they are."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Invalid, Limited, Unknown
from hubbub.core.event import AnnouncementCreated, AnnouncementUpdated
from hubbub.core.model import Announcement, AnnouncementState
from hubbub.core.state import WorldState
from hubbub.core.text import checked_text

MAX_TEXT = 10_000
"""Characters of an announcement."""
MAX_ANNOUNCEMENTS = 1000
"""Of one world, in whatever state."""

NEXT: Mapping[AnnouncementState, AnnouncementState] = {"draft": "active", "active": "archived"}
"""The only moves from state to state (protocols/venueless.md 1.12)."""


class CreateAnnouncement(Command, frozen=True, kw_only=True):
    """Write an announcement: a draft, or one that everybody is told at once."""

    text: str
    show_until: datetime | None = None
    active: bool = False


class UpdateAnnouncement(Command, frozen=True, kw_only=True):
    """Change an announcement, publish a draft or archive what is active; what is left out stays."""

    announcement: int
    text: str | msgspec.UnsetType = msgspec.UNSET
    show_until: datetime | msgspec.UnsetType | None = msgspec.UNSET
    state: AnnouncementState | msgspec.UnsetType = msgspec.UNSET


class ListAnnouncements(Command, frozen=True, kw_only=True):
    """List all announcements of the world, oldest first."""


@handles(CreateAnnouncement, "world:announce", rate="create", events=(AnnouncementCreated,))
def do_create(act: Act, command: CreateAnnouncement) -> Announcement:
    """Write it."""
    if len(act.state.announcements) >= MAX_ANNOUNCEMENTS:
        raise Limited(Code.TOO_MANY, f"A world has at most {MAX_ANNOUNCEMENTS} announcements.")
    announcement = Announcement(
        id=act.new_id(),
        world=act.state.world.id,
        by=act.by,
        text=checked_text("text", command.text, MAX_TEXT),
        state="active" if command.active else "draft",
        show_until=_until(command.show_until),
        at=act.now,
    )
    act.emit(AnnouncementCreated, announcement=announcement, shown=announcement.visible(act.now))
    return announcement


@handles(UpdateAnnouncement, "world:announce", rate="configure", events=(AnnouncementUpdated,))
def do_update(act: Act, command: UpdateAnnouncement) -> Announcement:
    """Change what is given."""
    before = act.state.announcements.get(command.announcement)
    if before is None:
        raise Unknown(Code.ANNOUNCEMENT_UNKNOWN, "Unknown announcement ID")
    names = ("text", "show_until", "state")
    given = {name: value for name in names if (value := getattr(command, name)) is not msgspec.UNSET}
    if "text" in given:
        given["text"] = checked_text("text", given["text"], MAX_TEXT)
    if "show_until" in given:
        given["show_until"] = _until(given["show_until"])
    state = given.get("state", before.state)
    if state not in (before.state, NEXT.get(before.state)):
        raise Invalid(Code.STATE_INVALID, f"What is {before.state} cannot become {state}.")
    announcement = msgspec.structs.replace(before, **given)
    if announcement != before:
        shown = before.visible(act.now) or announcement.visible(act.now)
        act.emit(AnnouncementUpdated, announcement=announcement, shown=shown)
    return announcement


def _until(instant: datetime | None) -> datetime | None:
    """Give an instant in UTC. Raises Invalid when it has none, in the first and last hours that calendars know."""
    try:
        return instant and instant.astimezone(UTC)
    except OverflowError:
        raise invalid("show_until", "an instant between the years 1 and 9999") from None


@handles(ListAnnouncements, "world:announce", rate="read")
def do_list(act: Act, command: ListAnnouncements) -> list[Announcement]:
    """Give them all."""
    return list(act.state.announcements.values())


def visible(state: WorldState, now: datetime) -> list[Announcement]:
    """Give those that everybody sees now, oldest first."""
    return [announcement for announcement in state.announcements.values() if announcement.visible(now)]
