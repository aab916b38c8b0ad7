"""Polls, questions and announcements as this dialect's objects and pushes.

Source: protocols/venueless.md 1.10 to 1.12. A push goes once to each connection that it concerns, and to those alone
who may see what is in it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from hubbub.core.ballot import may_see_early, results_of, sees_results
from hubbub.core.event import (
    AnnouncementCreated,
    AnnouncementUpdated,
    Event,
    PollCreated,
    PollDeleted,
    PollPinned,
    PollsUnpinned,
    PollUpdated,
    PollVoted,
    QuestionAsked,
    QuestionDeleted,
    QuestionPinned,
    QuestionsUnpinned,
    QuestionUpdated,
    QuestionVoted,
)
from hubbub.core.model import Announcement, Poll, Question
from hubbub.core.state import WorldState
from hubbub.dialects.venueless.id import Kind, render
from hubbub.live.clock import Clock
from hubbub.live.session import Audience, Session
from hubbub.wire import array_rpc
from hubbub.wire.outbox import Outbox, Turn

Json = dict[str, Any]

HIDDEN = frozenset({"draft", "archived"})
"""States of polls that only those who manage them are told of."""

# Objects


def write_poll(poll: Poll, results: Mapping[int, int] | None = None, answers: Iterable[int] = ()) -> Json:
    """Write a poll; with its results where they may be seen, and what its reader has chosen if they have."""
    found: Json = {
        "id": render(poll.id, Kind.POLL),
        "content": poll.content,
        "state": poll.state,
        "timestamp": poll.created.isoformat(),
        "room_id": render(poll.room, Kind.ROOM),
        "is_pinned": poll.pinned,
        "options": [
            {"id": render(option.id, Kind.POLL_OPTION), "content": option.content, "order": option.order}
            for option in poll.ordered
        ],
    }
    if results is not None:
        found["results"] = {render(option, Kind.POLL_OPTION): votes for option, votes in results.items()}
    if answers:
        found["answers"] = [render(option, Kind.POLL_OPTION) for option in answers]
    return found


def write_question(question: Question, score: int) -> Json:
    """Write a question. Who asked it is told to nobody."""
    return {
        "id": render(question.id, Kind.QUESTION),
        "content": question.content,
        "state": question.state,
        "answered": question.answered,
        "timestamp": question.at.isoformat(),
        "room_id": render(question.room, Kind.ROOM),
        "score": score,
        "is_pinned": question.pinned,
    }


def write_announcement(announcement: Announcement) -> Json:
    """Write an announcement as it is pushed."""
    return {
        "id": render(announcement.id, Kind.ANNOUNCEMENT),
        "text": announcement.text,
        "show_until": announcement.show_until.isoformat() if announcement.show_until else None,
        "state": announcement.state,
    }


def write_shown_announcement(announcement: Announcement, now: datetime) -> Json:
    """Write an announcement as it is listed: with whether everybody sees it."""
    return {**write_announcement(announcement), "is_visible": announcement.visible(now)}


# Pushes


class DecisionTeller:
    """What clients of one world are told of polls, questions and announcements."""

    def __init__(self, state: WorldState, turn: Turn, clock: Clock) -> None:
        self._state = state
        self._turn = turn
        self._clock = clock
        self.tellers: dict[type[Event], Callable[[Any, Audience], None]] = {
            PollCreated: self._poll_changed,
            PollUpdated: self._poll_changed,
            PollVoted: self._poll_voted,
            PollDeleted: self._poll_deleted,
            PollPinned: self._poll_pinned,
            PollsUnpinned: self._polls_unpinned,
            QuestionAsked: self._question_changed,
            QuestionUpdated: self._question_changed,
            QuestionVoted: self._question_voted,
            QuestionDeleted: self._question_deleted,
            QuestionPinned: self._question_pinned,
            QuestionsUnpinned: self._questions_unpinned,
            AnnouncementCreated: self._announced,
            AnnouncementUpdated: self._announced,
        }

    def _poll_changed(self, event: PollCreated | PollUpdated, audience: Audience) -> None:
        poll = event.poll
        before = event.before if isinstance(event, PollUpdated) else poll.state
        if poll.state in HIDDEN and before in HIDDEN:
            payload = {"poll": write_poll(poll, results_of(self._state, poll))}
            self._push_to(audience, event.room, "room:poll.manage", "poll.created_or_updated", payload)
        else:
            self._tell_poll(poll, audience, everybody=True)

    def _poll_voted(self, event: PollVoted, audience: Audience) -> None:
        poll = self._state.polls.get(event.room, {}).get(event.poll)
        if poll:
            self._tell_poll(poll, audience, everybody=False)

    def _tell_poll(self, poll: Poll, audience: Audience, *, everybody: bool) -> None:
        """Tell of a poll with its results those who may see them, and without them, if `everybody`, the others."""
        frame = array_rpc.push("poll.created_or_updated", {"poll": write_poll(poll, results_of(self._state, poll))})
        if poll.state != "open" or poll.early_results:
            audience.broadcast(frame)
            return
        seeing: list[Outbox] = []
        others: list[Outbox] = []
        for outbox, session in audience.members.items():
            (seeing if self._sees_results(poll, session) else others).append(outbox)
        self._turn.broadcast(seeing, frame)
        if everybody:
            self._turn.broadcast(others, array_rpc.push("poll.created_or_updated", {"poll": write_poll(poll)}))

    def _sees_results(self, poll: Poll, session: Session) -> bool:
        votes, room = self._state.poll_votes.get(poll.id, {}), self._state.rooms[poll.room]
        return sees_results(poll, votes, session.user, early=False) or may_see_early(
            self._state, session.user, room, self._clock()
        )

    def _poll_deleted(self, event: PollDeleted, audience: Audience) -> None:
        self._tell_of_poll("poll.deleted", event.poll, audience)

    def _poll_pinned(self, event: PollPinned, audience: Audience) -> None:
        self._tell_of_poll("poll.pinned", event.poll, audience)

    def _tell_of_poll(self, name: str, poll: Poll, audience: Audience) -> None:
        payload = {"room": render(poll.room, Kind.ROOM), "id": render(poll.id, Kind.POLL)}
        if poll.state in HIDDEN:
            self._push_to(audience, poll.room, "room:poll.manage", name, payload)
        else:
            audience.broadcast(array_rpc.push(name, payload))

    def _polls_unpinned(self, event: PollsUnpinned, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("poll.unpinned", {"room": render(event.room, Kind.ROOM)}))

    def _question_changed(self, event: QuestionAsked | QuestionUpdated, audience: Audience) -> None:
        before = event.before if isinstance(event, QuestionUpdated) else event.question.state
        self._tell_question(event.question, audience, visible="visible" in (event.question.state, before))

    def _question_voted(self, event: QuestionVoted, audience: Audience) -> None:
        question = self._state.questions.get(event.room, {}).get(event.question)
        if question:
            self._tell_question(question, audience, visible=question.state == "visible")

    def _tell_question(self, question: Question, audience: Audience, *, visible: bool) -> None:
        score = len(self._state.question_votes.get(question.id, ()))
        payload = {"question": write_question(question, score)}
        self._tell_readers("question.created_or_updated", question, payload, audience, visible=visible)

    def _question_deleted(self, event: QuestionDeleted, audience: Audience) -> None:
        self._tell_of_question("question.deleted", event.question, audience)

    def _question_pinned(self, event: QuestionPinned, audience: Audience) -> None:
        self._tell_of_question("question.pinned", event.question, audience)

    def _tell_of_question(self, name: str, question: Question, audience: Audience) -> None:
        payload = {"room": render(question.room, Kind.ROOM), "id": render(question.id, Kind.QUESTION)}
        self._tell_readers(name, question, payload, audience, visible=question.state == "visible")

    def _questions_unpinned(self, event: QuestionsUnpinned, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("question.unpinned", {"room": render(event.room, Kind.ROOM)}))

    def _tell_readers(self, name: str, question: Question, payload: Json, audience: Audience, *, visible: bool) -> None:
        if visible:
            audience.broadcast(array_rpc.push(name, payload))
        else:
            self._push_to(audience, question.room, "room:question.moderate", name, payload)

    def _push_to(self, audience: Audience, room: int, permission: str, name: str, payload: Json) -> None:
        """Push to those of an audience who hold a permission in a room."""
        place, now = self._state.rooms[room], self._clock()
        outboxes = [
            outbox
            for outbox, session in audience.members.items()
            if (user := self._state.users.get(session.user)) and permission in self._state.permissions(user, now, place)
        ]
        self._turn.broadcast(outboxes, array_rpc.push(name, payload))

    def _announced(self, event: AnnouncementCreated | AnnouncementUpdated, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("announcement.created_or_updated", write_announcement(event.announcement)))
