"""Events: facts that happened, in the past tense.

A durable event carries the records that it leaves behind (`WRITES` names the fields that hold them) or removes
(`ERASES`), so one description serves three readers: the state in memory applies it, the store projects it to tables and
appends it to the journal, the dialects tell their clients. An ephemeral event has neither and is told only to those who
are here now.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import msgspec

from hubbub.core.model import (
    AccessToken,
    Announcement,
    AuditEntry,
    Ban,
    Block,
    Bot,
    Credential,
    FormerMember,
    Gathering,
    GatheringAnswer,
    Grant,
    Ignore,
    Imported,
    Invite,
    JoinRequest,
    LoginCode,
    Member,
    Message,
    PlaylistItem,
    Poll,
    PollState,
    PollVote,
    PushSubscription,
    Question,
    QuestionState,
    QuestionVote,
    ReadState,
    Record,
    Room,
    RoomPassword,
    Upload,
    User,
    World,
)
from hubbub.core.presence import Visit


class Topic(StrEnum):
    """Name an audience of a room: who is in it, those of them who may see who else is, who listens to its talk; those
    in it who may see its polls, and its questions."""

    VISITORS = "visitors"
    VIEWERS = "viewers"
    CHAT = "chat"
    POLLS = "polls"
    QUESTIONS = "questions"


class Event(msgspec.Struct, kw_only=True, tag=True, omit_defaults=True):
    """The base of every event.

    `room` is 0 for what concerns the world. `by` is the user who did it (0: the system, the command line), `session`
    the connection it came through (0: none); both are for the dialects' courtesy, such as not echoing. `epoch` and
    `seq` place a durable event in the order of its stream (the room, or the world); the store assigns them.
    """

    WRITES: ClassVar[tuple[str, ...]] = ()
    ERASES: ClassVar[tuple[str, ...]] = ()
    JOURNALLED: ClassVar[bool] = True
    """False for durable events that nobody replays: secrets, audit entries, read pointers."""

    world: int
    room: int = 0
    by: int = 0
    session: int = 0
    epoch: int = 0
    seq: int = 0

    @property
    def stream(self) -> int:
        """The id of the room or world whose order the event is part of."""
        return self.room or self.world

    @classmethod
    def durable(cls) -> bool:
        """Whether the event is stored before it is told."""
        return bool(cls.WRITES or cls.ERASES)

    def written(self) -> list[Record]:
        """Give the records that the event leaves behind."""
        return self._records(self.WRITES)

    def erased(self) -> list[Record]:
        """Give the records that the event removes."""
        return self._records(self.ERASES)

    def _records(self, fields: tuple[str, ...]) -> list[Record]:
        records: list[Record] = []
        for field in fields:
            value = getattr(self, field)
            if isinstance(value, tuple):
                records += value
            elif value is not None:
                records.append(value)
        return records


# The world


class WorldCreated(Event, kw_only=True):
    """A world was made."""

    WRITES = ("config",)

    config: World


class WorldUpdated(Event, kw_only=True):
    """The configuration, roles or trait grants of the world changed."""

    WRITES = ("config",)

    config: World


class WorldReplaced(Event, kw_only=True):
    """Everything in the world was removed, and the world begins anew with a higher epoch.

    A store erases every row of the world, its journal included, before it writes the records here.
    """

    WRITES = ("config", "rooms")

    config: World
    rooms: tuple[Room, ...]


class ScheduleUpdated(Event, kw_only=True):
    """The world's timetable lies elsewhere now, or has new contents."""

    WRITES = ("config",)

    config: World


class Audited(Event, kw_only=True):
    """Somebody changed something that organisers want to know of."""

    WRITES = ("entry",)
    JOURNALLED = False

    entry: AuditEntry


# Rooms


class RoomCreated(Event, kw_only=True):
    """A room was made."""

    WRITES = ("config", "grants")

    config: Room
    grants: tuple[Grant, ...] = ()


class RoomUpdated(Event, kw_only=True):
    """A room's configuration changed."""

    WRITES = ("config",)

    config: Room


class RoomsReordered(Event, kw_only=True):
    """The order of the world's rooms changed."""

    WRITES = ("rooms",)

    rooms: tuple[Room, ...]


