"""Handles and colours: what people are called, and how they are shown, while they are in a room."""

import re
from collections.abc import Collection

from hubbub.core.command import Act
from hubbub.core.error import Code, Invalid
from hubbub.core.model import User

MAX_HANDLE = 16
HANDLE = re.compile(r"[A-Za-z0-9_|\[\]-]+")
"""Source: protocols/jumpin.md 1.2."""

COLORS = (
    "red",
    "green",
    "yellow",
    "blue",
    "purple",
    "aqua",
    "orange",
    "redalt",
    "greenalt",
    "yellowalt",
    "bluealt",
    "purplealt",
    "aquaalt",
    "orangealt",
)
"""In the order in which "the next colour" goes through them."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ADJECTIVES = (
    *("amber", "bold", "brave", "brisk", "calm", "clever", "cosy", "curious", "daring", "dizzy", "eager", "early"),
    *("fancy", "fluffy", "frosty", "gentle", "giddy", "golden", "happy", "honest", "humble", "jolly", "keen", "kind"),
    *("lively", "lucky", "mellow", "merry", "mighty", "misty", "nimble", "noble", "patient", "plucky", "polite"),
    *("proud", "quick", "quiet", "rapid", "rosy", "rustic", "shiny", "silent", "silver", "sleepy", "sly", "snowy"),
    *("solar", "spicy", "steady", "sunny", "swift", "tender", "tidy", "tiny", "tranquil", "velvet", "vivid", "warm"),
    *("wild", "wise", "witty", "young", "zesty"),
)
_NOUNS = (
    *("acorn", "badger", "beetle", "birch", "bison", "breeze", "brook", "cactus", "camel", "cedar", "cloud", "comet"),
    *("coral", "crane", "cricket", "dune", "eagle", "ember", "falcon", "fern", "finch", "fjord", "fox", "gecko"),
    *("hare", "harbor", "heron", "ibis", "island", "jackal", "kite", "lake", "lark", "lemur", "lily", "lynx", "maple"),
    *("meadow", "moose", "moth", "newt", "oak", "orchid", "otter", "owl", "panda", "pebble", "pine", "puffin", "quail"),
    *("raven", "reef", "robin", "sparrow", "spruce", "stork", "tiger", "toad", "tulip", "walrus", "willow", "wolf"),
    *("wren", "yak"),
)


def check_handle(handle: str, taken: Collection[str]) -> str:
    """Give a handle without blanks around it. Raises Invalid unless somebody may be called so."""
    handle = handle.strip()
    if not handle:
        raise Invalid(Code.HANDLE_EMPTY, "A nickname cannot be empty.")
    if len(handle) > MAX_HANDLE:
        raise Invalid(Code.HANDLE_TOO_LONG, f"A nickname has at most {MAX_HANDLE} characters.")
    if not HANDLE.fullmatch(handle):
        raise Invalid(Code.HANDLE_CHARACTERS, "A nickname has only letters, digits and - _ | [ ].")
    if handle in taken:
        raise Invalid(Code.HANDLE_TAKEN, "Somebody here is called so already.", details={"handle": [handle]})
    return handle


def new_handle(act: Act, user: User, taken: Collection[str]) -> str:
    """Make a handle for a newcomer: their own name where that is free, else one that nobody has."""
    if user.display_name and user.display_name not in taken:
        return user.display_name
    while True:
        adjective, noun = (words[_number(act) % len(words)] for words in (_ADJECTIVES, _NOUNS))
        for handle in (f"{adjective}_{noun}", f"{adjective}_{noun}{_number(act) % 1000}"):
            if len(handle) <= MAX_HANDLE and handle not in taken:
                return handle


def new_color(act: Act) -> str:
    """Pick a colour."""
    return COLORS[_number(act) % len(COLORS)]


def next_color(color: str) -> str:
    """Give the colour after one, beginning anew after the last."""
    return COLORS[(COLORS.index(color) + 1) % len(COLORS)]


def _number(act: Act) -> int:
    """Give a random number below 26^4."""
    number = 0
    for letter in act.secret(4, _LETTERS):
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    return number
