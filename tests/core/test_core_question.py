"""Questions to the stage: asked, let through, voted for, answered and cleared away."""

from typing import Any

import pytest
from tests.core.house import OPEN, START, House, Outcome

from hubbub.core import question as question_module
from hubbub.core.error import Code
from hubbub.core.event import (
    Event,
    QuestionAsked,
    QuestionDeleted,
    QuestionPinned,
    QuestionsUnpinned,
    QuestionUpdated,
    QuestionVoted,
)
from hubbub.core.model import Question
from hubbub.core.question import (
    MAX_CONTENT,
    MAX_OWN_QUESTIONS,
    AskQuestion,
    DeleteQuestion,
    ListQuestions,
    PinQuestion,
    UnpinQuestions,
    UpdateQuestion,
    VoteQuestion,
)

NONE = 999


class Stage:
    """A room where questions are asked, and people: Ada and Bob take part, Mo moderates, Vera only watches."""

    def __init__(self, house: House, **config: Any) -> None:
        self.house = house
        self.room = house.add_room("Hall", [{"type": "question", "config": {"active": True, **config}}], OPEN)
        self.ada, self.bob = house.person("Ada"), house.person("Bob")
        self.mo, self.vera = house.person("Mo", "moderator"), house.person("Vera", kind="bot")

    def ask(self, user: int = 0, content: str = "Why?") -> Question:
        return self.house.do(AskQuestion(room=self.room, content=content), user or self.ada).result.question  # type: ignore[no-any-return]

    def update(self, question: Question, **fields: Any) -> Outcome:
        return self.house.do(UpdateQuestion(room=self.room, question=question.id, **fields), self.mo)

    def vote(self, question: Question, user: int, *, vote: bool = True) -> Outcome:
        return self.house.do(VoteQuestion(room=self.room, question=question.id, vote=vote), user)

    def seen(self, user: int) -> list[tuple[int, int, bool]]:
        listed = self.house.do(ListQuestions(room=self.room), user).result
        return [(sight.question.id, sight.score, sight.voted) for sight in listed]

    def ids(self, user: int) -> list[int]:
        return [identity for identity, *_ in self.seen(user)]

    def stored(self, question: Question) -> Question:
        """Give what a restart would find."""
        return self.house.reloaded().questions[self.room][question.id]


@pytest.fixture
def stage(house: House) -> Stage:
    return Stage(house)


def kinds(outcome: Outcome) -> list[type[Event]]:
    return [type(event) for event in outcome.events]


def test_a_question_waits_for_a_moderator(stage: Stage) -> None:
    outcome = stage.house.do(AskQuestion(room=stage.room, content=" Why?\n"), stage.ada)
    question = outcome.one(QuestionAsked).question
    assert question == Question(id=question.id, world=1, room=stage.room, by=stage.ada, content="Why?", at=START)
    assert (outcome.result.question, outcome.result.score, outcome.result.voted) == (question, 0, False)
    assert question.state == "mod_queue"
    assert [stage.ids(user) for user in (stage.ada, stage.mo, stage.bob)] == [[question.id], [question.id], []]
    assert stage.update(question, state="visible").one(QuestionUpdated).before == "mod_queue"
    assert stage.ids(stage.bob) == [question.id]
    assert stage.stored(question).state == "visible"


def test_where_no_moderator_is_needed_all_see_it_at_once(house: House) -> None:
    stage = Stage(house, requires_moderation=False)
    question = stage.ask()
    assert question.state == "visible"
    assert stage.ids(stage.bob) == [question.id]


def test_what_is_archived_is_seen_by_moderators_and_who_asked(stage: Stage) -> None:
    question = stage.ask()
    stage.update(question, state="archived", answered=True)
    assert [stage.ids(user) for user in (stage.ada, stage.mo, stage.bob)] == [[question.id], [question.id], []]
    assert stage.stored(question).answered


def test_votes_are_counted_once_and_can_be_taken_back(stage: Stage) -> None:
    question = stage.ask()
    stage.update(question, state="visible")
    assert stage.vote(question, stage.bob).one(QuestionVoted).question == question.id
    assert stage.vote(question, stage.bob).events == []
    result = stage.vote(question, stage.ada).result
    assert (result.score, result.voted) == (2, True)
    assert [stage.seen(user) for user in (stage.bob, stage.mo)] == [[(question.id, 2, True)], [(question.id, 2, False)]]
    gone = stage.vote(question, stage.bob, vote=False)
    assert (gone.one(QuestionVoted).void.user, gone.one(QuestionVoted).question) == (stage.bob, question.id)
    assert (gone.result.score, gone.result.voted) == (1, False)
    assert stage.vote(question, stage.bob, vote=False).events == []


def test_one_votes_for_what_one_sees(stage: Stage) -> None:
    question = stage.ask()
    command = VoteQuestion(room=stage.room, question=question.id)
    assert stage.house.refusal(command, stage.bob) is Code.QUESTION_UNKNOWN
    assert stage.vote(question, stage.ada).result.score == 1
    assert stage.vote(question, stage.mo).result.score == 2


def test_what_is_left_out_stays(stage: Stage) -> None:
    question = stage.ask()
    assert stage.update(question).events == []
    changed = stage.update(question, content=" How? ").one(QuestionUpdated)
    assert (changed.question.content, changed.question.state, changed.before) == ("How?", "mod_queue", "mod_queue")
    assert stage.update(question, answered=True).result.question.content == "How?"