class RoomScheduled(Event, kw_only=True):
    """What is on in the room changed."""

    WRITES = ("config",)

    config: Room


class RoomDeleted(Event, kw_only=True):
    """A room was closed for good; its record stays, marked."""

    WRITES = ("config",)

    config: Room


class TopicSet(Event, kw_only=True):
    """Somebody said what a room is about now."""

    WRITES = ("config",)

    config: Room


class RoomPasswordSet(Event, kw_only=True):
    """A room got a password. That it has one is told by a RoomUpdated."""

    WRITES = ("password",)
    JOURNALLED = False

    password: RoomPassword


class VideoEvent(Event, kw_only=True):
    """The base of what happens to a video that a room watches together; `item` is as it is since."""

    WRITES: ClassVar[tuple[str, ...]] = ("item",)

    item: PlaylistItem


class VideoAdded(VideoEvent, kw_only=True):
    """A video was put at the end of a room's playlist."""


class VideoStarted(VideoEvent, kw_only=True):
    """The next video began to play."""


class VideoPaused(VideoEvent, kw_only=True):
    """The video that plays was halted."""


class VideoResumed(VideoEvent, kw_only=True):
    """The video that was halted plays on."""


class VideoSought(VideoEvent, kw_only=True):
    """The video that plays was moved to another position."""


class VideoRemoved(VideoEvent, kw_only=True):
    """Somebody took a video from the playlist."""

    WRITES = ()
    ERASES = ("item",)


class VideoEnded(VideoEvent, kw_only=True):
    """A video was played to its end and is no longer in the playlist."""

    WRITES = ()
    ERASES = ("item",)


class PollCreated(Event, kw_only=True):
    """Somebody made a poll."""

    WRITES = ("poll",)

    poll: Poll


class PollUpdated(Event, kw_only=True):
    """A poll changed, or ended; `before` is its state until then. Votes for options that are gone are `void`."""

    WRITES = ("poll", "votes")
    ERASES = ("void",)

    poll: Poll
    before: PollState
    votes: tuple[PollVote, ...] = ()
    void: tuple[PollVote, ...] = ()


class PollReminded(Event, kw_only=True):
    """A poll is about to end."""

    WRITES = ("poll",)

    poll: Poll


class PollDeleted(Event, kw_only=True):
    """A poll is gone, with its votes."""

    ERASES = ("poll", "votes")

    poll: Poll
    votes: tuple[PollVote, ...]


class PollVoted(Event, kw_only=True):
    """Somebody voted, or took their vote back (`void`)."""

    WRITES = ("vote",)
    ERASES = ("void",)

    vote: PollVote | None = None
    void: PollVote | None = None

    @property
    def poll(self) -> int:
        """The id of the poll."""
        vote = self.vote or self.void
        assert vote
        return vote.poll


class PollPinned(Event, kw_only=True):
    """A poll is shown before all others of its room; none other is any more."""

    WRITES = ("poll", "unpinned")

    poll: Poll
    unpinned: tuple[Poll, ...] = ()


class PollsUnpinned(Event, kw_only=True):
    """No poll of a room is shown before the others any more."""

    WRITES = ("polls",)

    polls: tuple[Poll, ...]


class QuestionAsked(Event, kw_only=True):
    """Somebody asked something."""

    WRITES = ("question",)

    question: Question


class QuestionUpdated(Event, kw_only=True):
    """A question changed; `before` is its state until then."""

    WRITES = ("question",)

    question: Question
    before: QuestionState


class QuestionDeleted(Event, kw_only=True):
    """A question is gone, with its votes."""

    ERASES = ("question", "votes")

    question: Question
    votes: tuple[QuestionVote, ...]


class QuestionVoted(Event, kw_only=True):
    """Somebody wants to know the same, or no longer (`void`)."""

    WRITES = ("vote",)
    ERASES = ("void",)

    vote: QuestionVote | None = None
    void: QuestionVote | None = None

    @property
    def question(self) -> int:
        """The id of the question."""
        vote = self.vote or self.void
        assert vote
        return vote.question


