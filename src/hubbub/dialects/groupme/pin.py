"""Pins: what a conversation keeps at hand (protocols/groupme.md 2.4)."""

from hubbub.core.model import Room
from hubbub.core.pin import ListPinned, PinMessage, UnpinMessage
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller
from hubbub.dialects.groupme.direct import other_of, with_other
from hubbub.dialects.groupme.id import parse_message


async def pin(caller: Caller) -> Reply:
    """Keep a message at hand."""
    room = caller.conversation(caller.path["conversation"])
    await caller.do(PinMessage(room=room.id, number=parse_message(caller.path["message"])))
    return Reply()


async def unpin(caller: Caller) -> Reply:
    """Keep it at hand no longer."""
    room = caller.conversation(caller.path["conversation"])
    await caller.do(UnpinMessage(room=room.id, number=parse_message(caller.path["message"])))
    return Reply()


async def of_group(caller: Caller) -> Reply:
    """Give what is pinned in a group, the last pinned first."""
    return await _list(caller, caller.group(caller.path["group"]))


async def of_direct(caller: Caller) -> Reply:
    """Give what is pinned in the conversation with somebody."""
    return await _list(caller, with_other(caller, other_of(caller)))


async def _list(caller: Caller, room: Room | None) -> Reply:
    found = await caller.do(ListPinned(room=room.id)) if room else []
    return Reply(response={"count": len(found), "messages": [caller.view.shown(message) for message in found]})


ROUTES: tuple[Route, ...] = (
    post("/v3/conversations/{conversation:str}/messages/{message:str}/pin", pin),
    post("/v3/conversations/{conversation:str}/messages/{message:str}/unpin", unpin),
    get("/v3/pinned/groups/{group:str}/messages", of_group),
    get("/v3/pinned/direct_messages", of_direct),
)
