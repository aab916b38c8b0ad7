"""What this dialect pushes: data frames of Bayeux on the channels of users, groups and conversations.

Source: protocols/groupme.md 3. What is said goes to the channel of each user who belongs there, so the content is
encoded once, in a frame into which each client's own channel is filled; everything on a group's channel is one frame
for all. Nothing is written that nobody listens to.
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any, cast

import msgspec

from hubbub.core.event import (
    ConversationOpened,
    DirectChanged,
    DirectPosted,
    DirectRead,
    Event,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MessagePosted,
    MessageReacted,
    SessionReplaced,
    SessionsRevoked,
    TokensRevoked,
    Typing,
)
from hubbub.core.membership import name_in
from hubbub.core.model import Message
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.id import render, render_message, render_pair
from hubbub.dialects.groupme.session import GroupmeSession
from hubbub.dialects.groupme.view import View, is_hidden, reaction, reactions
from hubbub.live.clock import Clock
from hubbub.live.session import Audience, Encoder
from hubbub.wire.bayeux.message import data_frame, own_frame
from hubbub.wire.outbox import Turn

Json = dict[str, Any]

MAX_ALERT = 200
"""Characters of what is shown on a locked screen."""
NOWHERE = {"lat": "", "lng": "", "name": None}

_encode = msgspec.json.Encoder().encode


class GroupmeEncoder(Encoder):
    """Everything that clients of one world are told; `site` is where the server says that it is reached.

    Its sessions are all of this dialect: only its endpoint hands it out.
    """

    def __init__(self, state: WorldState, turn: Turn, clock: Clock, site: str) -> None:
        self.state = state
        self.turn = turn
        self.clock = clock
        self.view = View(state, site)
        self._tellers: dict[type[Event], Callable[[Any, Audience], None]] = {
            MessagePosted: self._posted,
            DirectPosted: self._posted_directly,
            DirectChanged: self._changed_directly,
            MessageReacted: self._reacted,
            MemberJoined: self._joined,
            MemberReturned: self._joined,
            MemberLeft: self._left,
            ConversationOpened: self._opened,
            DirectRead: self._read,
            Typing: self._typing,
            TokensRevoked: self._revoked,
            SessionsRevoked: self._revoked,
            SessionReplaced: self._replaced,
        }

    def tell(self, event: Event, audience: Audience) -> None:
        teller = self._tellers.get(type(event))
        if teller:
            teller(event, audience)

    # What is said

    def _posted(self, event: MessagePosted, audience: Audience) -> None:
        room = self.state.rooms.get(event.room)
        if room is None or room.kind == "direct":  # told to all connections of both, as a DirectPosted
            return

        def line() -> msgspec.Raw:
            shown = self.view.message(event.message)
            return self._data("line.create", _line(shown), shown)

        self._to_users(audience, line)
        original = event.original
        if original:
            self._changed(original, lambda: self.view.message(original), audience, _group_channel(room.id))

    def _posted_directly(self, event: DirectPosted, audience: Audience) -> None:
        room = self.state.rooms.get(event.room)
        if room is None or len(event.users) != 2 or is_hidden(event.message, room):
            return

        def said() -> msgspec.Raw:
            shown = self.view.direct_message(event.message, key="chat_id")
            return self._data("direct_message.create", _without_likes(shown), shown)

        self._to_users(audience, said)

    def _changed_directly(self, event: DirectChanged, audience: Audience) -> None:
        if len(event.users) == 2:
            message = event.message
            show = partial(self.view.direct_message, message, key="chat_id")
            self._changed(message, show, audience, _pair_channel(event.users))

    def _changed(self, message: Message, show: Callable[[], Json], audience: Audience, channel: str) -> None:
        def change() -> msgspec.Raw:
            if not message.deleted:
                return self._data("message.update", show())
            at = message.edited or message.at
            return self._data("message.deleted", {**show(), "deleted_at": at.isoformat()})

        self._to_channel(audience, channel, change)

    def _reacted(self, event: MessageReacted, audience: Audience) -> None:
        message, room = event.message, self.state.rooms.get(event.room)
        if room is None:
            return
        two = tuple(self.state.members.get(room.id, ())) if room.kind == "direct" else ()
        if room.kind == "direct" and len(two) != 2:
            return
        own = next((sign for sign, users in message.reactions.items() if event.by in users), None)

        @cache
        def subject() -> Json:
            line = self.view.direct_message(message) if two else self.view.message(message)
            return {"line": line, "reactions": reactions(message), "user_id": render(event.by)}

        def like() -> msgspec.Raw:
            alert = f"{name_in(self.state, room.id, event.by)} liked your message"
            return self._data("like.create", {**subject(), "user_reaction": reaction(own or "")}, alert=alert)

        channel = _pair_channel(two) if two else _group_channel(room.id)
        self._to_channel(audience, channel, lambda: self._data("favorite", subject()))
        if own is not None and message.sender and event.by != message.sender:
            self._to_user(audience, message.sender, like)

    # Coming and going

    def _joined(self, event: MemberJoined | MemberReturned, audience: Audience) -> None:
        room, user = self.state.rooms.get(event.room), self.state.users.get(event.member.user)
        if room is None or user is None or not room.lasting:
            return
        for session in _ours(audience):
            session.listen(room.id)
        subject = self.view.group(room, user, self.clock(), None, brief=True)
        alert = f"You've been added to {room.name}" if event.by != user.id else f"You have joined {room.name}"
        self._to_users(audience, lambda: self._data("membership.create", subject, alert=alert))

    def _left(self, event: MemberLeft, audience: Audience) -> None:
        for session in _ours(audience):
            session.leave(_group_channel(event.room))

    def _opened(self, event: ConversationOpened, audience: Audience) -> None:
        for session in _ours(audience):
            session.listen(event.room)

    # What passes

    def _typing(self, event: Typing, audience: Audience) -> None:
        channel = _pair_channel(event.users) if event.users else _group_channel(event.room)
        data = {"type": "typing", "user_id": render(event.user), "started": milliseconds(event.at)}
        self._to_channel(audience, channel, lambda: msgspec.Raw(_encode(data)), droppable=True)

    def _read(self, event: DirectRead, audience: Audience) -> None:
        if len(event.users) == 2:
            subject = {
                "id": render_message(event.number),
                "chat_id": render_pair(event.users[0], event.users[1]),
                "message_id": render_message(event.number),
                "user_id": render(event.user),
                "read_at": int(event.at.timestamp()),
            }
            make = partial(self._data, "read_receipt.create", subject)
            self._to_channel(audience, _pair_channel(event.users), make)

    # Tokens

    def _revoked(self, event: TokensRevoked | SessionsRevoked, audience: Audience) -> None:
        for session in _ours(audience):
            if not session.is_good():
                session.retire()

    def _replaced(self, event: SessionReplaced, audience: Audience) -> None:
        for session in _ours(audience):
            if session.id == event.session:
                session.retire()

    # Sending

    def _data(self, kind: str, subject: Json, shown: Json | None = None, *, alert: str = "") -> msgspec.Raw:
        """Write what is in a data frame, once for everybody."""
        if shown:
            alert = f"{shown['name']}: {shown['text'] or ''}"
        now = milliseconds(self.clock())
        return msgspec.Raw(_encode({"type": kind, "alert": alert[:MAX_ALERT], "subject": subject, "received_at": now}))

    def _to_users(self, audience: Audience, make: Callable[[], msgspec.Raw]) -> None:
        """Put data on the users' own channels. It is made when somebody listens."""
        if any(session.hears_own for session in _ours(audience)):
            audience.broadcast(own_frame(make()))

    def _to_user(self, audience: Audience, user: int, make: Callable[[], msgspec.Raw]) -> None:
        """Put data on one user's own channel. It is made when they listen."""
        outboxes = [one.outbox for one in _ours(audience) if one.user == user and one.hears_own]
        if outboxes:
            self.turn.broadcast(outboxes, own_frame(make()))

    def _to_channel(
        self, audience: Audience, channel: str, make: Callable[[], msgspec.Raw], *, droppable: bool = False
    ) -> None:
        """Put data on a channel that many listen to. It is made for the first of them."""
        frame: bytes | None = None
        for session in _ours(audience):
            if channel in session.channels:
                if frame is None:
                    frame = data_frame(channel, make())
                if not (droppable and session.outbox.slow):
                    session.outbox.put(frame)


def milliseconds(at: Any) -> int:
    """Write an instant, in milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def _line(shown: Json) -> Json:
    more = {"location": NOWHERE, "parent_id": shown["group_id"], "picture_url": None}
    return {**_without_likes(shown), **more}


def _without_likes(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if name not in ("favorited_by", "platform")}


def _ours(audience: Audience) -> Iterable[GroupmeSession]:
    return cast(list[GroupmeSession], list(audience.members.values()))


def _group_channel(room: int) -> str:
    return f"/group/{room}"


def _pair_channel(users: tuple[int, ...]) -> str:
    return f"/direct_message/{render_pair(users[0], users[-1], '_')}"
