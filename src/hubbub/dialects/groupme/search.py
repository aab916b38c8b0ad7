"""Search: finding messages by what they say. GroupMe has none; this is ours (docs/dialects/groupme.md)."""

from hubbub.core.model import Message
from hubbub.core.search import MAX_FOUND, Page, SearchMessages
from hubbub.dialects.groupme.answer import Reply, Route, get
from hubbub.dialects.groupme.caller import Caller, instant, number
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse

PAGE = 20


async def in_group(caller: Caller) -> Reply:
    """Search a group, or a conversation with somebody."""
    return await _search(caller, caller.conversation(caller.path["conversation"]).id)


async def everywhere(caller: Caller) -> Reply:
    """Search all groups and conversations of the user."""
    return await _search(caller, 0)


async def _search(caller: Caller, room: int) -> Reply:
    query = caller.query
    sender = parse(query.get("sender_id"))
    if query.get("sender_id") and not sender:
        raise RefusedError(400, "sender_id: the id of a user is expected")
    command = SearchMessages(
        text=query.get("q", ""),
        room=room,
        sender=sender,
        since=instant(query.get("since")),
        until=instant(query.get("until")),
        before=query.get("before", ""),
        count=number(query.get("limit"), PAGE, MAX_FOUND),
    )
    page: Page = await caller.do(command)
    shown = [caller.view.shown(message) for message in page.messages if _is_ours(caller, message)]
    return Reply(response={"messages": shown, "next": page.next or None})


def _is_ours(caller: Caller, message: Message) -> bool:
    """Leave out conversations of three and more, which are none here."""
    room = caller.state.rooms[message.room]
    return room.kind != "direct" or len(caller.state.members[room.id]) == 2


ROUTES: tuple[Route, ...] = (
    get("/v3/groups/{conversation:str}/search", in_group),
    get("/v3/search", everywhere),
)
