"""Errors of the core in this dialect's words."""

from datetime import timedelta

import pytest

from hubbub.core.error import Code, Denied, HubbubError, Invalid
from hubbub.dialects.venueless.error import CODES, DETAILED, ENTRY, LISTED, SAID, UNFIT, describe

WORDS = {"auth", "channel", "chat", "config", "protocol", "room", "server", "user", "world"}
WORDS |= {"announcement", "poll", "question"}


@pytest.mark.parametrize("code", Code)
def test_every_error_has_a_word(code: Code) -> None:
    """Once an error that the table lacked was answered as an internal fault."""
    word, message, _ = describe(Denied(code, "Why"))
    area, dot, rest = word.partition(".")
    assert area in WORDS and dot and rest
    assert (message != "") == (code in SAID)


def test_the_tables_name_what_there_is() -> None:
    assert set(CODES) == set(Code)
    assert LISTED <= SAID and set(Code) >= DETAILED
    assert not set(ENTRY) & set(UNFIT)


@pytest.mark.parametrize("code", ENTRY)
def test_who_may_not_come_in_is_denied_and_told_why(code: Code) -> None:
    word, message, details = describe(Denied(code, "Because"))
    assert word == "protocol.denied"
    assert message.endswith("Because")
    assert details is None


@pytest.mark.parametrize(("reason", "said"), [("", "This room is closed."), ("Fire!", "This room is closed: Fire!")])
def test_a_room_may_be_closed_without_a_reason(reason: str, said: str) -> None:
    assert describe(Denied(Code.ROOM_CLOSED, reason))[1] == said


def test_how_long_to_wait_is_a_detail() -> None:
    error = Denied(Code.ACCOUNT_TOO_YOUNG, "Too new", retry_after=timedelta(minutes=1))
    assert describe(error) == ("protocol.denied", "Too new", {"retry_after": 60.0})


def test_details_are_told_of_what_is_invalid_alone() -> None:
    details = {"standing": ["owner"]}
    assert describe(Denied(Code.RANK_DENIED, "No", details=details)) == ("protocol.denied", "No", None)
    assert describe(Invalid(Code.INVALID, "No", details=details))[2] == details
    assert describe(HubbubError(Code.CHAT_DENIED, "hidden")) == ("chat.denied", "", None)