class QuestionPinned(Event, kw_only=True):
    """A question is shown before all others of its room; none other is any more."""

    WRITES = ("question", "unpinned")

    question: Question
    unpinned: tuple[Question, ...] = ()


class QuestionsUnpinned(Event, kw_only=True):
    """No question of a room is shown before the others any more."""

    WRITES = ("questions",)

    questions: tuple[Question, ...]


class AnnouncementCreated(Event, kw_only=True):
    """Somebody wrote an announcement; `shown` says whether everybody sees it."""

    WRITES = ("announcement",)

    announcement: Announcement
    shown: bool


class AnnouncementUpdated(Event, kw_only=True):
    """An announcement changed; `shown` says whether everybody sees it now, or did before."""

    WRITES = ("announcement",)

    announcement: Announcement
    shown: bool


class InviteCreated(Event, kw_only=True):
    """An invite link was made."""

    WRITES = ("invite",)

    invite: Invite


# Users


class UserCreated(Event, kw_only=True):
    """Somebody came for the first time."""

    WRITES = ("user", "grants")

    user: User
    grants: tuple[Grant, ...] = ()


class UserUpdated(Event, kw_only=True):
    """A user's profile, state or traits changed."""

    WRITES = ("user",)

    user: User


class UserSeen(Event, kw_only=True):
    """A user logged in; nobody is told."""

    WRITES = ("user",)
    JOURNALLED = False

    user: User


class UserDeleted(Event, kw_only=True):
    """A user is gone; the record stays, marked and without the profile."""

    WRITES = ("user",)

    user: User


class UserBanned(Event, kw_only=True):
    """A user was banned or silenced."""

    WRITES = ("ban",)

    ban: Ban


class UserReactivated(Event, kw_only=True):
    """A user's bans were lifted."""

    ERASES = ("bans",)

    user: int
    bans: tuple[Ban, ...]


class UserBlocked(Event, kw_only=True):
    """One user blocked another."""

    WRITES = ("block",)

    block: Block


class UserUnblocked(Event, kw_only=True):
    """One user took back a block."""

    ERASES = ("block",)

    block: Block


class IgnoreBegun(Event, kw_only=True):
    """A user does not want to read another."""

    WRITES = ("ignore",)

    ignore: Ignore


class IgnoreEnded(Event, kw_only=True):
    """A user wants to read another again."""

    ERASES = ("ignore",)

    ignore: Ignore


class GrantGiven(Event, kw_only=True):
    """A user got a role."""

    WRITES = ("grant",)

    grant: Grant


class GrantTaken(Event, kw_only=True):
    """A user lost a role."""

    ERASES = ("grant",)

    grant: Grant


class PasswordSet(Event, kw_only=True):
    """A user got a password."""

    WRITES = ("credential",)
    JOURNALLED = False

    credential: Credential


class TokenIssued(Event, kw_only=True):
    """A client may act as a user."""

    WRITES = ("token",)

    token: AccessToken


class TokensRevoked(Event, kw_only=True):
    """Clients may act as a user no longer."""

    ERASES = ("tokens",)

    tokens: tuple[AccessToken, ...]


class LoginIssued(Event, kw_only=True):
    """Short login tokens were made."""

    WRITES = ("codes",)
    JOURNALLED = False

    codes: tuple[LoginCode, ...]


class FileUploaded(Event, kw_only=True):
    """A file was stored."""

    WRITES = ("upload",)
    JOURNALLED = False

    upload: Upload


class PushSubscribed(Event, kw_only=True):
    """A browser of a user wants to be told of what happens while it is not connected."""

    WRITES = ("subscription",)
    JOURNALLED = False

    subscription: PushSubscription


class PushUnsubscribed(Event, kw_only=True):
    """Browsers are told no more: they are gone, too many, or their user is."""

    ERASES = ("subscriptions",)
    JOURNALLED = False

    subscriptions: tuple[PushSubscription, ...]


# Talk


class MemberJoined(Event, kw_only=True):
    """A user joined a room's conversation for good, for which they may have asked."""

    WRITES = ("member",)
    ERASES = ("request",)

    member: Member
    request: JoinRequest | None = None


