"""Searching: finding messages by what they say, in one room or in all that the actor belongs to.

Who may read a message may find it, and nobody learns of others that there is one.
"""

import re
import unicodedata
from datetime import datetime

import msgspec

from hubbub.core.archive import Query, Term
from hubbub.core.chat import CHAT
from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import HubbubError
from hubbub.core.model import Message
from hubbub.core.reading import FetchMessages

MAX_TEXT = 200
"""Characters of what is looked for."""
MAX_WORDS = 20
"""Of all terms together: each is looked up."""
MIN_PREFIX = 2
"""Letters before a star: with one, a good part of all words is looked up."""
MAX_FOUND = 100
"""Messages of one page."""
TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'))
"""What keyboards of telephones make of a quotation mark."""
CURSOR = re.compile(r"-?[0-9]{1,18}")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Messages as they read now, newest first; `next` is the `before` of the next page, empty when there is none.

    There may be fewer messages than were asked for, or none, though there is a next page.
    """

    messages: tuple[Message, ...]
    next: str = ""


class SearchMessages(Command, frozen=True, kw_only=True):
    """Find messages that say something.

    `text` is what to look for: words that must all be there, whatever their case and accents; "words in quotes" that
    must stand together; -word for what must not be there; word* for its beginning. `room` is where (0: in all rooms and
    direct conversations that the actor belongs to), `sender` whose (0: anybody's), `since` and `until` from when to
    before when they were said, aware. `before` is what the last page gave as `next`, `count` how many at once (1 to
    MAX_FOUND).
    """

    MODULE = CHAT
    text: str
    room: int = 0
    sender: int = 0
    since: datetime | None = None
    until: datetime | None = None
    before: str = ""
    count: int = 20


@handles(SearchMessages, rate="search")
async def do_search(act: Act, command: SearchMessages) -> Page:
    """Look where the actor may read. Raises what reading a room raises."""
    query = parse(command.text)
    for field, instant in (("since", command.since), ("until", command.until)):
        if instant is not None and instant.tzinfo is None:
            raise invalid(field, "an instant with its time zone")
    if command.before and not CURSOR.fullmatch(command.before):
        raise invalid("before", "what an earlier page gave")
    rooms = _rooms(act, command)
    if not rooms or (command.sender and command.sender not in act.state.users):
        return Page(messages=())
    found = await act.archive.search(
        act.state.world.id,
        query,
        rooms=tuple(rooms),
        sender=command.sender,
        since=command.since,
        until=command.until,
        before=int(command.before) if command.before else None,
        limit=max(1, min(command.count, MAX_FOUND)),
    )
    check(act, command)  # the world may have changed while we looked
    rooms = _rooms(act, command)
    messages = (act.state.changed.get(message.id, message) for message in found.messages)
    return Page(
        messages=tuple(message for message in messages if message.room in rooms and not message.deleted),
        next="" if found.next is None else str(found.next),
    )


def _rooms(act: Act, command: SearchMessages) -> set[int]:
    """Give the rooms to look through. Raises as reading does when one is named."""
    if command.room:
        check(act, FetchMessages(room=command.room, before=0))
        return {command.room}
    return {room for room in act.state.belongs.get(act.actor.id, ()) if _may_read(act, room)}


def _may_read(act: Act, room: int) -> bool:
    try:
        check(act, FetchMessages(room=room, before=0))
    except HubbubError:
        return False
    return True


def parse(text: str) -> Query:
    """Read what somebody looks for. Words are parted by whatever is no letter, digit or mark.

    Raises Invalid when it is too long, has too many words, or says nothing that must be there.
    """
    if len(text) > MAX_TEXT:
        raise invalid("text", f"at most {MAX_TEXT} characters")
    terms: list[Term] = []
    without: list[Term] = []
    for minus, quoted, bare in TERM.findall(text.translate(QUOTES)):
        words = tuple("".join(sign if _in_word(sign) else " " for sign in quoted or bare).split())
        prefix = bare.endswith("*")
        if words and prefix and len(words[-1]) < MIN_PREFIX:
            raise invalid("text", f"at least {MIN_PREFIX} letters before a star")
        if words:
            (without if minus else terms).append(Term(words, prefix))
    if sum(len(term.words) for term in (*terms, *without)) > MAX_WORDS:
        raise invalid("text", f"at most {MAX_WORDS} words")
    if not terms:
        raise invalid("text", "at least one word that must be there")
    return Query(terms=tuple(terms), without=tuple(without))


def _in_word(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] in "LNM" or category == "Co"
