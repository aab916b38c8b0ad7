"""Attachments: what is kept of them, and what clients see (protocols/groupme.md 2.4)."""

from typing import Any

import pytest

from hubbub.dialects.groupme.attachment import address, mentioned, read_attachments, write_attachments
from hubbub.dialects.groupme.error import RefusedError

SITE = "https://chat.example.org/gm"


def test_nulls_are_left_out_and_numbers_of_places_are_texts() -> None:
    given = [
        {"type": "image", "url": "https://example.org/a.png", "source_url": None, "file_id": None},
        {"type": "location", "lat": 52.5, "lng": "13.4", "name": "Pub", "foursqure_venue_id": None},
    ]
    assert read_attachments(given) == (
        {"type": "image", "url": "https://example.org/a.png"},
        {"type": "location", "lat": "52.5", "lng": "13.4", "name": "Pub"},
    )
    assert read_attachments(None) == ()


@pytest.mark.parametrize(
    "given",
    [
        {},
        "image",
        [None],
        [{}],
        [{"type": 7}],
        [{"type": ""}],
        [{"type": "x" * 51}],
        [{"type": "image"}],
        [{"type": "image", "url": None}],
        [{"type": "image", "url": 7}],
        [{"type": "location", "lat": "1"}],
        [{"type": "mentions", "user_ids": []}],
        [{"type": "reply"}],
        [{"type": "other", "data": "x" * 10_000}],
        [{"type": "other", "data": "\ud800"}],
        [{"type": "split", "token": "x"}] * 21,
    ],
    ids=lambda given: repr(given)[:40],
)
def test_what_makes_no_sense_is_refused(given: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        read_attachments(given)
    assert refused.value.status == 400


def test_what_would_break_clients_is_not_told() -> None:
    kept = {"type": "image", "url": "/media/pub/a.png", "blur_hash": "x", "name": "y"}
    assert write_attachments([kept], SITE) == [{"type": "image", "url": "https://chat.example.org/media/pub/a.png"}]
    reply = {"type": "reply", "reply_id": "1", "user_id": "2", "more": "3"}
    assert write_attachments([reply], SITE) == [reply]


def test_files_of_other_dialects() -> None:
    picture = {"url": "https://example.org/a.png", "name": "a.png", "mimeType": "image/png"}
    assert write_attachments([picture], SITE) == [{"type": "image", "url": "https://example.org/a.png"}]
    (other,) = write_attachments([picture | {"mimeType": "application/pdf"}], SITE)
    assert (other["type"], other["url"], other["name"]) == ("file", "https://example.org/a.png", "a.png")


@pytest.mark.parametrize("url", [None, 7, {}], ids=["none", "number", "object"])
def test_what_is_no_address(url: object) -> None:
    assert address(url, SITE) == ""


def test_an_address_elsewhere_stays() -> None:
    assert address("//example.org/a.png", SITE) == "//example.org/a.png"


def test_who_is_mentioned() -> None:
    some = {"type": "mentions", "user_ids": ["5", 6, "x", None, "5"], "loci": []}
    assert mentioned([some, {"type": "image", "user_ids": ["7"]}]) == ((5, 6), False)
    assert mentioned([{"type": "mentions", "user_ids": ["-1", "5"]}]) == ((5,), True)
    assert mentioned([{"type": "mentions", "user_ids": "5"}]) == ((), False)
