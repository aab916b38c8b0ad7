"""Questions to those on a stage: people ask and vote, moderators let through, answer and clear away."""

import msgspec

from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Limited, Unknown
from hubbub.core.event import (
    QuestionAsked,
    QuestionDeleted,
    QuestionPinned,
    QuestionsUnpinned,
    QuestionUpdated,
    QuestionVoted,
)
from hubbub.core.model import Question, QuestionState, QuestionVote, Room
from hubbub.core.text import checked_text

MODULE = "question"
"""The module of rooms in which people ask. Its `requires_moderation`, true by default, queues what they ask."""
MAX_CONTENT = 2000
"""Characters of a question."""
MAX_QUESTIONS = 5000
"""Of one room, in whatever state."""
MAX_OWN_QUESTIONS = 100
"""Of one user in one room, without those in the archive."""


class QuestionSight(msgspec.Struct, frozen=True, kw_only=True):
    """A question, how many want to know the same, and whether the actor does."""

    question: Question
    score: int
    voted: bool


class AskQuestion(Command, frozen=True, kw_only=True):
    """Ask something."""

    MODULE = MODULE
    room: int
    content: str


class UpdateQuestion(Command, frozen=True, kw_only=True):
    """Change a question, show it to all or put it away; what is left out stays."""

    MODULE = MODULE
    room: int
    question: int
    content: str | msgspec.UnsetType = msgspec.UNSET
    state: QuestionState | msgspec.UnsetType = msgspec.UNSET
    answered: bool | msgspec.UnsetType = msgspec.UNSET
    pinned: bool | msgspec.UnsetType = msgspec.UNSET


class DeleteQuestion(Command, frozen=True, kw_only=True):
    """Remove a question and its votes."""

    MODULE = MODULE
    room: int
    question: int


class VoteQuestion(Command, frozen=True, kw_only=True):
    """Want to know the same, or no longer."""

    MODULE = MODULE
    room: int
    question: int
    vote: bool = True


class ListQuestions(Command, frozen=True, kw_only=True):
    """Look at a room's questions: moderators at all, others at those that are visible and their own."""

    room: int


class PinQuestion(Command, frozen=True, kw_only=True):
    """Show a question before all others."""

    room: int
    question: int


class UnpinQuestions(Command, frozen=True, kw_only=True):
    """Show no question before the others."""

    room: int


@handles(AskQuestion, "room:question.ask", rate="create", events=(QuestionAsked,))
def do_ask(act: Act, command: AskQuestion) -> QuestionSight:
    """Ask it; others see it at once where that needs no moderation."""
    room = _active(act, command.room)
    content = checked_text("content", command.content, MAX_CONTENT)
    questions = act.state.questions.get(room.id, {})
    own = sum(question.by == act.by and question.state != "archived" for question in questions.values())
    if len(questions) >= MAX_QUESTIONS or own >= MAX_OWN_QUESTIONS:
        raise Limited(Code.TOO_MANY, f"At most {MAX_QUESTIONS} questions in a room, {MAX_OWN_QUESTIONS} of one person.")
    moderated = (room.module(MODULE) or {}).get("requires_moderation", True)
    question = Question(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        by=act.by,
        content=content,
        state="mod_queue" if moderated else "visible",
        at=act.now,
    )
    act.emit(QuestionAsked, room.id, question=question)
    return _sight(act, question)


@handles(UpdateQuestion, "room:question.moderate", rate="configure", events=(QuestionUpdated, QuestionPinned))
def do_update(act: Act, command: UpdateQuestion) -> QuestionSight:
    """Change what is given."""
    room = _active(act, command.room)
    before = _access(act, room, command.question)
    names = ("content", "state", "answered", "pinned")
    given = {name: value for name in names if (value := getattr(command, name)) is not msgspec.UNSET}
    if "content" in given:
        given["content"] = checked_text("content", given["content"], MAX_CONTENT)
    pin = given.get("pinned") is True
    if pin:
        del given["pinned"]
    question = msgspec.structs.replace(before, **given)
    if question != before:
        act.emit(QuestionUpdated, room.id, question=question, before=before.state)
    if pin and not question.pinned:
        question = _pin(act, room, question)
    return _sight(act, question)


