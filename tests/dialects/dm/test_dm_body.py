"""What clients send: JSON and forms, texts and ids, and lists in every way."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.dialects.dm.body import MAX_FIELDS, MAX_IDS, UnreadableError, ids, read_body, text

FORM = "application/x-www-form-urlencoded"


@given(st.text(), st.binary())
def test_a_body_is_an_object_or_none(kind: str, raw: bytes) -> None:
    for one in (kind, FORM, "application/json"):
        with suppress(UnreadableError):
            assert isinstance(read_body(one, raw), dict)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2", {"a": "1"}),
        (b"a=%20x%26+y", {"a": " x& y"}),
        (b"a&b=", {"a": "", "b": ""}),
        (b"a[$ne]=1", {"a": {"a[$ne]": "1"}}),
        (b"a=1&a[]=2", {"a": "1"}),
        (b"a[]=2&a=1", {"a": {"a[]": "2"}}),
        (b"", {}),
    ],
)
def test_forms(raw: bytes, found: Any) -> None:
    assert read_body(FORM, raw) == read_body(f"{FORM.upper()}; charset=utf-8", raw) == found


def test_a_form_has_only_so_many_fields() -> None:
    read_body(FORM, b"&".join([b"a=1"] * MAX_FIELDS))
    with pytest.raises(UnreadableError):
        read_body(FORM, b"&".join([b"a=1"] * (MAX_FIELDS + 1)))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("x", "x"),
        ("", ""),
        (5, "5"),
        (-5, "-5"),
        (0, "0"),
        (10**20, ""),
        (True, ""),
        (1.5, ""),
        (None, ""),
        ([], ""),
        ({}, ""),
    ],
)
def test_texts(value: Any, found: str) -> None:
    assert text({"a": value}, "a") == found
    assert text({}, "a") == ""


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([("a", "1"), ("a", "2")], ["1", "2"]),
        ([("a[]", "1"), ("a[]", "2")], ["1", "2"]),
        ([("a[0]", "1"), ("a[17]", "2")], ["1", "2"]),
        ([("a", "1,2, 3 ,,")], ["1", "2", "3"]),
        ([("a", "1"), ("a[]", "1,2")], ["1", "2"]),
        (
            [
                ("b", "1"),
                ("A", "1"),
                ("aa", "1"),
                ("a[x]", "1"),
                ("a[$ne]", "1"),
                ("a[0][x]", "1"),
                ("a[", "1"),
                ("[]", "1"),
            ],
            [],
        ),
        ([("a", "x" * 100)], ["x" * 32]),
        ([("a", str(number)) for number in range(5000)], [str(number) for number in range(MAX_IDS)]),
        ([("a", ",".join(map(str, range(50_000))))], [str(number) for number in range(MAX_IDS)]),
    ],
)
def test_lists(pairs: list[tuple[str, str]], found: list[str]) -> None:
    assert ids(pairs, "a") == found