class MemberUpdated(Event, kw_only=True):
    """A member's nickname or visibility changed."""

    WRITES = ("member",)

    member: Member


class MemberLeft(Event, kw_only=True):
    """A user left a room's conversation. Of a group it is remembered that they belonged to it."""

    WRITES = ("former",)
    ERASES = ("member",)

    member: Member
    former: FormerMember | None = None


class MemberReturned(Event, kw_only=True):
    """A user belongs to a group again."""

    WRITES = ("member",)
    ERASES = ("former", "request")

    member: Member
    former: FormerMember
    request: JoinRequest | None = None


class MemberBarred(Event, kw_only=True):
    """Somebody who has left a group may not come back by themselves any more."""

    WRITES = ("former",)

    former: FormerMember


class JoinRequested(Event, kw_only=True):
    """Somebody asked to belong to a group."""

    WRITES = ("request",)

    request: JoinRequest


class JoinRequestClosed(Event, kw_only=True):
    """Somebody who asked to belong to a group will not: they were refused, or have taken it back."""

    ERASES = ("request",)

    request: JoinRequest


class ConversationOpened(Event, kw_only=True):
    """A direct conversation was made with its members."""

    WRITES = ("config", "members")

    config: Room
    members: tuple[Member, ...]


class MessagePosted(Event, kw_only=True):
    """Something was said. An edit also carries the message as it reads now, in `original`."""

    WRITES = ("message", "original")

    message: Message
    original: Message | None = None


class MessageReacted(Event, kw_only=True):
    """The reactions of a message changed."""

    WRITES = ("message",)

    message: Message


class MessagePinned(Event, kw_only=True):
    """A message was pinned."""

    WRITES = ("message",)

    message: Message


class MessageUnpinned(Event, kw_only=True):
    """A message is pinned no longer."""

    WRITES = ("message",)

    message: Message


class TakenOver(Event, kw_only=True):
    """Something was taken over from elsewhere: messages that were said there, and what came from where.

    Not journalled, as it may be very much: a HistoryExtended of the same room that comes next tells others. New
    messages have the `seq` of that.
    """

    WRITES = ("messages", "imported")
    JOURNALLED = False

    messages: tuple[Message, ...] = ()
    imported: tuple[Imported, ...] = ()


class HistoryExtended(Event, kw_only=True):
    """A room has `count` more old messages, of which `last` is the newest, and `said` the newest of what people said.

    Others are as `changed` has them now, and `reads` says who has read it all. Nobody is told.
    """

    WRITES = ("last", "said", "changed", "reads")

    last: Message | None = None
    said: Message | None = None
    count: int = 0
    changed: tuple[Message, ...] = ()
    reads: tuple[ReadState, ...] = ()


class GatheringCreated(Event, kw_only=True):
    """Somebody invited a group to a gathering, and takes part in it."""

    WRITES = ("gathering", "answer")

    gathering: Gathering
    answer: GatheringAnswer | None = None


class GatheringUpdated(Event, kw_only=True):
    """A gathering changed, in these fields: name, description, place, time, picture, reminders."""

    WRITES = ("gathering",)

    gathering: Gathering
    fields: tuple[str, ...]


class GatheringCancelled(Event, kw_only=True):
    """A gathering will not be."""

    ERASES = ("gathering", "answers")

    gathering: Gathering
    answers: tuple[GatheringAnswer, ...] = ()


class GatheringAnswered(Event, kw_only=True):
    """Somebody said whether they take part in a gathering, or took that back (`void`)."""

    WRITES = ("answer",)
    ERASES = ("void",)

    answer: GatheringAnswer | None = None
    void: GatheringAnswer | None = None


class GatheringReminded(Event, kw_only=True):
    """A gathering begins soon."""

    WRITES = ("gathering",)

    gathering: Gathering


class GatheringStarted(Event, kw_only=True):
    """A gathering has begun."""

    WRITES = ("gathering",)

    gathering: Gathering


class BotAdded(Event, kw_only=True):
    """A group has a bot."""

    WRITES = ("bot",)

    bot: Bot


class BotUpdated(Event, kw_only=True):
    """Where a bot is told what is said changed. Its name and picture are its user's."""

    WRITES = ("bot",)

    bot: Bot


