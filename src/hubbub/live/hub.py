"""The hub: who listens to what, and the one way by which events reach connections."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from hubbub.core.event import (
    AnnouncementCreated,
    AnnouncementUpdated,
    BroadcastClosed,
    ChannelsChanged,
    ConversationOpened,
    DirectChanged,
    DirectPosted,
    DirectRead,
    Event,
    FeedCleared,
    GatheringAnswered,
    GatheringCancelled,
    GatheringCreated,
    GatheringReminded,
    GatheringStarted,
    GatheringUpdated,
    GrantGiven,
    GrantTaken,
    IgnoreBegun,
    IgnoreEnded,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MemberUpdated,
    MentionMissed,
    MessagePinned,
    MessagePosted,
    MessageReacted,
    MessageUnpinned,
    OccupancyChanged,
    PollCreated,
    PollDeleted,
    PollPinned,
    PollsUnpinned,
    PollUpdated,
    PollVoted,
    QuestionAsked,
    QuestionDeleted,
    QuestionPinned,
    QuestionsUnpinned,
    QuestionUpdated,
    QuestionVoted,
    ReactionsCounted,
    ReadMarked,
    RoomCreated,
    RoomDeleted,
    RoomScheduled,
    RoomsReordered,
    RoomUpdated,
    ScheduleUpdated,
    SessionReplaced,
    SessionsRevoked,
    Subscribed,
    TokensRevoked,
    Topic,
    TopicSet,
    Typing,
    Unsubscribed,
    UserBanned,
    UserNotified,
    UserUnread,
    UserUpdated,
    VideoAdded,
    VideoEnded,
    VideoPaused,
    VideoRemoved,
    VideoResumed,
    VideoSought,
    VideoStarted,
    VisitClosed,
    VisitOpened,
    VisitorKicked,
    VisitUpdated,
    WorldReplaced,
    WorldUpdated,
)
from hubbub.live.session import Audience, Encoder, Key, Session
from hubbub.wire.outbox import Turn

logger = logging.getLogger(__name__)

WORLD, USER = "world", "user"


class Hub:
    """Know all connections of this node, and whom of them an event concerns."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.sessions: dict[int, Session] = {}
        self._audiences: dict[Key, dict[Encoder, Audience]] = {}

    # Connections

    def add(self, session: Session) -> None:
        """Know a connection, from when its user is known."""
        self.sessions[session.id] = session
        self.subscribe(session, (WORLD, session.state.world.id))
        self.subscribe(session, (USER, session.user))

    def remove(self, session: Session) -> None:
        """Forget a connection and all that it was told of."""
        if self.sessions.pop(session.id, None):
            for key in list(session.topics):
                self.unsubscribe(session, key)

    def of_user(self, user: int) -> list[Session]:
        """List the connections of a user."""
        audiences = self._audiences.get((USER, user), {})
        return [session for audience in audiences.values() for session in audience.members.values()]

    def subscribe(self, session: Session, key: Key) -> None:
        """Let a connection be told of a topic."""
        audiences = self._audiences.setdefault(key, {})
        audience = audiences.get(session.encoder)
        if audience is None:
            audience = audiences[session.encoder] = Audience(self.turn)
        audience.add(session.outbox, session)
        session.topics.setdefault(key, audience.joined)

    def unsubscribe(self, session: Session, key: Key) -> None:
        """Let a connection no longer be told of a topic."""
        session.topics.pop(key, None)
        audiences = self._audiences.get(key, {})
        audience = audiences.get(session.encoder)
        if audience is None:
            return
        audience.discard(session.outbox)
        if not audience.members:
            del audiences[session.encoder]
            if not audiences:
                del self._audiences[key]

    def audience_of(self, session: Session, key: Key) -> Audience | None:
        """Give the audience that a connection is part of for a topic, or None when it is not told of it."""
        return self._audiences[key][session.encoder] if key in session.topics else None

    # Events

    def hear(self, events: Sequence[Event]) -> None:
        """Tell everybody concerned of events, in order."""
        for event in events:
            self.tell(event)

    def tell(self, event: Event) -> None:
        """Tell everybody concerned of an event."""
        concerns = CONCERNS.get(type(event))
        if concerns is None:
            if isinstance(event, Subscribed | Unsubscribed):
                self._move(event)
            return
        keys = concerns(event)
        audiences = self._audiences.get(keys[0], {}) if len(keys) == 1 else self._gather(keys)
        for encoder, audience in list(audiences.items()):
            try:
                encoder.tell(event, audience)
            except Exception:
                # What one dialect cannot say costs neither the others nor what comes next.
                logger.exception("a %s could not be told", type(event).__name__)

    def _gather(self, keys: Sequence[Key]) -> dict[Encoder, Audience]:
        """Make one audience of many, so that what is told to all of them is encoded once."""
        gathered: dict[Encoder, Audience] = {}
        for key in keys:
            for encoder, audience in self._audiences.get(key, {}).items():
                gathered.setdefault(encoder, Audience(self.turn)).members.update(audience.members)
        return gathered

    def _move(self, event: Subscribed | Unsubscribed) -> None:
        session = self.sessions.get(event.session)
        if session is None:
            return
        key = (event.topic.value, event.room)
        if isinstance(event, Subscribed):
            self.subscribe(session, key)
        else:
            self.unsubscribe(session, key)

    def statistics(self) -> dict[str, int]:
        """Give the sizes of everything: all zero when nobody is here."""
        return {
            "sessions": len(self.sessions),
            "topics": len(self._audiences),
            "subscriptions": sum(
                len(audience.members) for audiences in self._audiences.values() for audience in audiences.values()
            ),
        }