@handles(DeleteQuestion, "room:question.moderate", rate="configure", events=(QuestionDeleted,))
def do_delete(act: Act, command: DeleteQuestion) -> Question:
    """Remove it."""
    room = _active(act, command.room)
    question = _access(act, room, command.question)
    votes = tuple(act.state.question_votes.get(question.id, {}).values())
    act.emit(QuestionDeleted, room.id, question=question, votes=votes)
    return question


@handles(VoteQuestion, "room:question.vote", rate="react", events=(QuestionVoted,))
def do_vote(act: Act, command: VoteQuestion) -> QuestionSight:
    """Note it; wanting it twice is wanting it once."""
    room, user = _active(act, command.room), act.actor.id
    question = _access(act, room, command.question)
    old = act.state.question_votes.get(question.id, {}).get(user)
    if command.vote and old is None:
        vote = QuestionVote(question=question.id, user=user, world=room.world, at=act.now)
        act.emit(QuestionVoted, room.id, vote=vote)
    elif old and not command.vote:
        act.emit(QuestionVoted, room.id, void=old)
    return _sight(act, question)


@handles(ListQuestions, "room:question.read", rate="read")
def do_list(act: Act, command: ListQuestions) -> list[QuestionSight]:
    """Give them in the order in which they were asked."""
    room = act.access_room(command.room)
    questions = act.state.questions.get(room.id, {}).values()
    return [_sight(act, question) for question in questions if _sees(act, room, question)]


@handles(PinQuestion, "room:question.moderate", rate="configure", events=(QuestionPinned,))
def do_pin(act: Act, command: PinQuestion) -> Question:
    """Pin it; what was pinned is so no longer."""
    room = act.access_room(command.room)
    return _pin(act, room, _access(act, room, command.question))


def _pin(act: Act, room: Room, question: Question) -> Question:
    others = (other for other in act.state.questions[room.id].values() if other.pinned and other.id != question.id)
    unpinned = tuple(msgspec.structs.replace(other, pinned=False) for other in others)
    question = msgspec.structs.replace(question, pinned=True)
    act.emit(QuestionPinned, room.id, question=question, unpinned=unpinned)
    return question


@handles(UnpinQuestions, "room:question.moderate", rate="configure", events=(QuestionsUnpinned,))
def do_unpin(act: Act, command: UnpinQuestions) -> None:
    """Unpin whichever is pinned."""
    room = act.access_room(command.room)
    pinned = (question for question in act.state.questions.get(room.id, {}).values() if question.pinned)
    unpinned = tuple(msgspec.structs.replace(question, pinned=False) for question in pinned)
    act.emit(QuestionsUnpinned, room.id, questions=unpinned)


def _sight(act: Act, question: Question) -> QuestionSight:
    votes = act.state.question_votes.get(question.id, {})
    return QuestionSight(question=question, score=len(votes), voted=act.by in votes)


def _sees(act: Act, room: Room, question: Question) -> bool:
    return question.state == "visible" or question.by == act.by or act.may("room:question.moderate", room)


def _access(act: Act, room: Room, identity: int) -> Question:
    """Give a question that the actor may see. Raises Unknown."""
    question = act.state.questions.get(room.id, {}).get(identity)
    if question is None or not _sees(act, room, question):
        raise Unknown(Code.QUESTION_UNKNOWN, "Unknown question ID")
    return question


def _active(act: Act, identity: int) -> Room:
    """Give a room whose questions are switched on. Raises Denied."""
    room = act.access_room(identity, module=MODULE)
    if not (room.module(MODULE) or {}).get("active"):
        raise Denied(Code.MODULE_INACTIVE, "Questions are switched off in this room.")
    return room
