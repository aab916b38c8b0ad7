"""What clients of this dialect ask of polls, questions and announcements (protocols/venueless.md 1.10 to 1.12)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from hubbub.core import announcement, poll, question
from hubbub.core.command import Command
from hubbub.core.error import Code
from hubbub.core.model import Announcement, PollKind
from hubbub.dialects.venueless import body as bodies
from hubbub.dialects.venueless.call import Call, Context, mapping, room_of, take
from hubbub.dialects.venueless.decision import write_poll, write_question, write_shown_announcement
from hubbub.dialects.venueless.id import Kind, parse, render

NONE = -1
"""The id of nothing: what cannot be read is refused like what is not there."""

T = TypeVar("T")


# Reading


def _thing(body: Any, kind: Kind) -> int:
    """Read which poll, question or announcement a command is about; what is no id is that of none."""
    return parse(mapping(body).get("id"), kind) or NONE


def _choices(options: Sequence[bodies.PollChoice]) -> tuple[poll.Choice, ...]:
    return tuple(
        poll.Choice(
            content=option.content,
            order=option.order,
            id=(parse(option.id, Kind.POLL_OPTION) or NONE) if option.id else None,
        )
        for option in options
    )


POLL_TYPES: dict[str | None, PollKind] = {None: "single", "choice": "single", "multi": "multi"}


def _create_poll(body: Any) -> Command:
    place, given = room_of(body), take(body, bodies.PollCreate)
    return poll.CreatePoll(
        room=place,
        content=given.content,
        options=_choices(given.options),
        kind=POLL_TYPES[given.poll_type],
        visibility="anonymous",
        state=given.state or "draft",
    )


def _update_poll(body: Any) -> Command:
    place, given = room_of(body), take(body, bodies.PollUpdate)
    return poll.UpdatePoll(
        room=place,
        poll=_thing(body, Kind.POLL),
        content=_or_unset(given.content),
        options=msgspec.UNSET if given.options is None else _choices(given.options),
        kind=msgspec.UNSET if given.poll_type is None else POLL_TYPES[given.poll_type],
        state=_or_unset(given.state),
        pinned=_or_unset(given.is_pinned),
    )


def _vote_poll(body: Any) -> Command:
    place, given = room_of(body), take(body, bodies.PollVote)
    options = tuple(parse(option, Kind.POLL_OPTION) or NONE for option in given.options)
    return poll.VotePoll(room=place, poll=_thing(body, Kind.POLL), options=options)


def _update_question(body: Any) -> Command:
    place, given = room_of(body), take(body, bodies.QuestionUpdate)
    return question.UpdateQuestion(
        room=place,
        question=_thing(body, Kind.QUESTION),
        content=_or_unset(given.content),
        state=_or_unset(given.state),
        answered=_or_unset(given.answered),
        pinned=_or_unset(given.is_pinned),
    )


def _vote_question(body: Any) -> Command:
    place, given = room_of(body), take(body, bodies.QuestionVote)
    return question.VoteQuestion(room=place, question=_thing(body, Kind.QUESTION), vote=given.vote)


def _create_announcement(body: Any) -> Command:
    given = take(body, bodies.AnnouncementCreate)
    return announcement.CreateAnnouncement(
        text=given.text, show_until=_aware(given.show_until), active=bool(given.is_active)
    )


def _update_announcement(body: Any) -> Command:
    given = take(body, bodies.AnnouncementUpdate)
    until = given.show_until
    return announcement.UpdateAnnouncement(
        announcement=_thing(body, Kind.ANNOUNCEMENT),
        text=_or_unset(given.text),
        show_until=until if until is msgspec.UNSET else _aware(until),
        state=_or_unset(given.state),
    )


def _or_unset(value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


def _aware(instant: datetime | None) -> datetime | None:
    """Take an instant that names no zone for one in UTC."""
    return instant.replace(tzinfo=UTC) if instant and instant.tzinfo is None else instant


# Writing


def _write_poll(result: poll.PollSight, context: Context) -> Any:
    return {"poll": write_poll(result.poll, result.results)}


def _write_polls(result: list[poll.PollSight], context: Context) -> Any:
    return [write_poll(seen.poll, seen.results, seen.answers) for seen in result]


def _write_question(result: question.QuestionSight, context: Context) -> Any:
    return {"question": write_question(result.question, result.score)}


def _write_questions(result: list[question.QuestionSight], context: Context) -> Any:
    return [{**write_question(seen.question, seen.score), "voted": seen.voted} for seen in result]


def _write_announcement(result: Announcement, context: Context) -> Any:
    return {"announcement": write_shown_announcement(result, context.encoder.clock())}


def _write_announcements(result: list[Announcement], context: Context) -> Any:
    return [write_shown_announcement(found, context.encoder.clock()) for found in result]


POLL = {Code.MODULE_INACTIVE: "poll.inactive"}
QUESTION = {Code.MODULE_INACTIVE: "question.inactive"}
NO_POLL_VOTE = dict.fromkeys((Code.POLL_UNKNOWN, Code.OPTION_UNKNOWN, Code.POLL_CLOSED, Code.INVALID), "poll.vote")

CALLS: dict[str, Call] = {
    "poll.create": Call(_create_poll, _write_poll, codes=POLL),
    "poll.update": Call(_update_poll, _write_poll, codes=POLL),
    "poll.delete": Call(
        lambda body: poll.DeletePoll(room=room_of(body), poll=_thing(body, Kind.POLL)),
        lambda result, _context: {"poll": render(result.id, Kind.POLL)},
        codes=POLL,
    ),
    "poll.vote": Call(_vote_poll, _write_poll, codes=POLL, reasons=NO_POLL_VOTE),
    "poll.list": Call(lambda body: poll.ListPolls(room=room_of(body)), _write_polls, codes=POLL),
    "poll.pin": Call(
        lambda body: poll.PinPoll(room=room_of(body), poll=_thing(body, Kind.POLL)),
        lambda result, _context: {"id": render(result.id, Kind.POLL)},
    ),
    "poll.unpin": Call(lambda body: poll.UnpinPolls(room=room_of(body))),
    "question.ask": Call(
        lambda body: question.AskQuestion(room=room_of(body), content=take(body, bodies.QuestionAsk).content),
        _write_question,
        codes=QUESTION,
    ),
    "question.update": Call(_update_question, _write_question, codes=QUESTION),
    "question.delete": Call(
        lambda body: question.DeleteQuestion(room=room_of(body), question=_thing(body, Kind.QUESTION)),
        lambda result, _context: {"question": render(result.id, Kind.QUESTION)},
        codes=QUESTION,
    ),
    "question.vote": Call(
        _vote_question, _write_question, codes=QUESTION, reasons={Code.QUESTION_UNKNOWN: "question.vote"}
    ),
    "question.list": Call(lambda body: question.ListQuestions(room=room_of(body)), _write_questions),
    "question.pin": Call(
        lambda body: question.PinQuestion(room=room_of(body), question=_thing(body, Kind.QUESTION)),
        lambda result, _context: {"id": render(result.id, Kind.QUESTION)},
    ),
    "question.unpin": Call(lambda body: question.UnpinQuestions(room=room_of(body))),
    "announcement.create": Call(_create_announcement, _write_announcement),
    "announcement.update": Call(_update_announcement, _write_announcement),
    "announcement.list": Call(lambda _body: announcement.ListAnnouncements(), _write_announcements),
}