def _room(topic: Topic) -> Callable[[Any], Sequence[Key]]:
    return lambda event: ((topic.value, event.room),)


def _world(event: Event) -> Sequence[Key]:
    return ((WORLD, event.world),)


def _user(event: Any) -> Sequence[Key]:
    return ((USER, event.user),)


def _users(event: Any) -> Sequence[Key]:
    return [(USER, user) for user in event.users]


def _with_visitor(topic: Topic) -> Callable[[Any], Sequence[Key]]:
    return lambda event: ((topic.value, event.room), (USER, event.visit.user))


def _banned(event: UserBanned) -> Sequence[Key]:
    own = (USER, event.ban.user)
    return ((Topic.VISITORS.value, event.room), own) if event.room else (own,)


def _granted(event: GrantGiven | GrantTaken) -> Sequence[Key]:
    return ((Topic.VIEWERS.value, event.room), (USER, event.grant.user)) if event.room else _world(event)


def _announced(event: AnnouncementCreated | AnnouncementUpdated) -> Sequence[Key]:
    return _world(event) if event.shown else ()


CONCERNS: dict[type[Event], Callable[[Any], Sequence[Key]]] = {
    MessagePosted: _room(Topic.CHAT),
    MessageReacted: _room(Topic.CHAT),
    MessagePinned: _room(Topic.CHAT),
    MessageUnpinned: _room(Topic.CHAT),
    **dict.fromkeys(
        (MemberJoined, MemberReturned, MemberUpdated, MemberLeft), lambda event: ((USER, event.member.user),)
    ),
    **dict.fromkeys((GatheringCreated, GatheringUpdated, GatheringCancelled, GatheringAnswered), _room(Topic.CHAT)),
    **dict.fromkeys((GatheringReminded, GatheringStarted), _room(Topic.CHAT)),
    VisitOpened: _room(Topic.VIEWERS),
    VisitClosed: _room(Topic.VIEWERS),
    VisitUpdated: _room(Topic.VIEWERS),
    VisitorKicked: _with_visitor(Topic.VISITORS),
    BroadcastClosed: _with_visitor(Topic.VISITORS),
    UserBanned: _banned,
    FeedCleared: _room(Topic.CHAT),
    GrantGiven: _granted,
    GrantTaken: _granted,
    TopicSet: _room(Topic.VISITORS),
    DirectPosted: _users,
    DirectChanged: _users,
    ConversationOpened: lambda event: [(USER, member.user) for member in event.members],
    TokensRevoked: lambda event: [(USER, user) for user in {token.user for token in event.tokens}],
    IgnoreBegun: lambda event: ((USER, event.ignore.user),),
    IgnoreEnded: lambda event: ((USER, event.ignore.user),),
    **dict.fromkeys(
        (VideoAdded, VideoStarted, VideoPaused, VideoResumed, VideoSought, VideoRemoved, VideoEnded),
        _room(Topic.VISITORS),
    ),
    **dict.fromkeys(
        (PollCreated, PollUpdated, PollDeleted, PollVoted, PollPinned, PollsUnpinned),
        _room(Topic.POLLS),
    ),
    **dict.fromkeys(
        (QuestionAsked, QuestionUpdated, QuestionDeleted, QuestionVoted, QuestionPinned, QuestionsUnpinned),
        _room(Topic.QUESTIONS),
    ),
    AnnouncementCreated: _announced,
    AnnouncementUpdated: _announced,
    ReactionsCounted: _room(Topic.VISITORS),
    RoomScheduled: _room(Topic.VISITORS),
    OccupancyChanged: _world,
    WorldUpdated: _world,
    WorldReplaced: _world,
    ScheduleUpdated: _world,
    RoomCreated: _world,
    RoomUpdated: _world,
    RoomsReordered: _world,
    RoomDeleted: _world,
    UserUnread: _users,
    UserNotified: _user,
    MentionMissed: _user,
    ChannelsChanged: _user,
    SessionReplaced: _user,
    SessionsRevoked: _user,
    UserUpdated: lambda event: ((USER, event.user.id),),
    ReadMarked: lambda event: ((USER, event.state.user),),
    DirectRead: _users,
    Typing: lambda event: _users(event) if event.users else ((Topic.CHAT.value, event.room),),
}
"""Whom an event concerns. Events that are not here change the world without anybody being told."""