def test_a_question_is_gone_with_its_votes(stage: Stage) -> None:
    question = stage.ask()
    for user in (stage.ada, stage.mo):
        stage.vote(question, user)
    outcome = stage.house.do(DeleteQuestion(room=stage.room, question=question.id), stage.mo)
    assert [vote.user for vote in outcome.one(QuestionDeleted).votes] == [stage.ada, stage.mo]
    state = stage.house.reloaded()
    assert (dict(state.question_votes), state.questions.get(stage.room)) == ({}, None)


def test_one_question_of_a_room_is_pinned(stage: Stage) -> None:
    first, second = stage.ask(), stage.ask()
    assert stage.house.do(PinQuestion(room=stage.room, question=first.id), stage.mo).result.pinned
    outcome = stage.house.do(PinQuestion(room=stage.room, question=second.id), stage.mo).one(QuestionPinned)
    assert [question.id for question in outcome.unpinned] == [first.id]
    assert [stage.stored(question).pinned for question in (first, second)] == [False, True]
    stage.house.do(UnpinQuestions(room=stage.room), stage.mo).one(QuestionsUnpinned)
    assert not stage.stored(second).pinned
    assert stage.house.do(UnpinQuestions(room=stage.room), stage.mo).one(QuestionsUnpinned).questions == ()


def test_a_change_may_pin_and_unpin(stage: Stage) -> None:
    first, second = stage.ask(), stage.ask()
    assert kinds(stage.update(first, pinned=True)) == [QuestionPinned]
    assert kinds(stage.update(second, pinned=True, answered=True)) == [QuestionUpdated, QuestionPinned]
    assert [stage.stored(question).pinned for question in (first, second)] == [False, True]
    assert stage.update(second, pinned=True).events == []
    assert not stage.update(second, pinned=False, state="archived").result.question.pinned


def test_who_may(stage: Stage) -> None:
    question = stage.ask()
    stage.update(question, state="visible")
    fields: dict[str, Any] = {"room": stage.room, "question": question.id}
    everyone = (AskQuestion(room=stage.room, content="?"), VoteQuestion(**fields), ListQuestions(room=stage.room))
    moderators = (
        UpdateQuestion(**fields, answered=True),
        PinQuestion(**fields),
        UnpinQuestions(room=stage.room),
        DeleteQuestion(**fields),
    )
    for command in (*everyone, *moderators):
        assert stage.house.refusal(command, stage.vera) is Code.ROOM_DENIED
    for command in moderators:
        assert stage.house.refusal(command, stage.ada) is Code.ROOM_DENIED
    for command in (*everyone, *moderators):
        stage.house.do(command, stage.mo)


@pytest.mark.parametrize("command", [UpdateQuestion, DeleteQuestion, PinQuestion, VoteQuestion])
def test_a_question_of_another_room_or_of_none(stage: Stage, command: Any) -> None:
    elsewhere = Stage(stage.house).ask()
    for question in (NONE, elsewhere.id):
        refusal = stage.house.refusal(command(room=stage.room, question=question), stage.mo)
        assert refusal is Code.QUESTION_UNKNOWN


def test_a_room_without_questions_lists_none(stage: Stage) -> None:
    lounge = stage.house.lounge
    assert stage.house.refusal(AskQuestion(room=lounge, content="?"), stage.ada) is Code.MODULE_MISSING
    assert stage.house.do(ListQuestions(room=lounge), stage.ada).result == []
    assert stage.house.refusal(ListQuestions(room=NONE), stage.ada) is Code.ROOM_UNKNOWN


def test_questions_that_are_switched_off(stage: Stage) -> None:
    question = stage.ask()
    stage.house.change_room(stage.room, modules=({"type": "question", "config": {}},))
    fields: dict[str, Any] = {"room": stage.room, "question": question.id}
    for command in (
        AskQuestion(room=stage.room, content="?"),
        UpdateQuestion(**fields),
        DeleteQuestion(**fields),
        VoteQuestion(**fields),
    ):
        assert stage.house.refusal(command, stage.mo) is Code.MODULE_INACTIVE
    assert stage.ids(stage.mo) == [question.id]
    stage.house.do(PinQuestion(**fields), stage.mo)


@pytest.mark.parametrize("content", ["", " ", "x" * (MAX_CONTENT + 1), "a\0", "\udfff"])
def test_what_is_no_question(stage: Stage, content: str) -> None:
    assert stage.house.refusal(AskQuestion(room=stage.room, content=content), stage.ada) is Code.INVALID
    question = stage.ask(content="x" * MAX_CONTENT)
    command = UpdateQuestion(room=stage.room, question=question.id, content=content)
    assert stage.house.refusal(command, stage.mo) is Code.INVALID


def test_somebody_has_only_so_many_questions(stage: Stage) -> None:
    questions = [stage.ask() for _ in range(MAX_OWN_QUESTIONS)]
    more = AskQuestion(room=stage.room, content="?")
    assert stage.house.refusal(more, stage.ada) is Code.TOO_MANY
    stage.house.do(more, stage.bob)
    stage.update(questions[0], state="archived")
    stage.house.do(more, stage.ada)


def test_a_room_has_only_so_many_questions(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_module, "MAX_QUESTIONS", 2)
    first = stage.ask(stage.ada)
    stage.ask(stage.bob)
    more = AskQuestion(room=stage.room, content="?")
    assert stage.house.refusal(more, stage.mo) is Code.TOO_MANY
    stage.house.do(DeleteQuestion(room=stage.room, question=first.id), stage.mo)
    stage.house.do(more, stage.mo)
