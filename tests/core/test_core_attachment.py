"""Attachments, as clients read them that did not make them."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.house import START

from hubbub.core.attachment import is_harmless, plain, words_of
from hubbub.core.model import Message

PICTURE = {"type": "image", "url": "https://x.example/a.png"}
PLACE = {"type": "location", "lat": "51.5", "lng": "-0.1", "name": "London"}


def message(body: str, *attachments: dict[str, Any]) -> Message:
    return Message(id=1, world=1, room=1, sender=1, at=START, body=body, attachments=attachments)


@pytest.mark.parametrize(
    ("attachment", "words"),
    [
        (PLACE, "London (51.5, -0.1)"),
        ({**PLACE, "name": ""}, "51.5, -0.1"),
        ({"type": "location", "lat": 51.5, "lng": None, "name": "London"}, "London"),
        ({"type": "file", "file_id": "7"}, "file"),
        ({"name": "a.txt"}, "a.txt"),
        ({"type": 7, "name": ["x"]}, ""),
        ({}, ""),
    ],
    ids=range(7),
)
def test_in_words(attachment: dict[str, Any], words: str) -> None:
    assert words_of(attachment) == words


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (message("Hi"), "Hi"),
        (message("Look", PICTURE, PLACE), "Look https://x.example/a.png"),
        (message("", PICTURE, PLACE), "https://x.example/a.png"),
        (message("", PLACE, {"url": 7, "name": "b"}), "London (51.5, -0.1) b"),
        (message(" ", PLACE), " "),
        (message("", {}), ""),
        (replace(message(""), kind="call"), "Started a call"),
        (replace(message(""), kind="call", deleted=True), ""),
    ],
    ids=range(8),
)
def test_a_message_in_words(said: Message, text: str) -> None:
    assert plain(said) == text


@pytest.mark.parametrize(
    ("url", "harmless"),
    [
        ("https://x.example/a.png", True),
        ("HTTP://x.example:8080/a:b", True),
        ("/media/a:b.png", True),
        ("a.png", True),
        ("", True),
        (7, True),
        ("javascript:alert(1)", False),
        (" \x01java\nscript\t:alert(1)", False),
        ("data:text/html,<script>", False),
        ("file:///etc/passwd", False),
    ],
    ids=range(10),
)
def test_where_nobody_is_led(url: object, harmless: bool) -> None:
    assert is_harmless({"url": url}) == harmless
