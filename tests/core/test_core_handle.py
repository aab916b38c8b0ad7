"""Handles and colours (protocols/jumpin.md 1.2; section 5, cases 1 to 5)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.core import handle as handle_module
from hubbub.core.command import Act
from hubbub.core.error import Code, Invalid
from hubbub.core.handle import COLORS, HANDLE, MAX_HANDLE, check_handle, new_color, new_handle, next_color
from hubbub.core.model import User, World
from hubbub.core.state import WorldState

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def act(*numbers: int) -> Act:
    """Give an act whose random numbers are these, one after another, and then none."""
    texts = [text_of(number) for number in numbers]

    def secret(length: int, alphabet: str) -> str:
        assert (length, alphabet) == (4, handle_module._LETTERS)
        return texts.pop(0)

    state = WorldState(World(id=1, name="w", title="W", created=NOW))
    return Act(state, now=NOW, new_id=lambda: 1, secret=secret, archive=None)  # type: ignore[arg-type]


def text_of(number: int) -> str:
    text = ""
    for _ in range(4):
        number, place = divmod(number, 26)
        text = handle_module._LETTERS[place] + text
    return text


def user(name: str = "") -> User:
    return User(id=1, world=1, created=NOW, profile={"display_name": name} if name else {})


@pytest.mark.parametrize(
    ("handle", "code"),
    [
        ("", Code.HANDLE_EMPTY),
        (" \t\n ", Code.HANDLE_EMPTY),
        ("x" * (MAX_HANDLE + 1), Code.HANDLE_TOO_LONG),
        ("with blank", Code.HANDLE_CHARACTERS),
        ("exclaimed!", Code.HANDLE_CHARACTERS),
        ("ünïcode", Code.HANDLE_CHARACTERS),
        ("line\nbreak", Code.HANDLE_CHARACTERS),
        ("١٢٣", Code.HANDLE_CHARACTERS),
        ("back\\slash", Code.HANDLE_CHARACTERS),
        ("taken", Code.HANDLE_TAKEN),
        ("  taken  ", Code.HANDLE_TAKEN),
    ],
)
def test_what_nobody_is_called(handle: str, code: Code) -> None:
    with pytest.raises(Invalid) as caught:
        check_handle(handle, {"taken"})
    assert caught.value.code == code


@pytest.mark.parametrize("handle", ["a", "x" * MAX_HANDLE, "A-Z_0-9", "[x]|y", "Taken", "---"])
def test_what_somebody_may_be_called(handle: str) -> None:
    assert check_handle(f"  {handle} ", {"taken"}) == handle


@given(st.text(max_size=20))
def test_only_handles_pass(text: str) -> None:
    try:
        handle = check_handle(text, ())
    except Invalid:
        return
    assert handle == text.strip()
    assert 0 < len(handle) <= MAX_HANDLE
    assert HANDLE.fullmatch(handle)


def test_who_has_a_name_is_called_so() -> None:
    assert new_handle(act(), user("Ada L."), {"Bob"}) == "Ada L."


def test_who_has_a_name_that_is_taken_is_called_something_else() -> None:
    made = new_handle(act(0, 0, 7), user("Ada"), {"Ada"})
    assert made == "amber_acorn"


def test_who_has_no_name_is_called_by_an_adjective_and_a_noun() -> None:
    assert new_handle(act(1, 1, 5), user(), ()) == "bold_badger"
    assert new_handle(act(1, 1, 1234), user(), {"bold_badger"}) == "bold_badger234"


def test_what_is_taken_or_too_long_is_tried_again() -> None:
    taken = {"amber_acorn", "amber_acorn7"}
    assert new_handle(act(0, 0, 7, 1, 1, 0), user(), taken) == "bold_badger"
    words = [len(adjective) + len(noun) + 1 for adjective in handle_module._ADJECTIVES for noun in handle_module._NOUNS]
    assert max(words) <= MAX_HANDLE + 1
    assert sum(length <= MAX_HANDLE for length in words) > 1000


@given(st.integers(0, 26**4 - 1), st.integers(0, 26**4 - 1), st.integers(0, 26**4 - 1))
def test_what_newcomers_are_called_somebody_may_be_called(one: int, two: int, three: int) -> None:
    again = (0, 0, 0)
    assert check_handle(made := new_handle(act(one, two, three, *again), user(), ()), ()) == made


@given(st.integers(0, 26**4 - 1))
def test_a_new_color_is_one_that_there_is(number: int) -> None:
    assert new_color(act(number)) == COLORS[number % len(COLORS)]


def test_colors_go_round() -> None:
    assert [next_color(color) for color in COLORS] == [*COLORS[1:], COLORS[0]]
    assert (COLORS[0], COLORS[-1], len(set(COLORS))) == ("red", "orangealt", 14)
