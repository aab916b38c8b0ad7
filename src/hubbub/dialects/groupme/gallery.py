"""The gallery of a conversation: its messages that have pictures, films or files (protocols/groupme.md 2.7).

Pages are told apart by instants, ISO 8601, both ends excluded (groupme-js/GroupMeCommunityDocs, docs/gallery.md).
"""

import re
from datetime import UTC, datetime
from typing import Any

from hubbub.core.model import Message
from hubbub.core.reading import ListFiles
from hubbub.dialects.groupme.answer import Reply, Route, get
from hubbub.dialects.groupme.attachment import write_attachments
from hubbub.dialects.groupme.caller import Caller, number
from hubbub.dialects.groupme.error import RefusedError

MAX_PAGE = 100
MAX_LOOKS = 10
"""Pages of messages with any attachments that are looked through for one of the gallery."""
SHOWN = frozenset({"image", "linked_image", "video", "file"})

_UNESCAPED = re.compile(r" (?=[0-9]{2}:?[0-9]{2}$)")
"""A plus before the offset that was not escaped in a query."""


async def index(caller: Caller) -> Reply:
    """Give the newest messages of the gallery between two instants, newest first."""
    room = caller.conversation(caller.path["conversation"])
    limit = number(caller.query.get("limit"), MAX_PAGE, MAX_PAGE)
    before, after = _instant(caller, "before"), _instant(caller, "after") or _instant(caller, "since")
    found: list[Message] = []
    for _ in range(MAX_LOOKS):
        page: list[Message] = await caller.do(ListFiles(room=room.id, before=before, after=after, count=MAX_PAGE))
        found += [message for message in page if _shown(message, caller.site)]
        if len(page) < MAX_PAGE or len(found) >= limit:
            break
        before = page[-1].at
    write = caller.view.direct_message if room.kind == "direct" else caller.view.message
    messages: list[dict[str, Any]] = [{**write(one), "gallery_ts": _render(one.at)} for one in found[:limit]]
    return Reply(response={"messages": messages})


def _shown(message: Message, site: str) -> bool:
    return any(one["type"] in SHOWN for one in write_attachments(message.attachments, site))


def _instant(caller: Caller, name: str) -> datetime | None:
    text = caller.query.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(_UNESCAPED.sub("+", text))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedError(400, f"{name}: an instant like 2026-01-31T12:00:00Z is expected") from None


def _render(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


ROUTES: tuple[Route, ...] = (get("/v3/conversations/{conversation:str}/gallery", index),)