class BotRemoved(Event, kw_only=True):
    """A group has a bot no longer."""

    ERASES = ("bot",)

    bot: Bot


class ReadMarked(Event, kw_only=True):
    """A user read on in a room, and has seen the notifications up to there.

    Not waited for: it is stored with the next commit, and a crash may lose the last of these.
    """

    WRITES = ("state",)
    JOURNALLED = False

    state: ReadState


class NotificationsCounted(Event, kw_only=True):
    """A user has more unread notifications. Nobody is told: the notification itself is."""

    WRITES = ("state",)
    JOURNALLED = False

    state: ReadState


# Ephemeral: told to those who are here, kept nowhere


class DirectRead(Event, kw_only=True):
    """A user has read a direct conversation up to a message; told to all connections of those whom it is between."""

    users: tuple[int, ...]
    user: int
    number: int
    at: datetime


class Typing(Event, kw_only=True):
    """A user is writing. In a direct conversation `users` are those whom it is between, else those who listen hear."""

    users: tuple[int, ...]
    user: int
    at: datetime


class UserUnread(Event, kw_only=True):
    """There is something unread in a room for these users, who had read it all before."""

    users: tuple[int, ...]
    message: Message


class UserNotified(Event, kw_only=True):
    """A user was mentioned or written to directly."""

    user: int
    message: Message


class MentionMissed(Event, kw_only=True):
    """A message mentioned users whom it did not reach."""

    user: int
    message: Message
    missed: tuple[int, ...]


class ChannelsChanged(Event, kw_only=True):
    """The list of a user's conversations changed."""

    user: int


class DirectPosted(Event, kw_only=True):
    """Something was said in a direct conversation between these users. Told to all their connections."""

    users: tuple[int, ...]
    message: Message


class DirectChanged(Event, kw_only=True):
    """What was said in a direct conversation between these users was edited or deleted; told to all their connections.

    `message` is what it reads now.
    """

    users: tuple[int, ...]
    message: Message


class VisitOpened(Event, kw_only=True):
    """A user came into a room, with one more connection; `first` when they had none there."""

    user: int
    visit: Visit
    first: bool


class VisitClosed(Event, kw_only=True):
    """A user left a room with the last connection that was in it."""

    user: int
    visit: Visit


class VisitUpdated(Event, kw_only=True):
    """What others see of somebody in a room changed: the handle, the colour, whether they broadcast."""

    visit: Visit
    before: Visit


class VisitorKicked(Event, kw_only=True):
    """A moderator sent somebody out of a room; they may come back."""

    visit: Visit


class BroadcastClosed(Event, kw_only=True):
    """A moderator ended somebody's broadcast."""

    visit: Visit


class FeedCleared(Event, kw_only=True):
    """A moderator asks the clients in a room to empty what they show of the talk; nothing is deleted."""


class OccupancyChanged(Event, kw_only=True):
    """A room got busier or quieter: `users` is none, few or many."""

    users: str


class ReactionsCounted(Event, kw_only=True):
    """So many reactions were given in a room since the last count."""

    reactions: dict[str, int]


class SessionReplaced(Event, kw_only=True):
    """A user has more connections than allowed; this one, the oldest, must go. `session` names it."""

    user: int


class Subscribed(Event, kw_only=True):
    """From here on, the connection `session` is told of a topic."""

    topic: Topic


class Unsubscribed(Event, kw_only=True):
    """From here on, the connection `session` is no longer told of a topic."""

    topic: Topic


class SessionsRevoked(Event, kw_only=True):
    """The connections of a user must begin anew: what they may do has changed under them."""

    user: int


def event_types() -> dict[str, type[Event]]:
    """Give every event class by its name; those that are only the base of others are left out."""
    found: dict[str, type[Event]] = {}
    pending = list(Event.__subclasses__())
    while pending:
        kind = pending.pop()
        more = kind.__subclasses__()
        pending.extend(more)
        if not more:
            found[kind.__name__] = kind
    return found


DURABLE: tuple[type[Event], ...] = tuple(kind for kind in event_types().values() if kind.durable())
