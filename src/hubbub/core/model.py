"""The nouns of a community, as records.

A record is immutable; a change replaces it. `KEY` names the fields that identify it. A store keeps one table per record
type, one column per field. Only what the store itself assigns when it commits (`Message.number`, `Message.seq`) is
written in place.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

UserKind = Literal["person", "anon", "kiosk", "bot", "system"]
RoomKind = Literal["room", "direct"]
MessageKind = Literal["text", "system", "poll", "call"]
BanKind = Literal["ban", "silence"]
TokenUse = Literal["access", "login"]
PollKind = Literal["single", "multi"]
PollVisibility = Literal["public", "anonymous"]
PollState = Literal["draft", "open", "closed", "archived"]
QuestionState = Literal["mod_queue", "visible", "archived"]
AnnouncementState = Literal["draft", "active", "archived"]
LeaveKind = Literal["left", "removed", "dropped", "barred"]
GroupKind = Literal["private", "closed", "announcement"]
Attendance = Literal["going", "not_going"]
DeletionActor = Literal["sender", "admin", "system"]
ImportedKind = Literal["user", "room", "message", "poll", "option", "gathering"]

WORLD_WIDE = 0
"""Stands where a room's id would, for what holds in the whole world."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base of every record."""

    KEY: ClassVar[tuple[str, ...]] = ("id",)


class World(Record, frozen=True, kw_only=True):
    """One community: its rooms, roles, configuration and secrets.

    `name` is the world's part of an address: unique, lower case. `epoch` starts at 1 and rises whenever the world is
    replaced: what clients hold of an earlier epoch is void. `config` is free-form (theme, profile_fields,
    connection_limit, JWT_secrets, ...).
    """

    id: int
    name: str
    title: str
    domain: str = ""
    epoch: int = 1
    roles: dict[str, list[str]] = {}
    trait_grants: dict[str, Any] = {}
    config: dict[str, Any] = {}
    created: datetime


class User(Record, frozen=True, kw_only=True):
    """A person, guest, bot, kiosk or the system: one account, whichever dialect it came through.

    At most one user of a world has a given `client_id` (a guest's browser), `token_id` (the `uid` of a ticket system's
    token) or `login` (a name with a password, folded to lower case). `shown` says whether others see the user in lists
    of viewers. `preferences` are what the user chose of how others and their own clients treat them: `private_messages`
    (False: nobody may write to them privately) and whatever a client keeps. `verified` says that somebody has made sure
    of who it is, `adult` that the user said so.
    """

    id: int
    world: int
    kind: UserKind = "person"
    client_id: str | None = None
    token_id: str | None = None
    login: str | None = None
    profile: dict[str, Any] = {}
    client_state: dict[str, Any] = {}
    traits: tuple[str, ...] = ()
    pretalx_id: str | None = None
    shown: bool = True
    deleted: bool = False
    preferences: dict[str, Any] = {}
    verified: bool = False
    adult: bool = False
    created: datetime
    last_login: datetime | None = None

    @property
    def account(self) -> bool:
        """Whether this is somebody who can come back as themselves from anywhere, and no guest."""
        return self.login is not None or self.token_id is not None

    @property
    def display_name(self) -> str:
        """The name that others see; empty when the user has not chosen one."""
        name = self.profile.get("display_name")
        return name if isinstance(name, str) else ""


class Room(Record, frozen=True, kw_only=True):
    """A place with a name where people are and talk, or a direct conversation.

    `modules` are dicts with `type` and `config`. `chat` tells whether people can talk in it; `volatile` whether being
    in its chat ends with the connection. A `listed` room is in the public directory.

    Who may come in is narrowed by its gates: `closed` (why; nobody may), `accounts_only` (no guests), `verified_only`,
    `min_account_age` (seconds), `locked` (needs a password; see RoomPassword), `age_restricted` (only who said that
    they are of age). `moderated_playlist` leaves the playlist to moderators; `push_to_talk` is for the clients.

    As a `group`, a private room is run by all its members together, a closed one by its moderators alone, and in an
    announcement group only they speak. Who knows the `share_token` may join it, unless that is empty. With `approval`
    somebody who runs it lets in whoever wants to belong; with `show_question` those answer the `question` first, or one
    that clients have, if that is empty.
    """

    id: int
    world: int
    kind: RoomKind = "room"
    name: str = ""
    description: str = ""
    picture: str | None = None
    import_id: str | None = None
    pretalx_id: int | None = None
    trait_grants: dict[str, Any] = {}
    modules: tuple[dict[str, Any], ...] = ()
    sorting_priority: int = 0
    force_join: bool = False
    schedule_data: dict[str, Any] | None = None
    topic: str = ""
    topic_by: int = 0
    topic_at: datetime | None = None
    listed: bool = True
    closed: str | None = None
    accounts_only: bool = False
    verified_only: bool = False
    min_account_age: int = 0
    locked: bool = False
    age_restricted: bool = False
    moderated_playlist: bool = False
    push_to_talk: bool = False
    group: GroupKind = "closed"
    share_token: str = ""
    theme: str = ""
    like_icon: dict[str, Any] | None = None
    office_mode: bool = False
    directory: str = ""
    approval: bool = False
    show_question: bool = False
    question: str = ""
    modified: datetime | None = None
    deleted: bool = False
    created: datetime

    @property
    def gated(self) -> bool:
        """Whether more is asked of who comes in than a permission."""
        return (
            self.closed is not None
            or self.accounts_only
            or self.verified_only
            or self.min_account_age > 0
            or self.locked
            or self.age_restricted
            or self.by_approval
        )

    def module(self, kind: str) -> dict[str, Any] | None:
        """Give the configuration of the room's module of this type, or None when it has no such module."""
        for module in self.modules:
            if module.get("type") == kind:
                config = module.get("config")
                return config if isinstance(config, dict) else {}
        return None

    @property
    def chat(self) -> bool:
        """Whether people can talk here."""
        return self.kind == "direct" or self.module("chat.native") is not None

    @property
    def volatile(self) -> bool:
        """Whether belonging to the chat ends with the connection."""
        return bool((self.module("chat.native") or {}).get("volatile"))

    @property
    def lasting(self) -> bool:
        """Whether this is a group: a room to whose talk people belong for good."""
        return self.kind == "room" and self.chat and not self.volatile

    @property
    def by_approval(self) -> bool:
        """Whether who wants to belong has to ask."""
        return self.approval and self.lasting


class Member(Record, frozen=True, kw_only=True):
    """A user's lasting belonging to a room.

    A `hidden` member does not see the room in their list until somebody speaks in it. `id` names the belonging itself,
    0 in direct conversations and of who joined before there were such ids; `nickname` and `avatar` are for this room
    alone, empty for the user's own. `let_in` says that belonging is what lets them in: it gave them the role of
    participants, and takes it when it ends. Somebody who has muted the room until an instant wants no notifications
    from it.
    """

    KEY = ("room", "user")

    room: int
    user: int
    world: int
    id: int = 0
    nickname: str = ""
    avatar: str = ""
    hidden: bool = False
    let_in: bool = False
    muted_until: datetime | None = None
    joined: datetime


class FormerMember(Record, frozen=True, kw_only=True):
    """Somebody who belonged to a group once. Who has left may come back; who was removed must be added again.

    So must who was `barred` after they had gone by themselves.

    `let_in` says that belonging was what let them in, so that it does again when they come back: others need a
    permission to.
    """

    KEY = ("room", "user")

    room: int
    user: int
    world: int
    id: int
    nickname: str
    how: LeaveKind
    let_in: bool = False
    at: datetime


class JoinRequest(Record, frozen=True, kw_only=True):
    """Somebody who wants to belong to a group, and whom nobody has answered yet.

    `id` names the belonging that may come of it. `question` is what they were asked, empty for nothing or for what
    clients ask by themselves, and `answer` what they said.
    """

    KEY = ("room", "user")

    room: int
    user: int
    world: int
    id: int
    question: str = ""
    answer: str = ""
    at: datetime


class Grant(Record, frozen=True, kw_only=True):
    """A role given to a user by name, on the world (`room` is 0) or on one room."""

    KEY = ("world", "room", "user", "role")

    world: int
    user: int
    role: str
    room: int = WORLD_WIDE


class Ban(Record, frozen=True, kw_only=True):
    """A user kept out or kept silent, in the world (`room` is 0) or in one room, until an instant or for good.

    A ban also holds for whoever comes from the same `addresses` or with the same `clients` (digests of what a browser
    keeps, see origin.Origin). `handle` is what the user was called when it happened.
    """

    id: int
    world: int
    user: int
    kind: BanKind = "ban"
    room: int = WORLD_WIDE
    by: int = 0
    reason: str = ""
    handle: str = ""
    addresses: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    until: datetime | None = None
    at: datetime

    def holds(self, now: datetime) -> bool:
        """Tell whether the ban is still in effect."""
        return self.until is None or self.until > now


class Block(Record, frozen=True, kw_only=True):
    """One user who wants nothing to do with another."""

    KEY = ("world", "user", "target")

    world: int
    user: int
    target: int


class Ignore(Record, frozen=True, kw_only=True):
    """A user who does not want to read another for some time; their own clients leave those messages out.

    `handle` is what the other was called when it began.
    """

    id: int
    world: int
    user: int
    target: int
    handle: str = ""
    at: datetime
    until: datetime


class PlaylistItem(Record, frozen=True, kw_only=True):
    """A video that a room watches together, now or later; the order is that of the ids.

    `media_id` names it at its `provider`. `duration` is in seconds; None when nobody knows it: such a video plays until
    somebody skips it. `started` is when its first second was played, or would have been for what was skipped since:
    while it plays, the position is `now - started`; while it is `paused`, it is `paused - started`. `by` put it there.
    """

    id: int
    world: int
    room: int
    by: int
    provider: str = "youtube"
    media_id: str
    title: str = ""
    link: str = ""
    thumbnail: str = ""
    channel: str = ""
    description: str = ""
    duration: int | None = None
    started: datetime | None = None
    paused: datetime | None = None
    at: datetime


class PollOption(msgspec.Struct, frozen=True):
    """One of the answers that a poll offers; `id` is unique over all polls."""

    id: int
    content: str
    order: int = 0


class Poll(Record, frozen=True, kw_only=True):
    """Something that a room decides by vote.

    A voter of a `single` poll chooses one of the options, of a `multi` poll any number. Of a `public` one others see
    who chose what. A draft is seen by its maker and those who manage polls; so is what is archived. `early_results`
    says that everybody sees the results while it is open. It closes by itself when it `expires`; `reminded` tells that
    its room has been told that it soon will. `by` is 0 when nobody made it.
    """

    id: int
    world: int
    room: int
    by: int
    content: str
    options: tuple[PollOption, ...] = ()
    kind: PollKind = "single"
    visibility: PollVisibility = "public"
    state: PollState = "draft"
    early_results: bool = False
    pinned: bool = False
    reminded: bool = False
    created: datetime
    modified: datetime
    expires: datetime | None = None

    @property
    def ordered(self) -> tuple[PollOption, ...]:
        """The options in the order in which they are shown."""
        return tuple(sorted(self.options, key=lambda option: (option.order, option.id)))


class PollVote(Record, frozen=True, kw_only=True):
    """What a user chose in a poll: the ids of options."""

    KEY = ("poll", "user")

    poll: int
    user: int
    world: int
    options: tuple[int, ...]
    at: datetime


class Question(Record, frozen=True, kw_only=True):
    """Something that somebody wants to know of those on the stage; others see it once it is visible."""

    id: int
    world: int
    room: int
    by: int
    content: str
    state: QuestionState = "mod_queue"
    answered: bool = False
    pinned: bool = False
    at: datetime


class QuestionVote(Record, frozen=True, kw_only=True):
    """A user who wants to know the same."""

    KEY = ("question", "user")

    question: int
    user: int
    world: int
    at: datetime


class Announcement(Record, frozen=True, kw_only=True):
    """Something that everybody in the world is to know, while it is active and until `show_until`."""

    id: int
    world: int
    by: int
    text: str
    state: AnnouncementState = "draft"
    show_until: datetime | None = None
    at: datetime

    def visible(self, now: datetime) -> bool:
        """Tell whether everybody sees it."""
        return self.state == "active" and (self.show_until is None or self.show_until > now)


class Gathering(Record, frozen=True, kw_only=True):
    """Something that a group will do together: a calendar event.

    `start` and `end` are instants, whatever becomes of the rules of the time zone, which is an IANA name; one that is
    `all_day` lasts from the first moment of its first day to the last of its last, there. `place` has any of `name`,
    `address`, `latitude` and `longitude`. `reminders` are seconds before the start. Everything that was due by `told`
    has been told or has passed.
    """

    id: int
    world: int
    room: int
    by: int
    name: str
    description: str = ""
    place: dict[str, Any] | None = None
    picture: str | None = None
    start: datetime
    end: datetime
    timezone: str
    all_day: bool = False
    reminders: tuple[int, ...] = ()
    told: datetime
    created: datetime
    modified: datetime


class GatheringAnswer(Record, frozen=True, kw_only=True):
    """Whether a user takes part in a gathering; who has not said or has taken it back has none."""

    KEY = ("gathering", "user")

    gathering: int
    user: int
    world: int
    answer: Attendance
    at: datetime


class Bot(Record, frozen=True, kw_only=True):
    """A program that speaks in a group as a user of kind "bot", who cannot log in; `by` added it.

    The user belongs to this group alone; name and picture are in the profile. Everything that is said in the group is
    sent to `callback`, unless that is empty. `direct` is a wish that programs keep here: to get direct messages, too.
    What lets a program speak as the bot is derived from the world's secret (core.bot) and not kept.
    """

    KEY = ("user",)

    user: int
    world: int
    room: int
    by: int
    callback: str = ""
    direct: bool = False
    created: datetime


class Invite(Record, frozen=True, kw_only=True):
    """A short code that lets somebody in: `anonymous` into one room without an account."""

    KEY = ("code",)

    code: str
    world: int
    room: int
    by: int
    kind: Literal["anonymous"] = "anonymous"
    created: datetime
    expires: datetime


class LoginCode(Record, frozen=True, kw_only=True):
    """A short login token. Only its hash is kept; `claims` are what a login with it is worth."""

    KEY = ("digest",)

    digest: str
    world: int
    claims: dict[str, Any]
    expires: datetime


class Credential(Record, frozen=True, kw_only=True):
    """An argon2 hash of a user's password. Never in a journal, never in memory longer than a login takes."""

    KEY = ("user",)

    user: int
    world: int
    password: str


class RoomPassword(Record, frozen=True, kw_only=True):
    """An argon2 hash of a room's password. Handled as a `Credential`."""

    KEY = ("room",)

    room: int
    world: int
    password: str


class AccessToken(Record, frozen=True, kw_only=True):
    """What lets a client act as a user until it expires or is revoked. Only the SHA-256 of the token is kept.

    `label` says what for, to the user and for the log. One whose `use` is "login" is good for nothing but getting
    another.
    """

    KEY = ("digest",)

    digest: str
    world: int
    user: int
    label: str = ""
    use: TokenUse = "access"
    created: datetime
    expires: datetime


class Message(Record, frozen=True, kw_only=True):
    """Something said in a room.

    `number` is strictly increasing over the world, from 1; `seq` is gap-free in the room. Both are assigned by the
    store when it commits, and are 0 before. A system message carries in `event` what it reports: a dict with `type` and
    the data. An edit is a message of its own that `replaces` the number of the first; the first then has the new text
    and `edited`. `reactions` maps each emoji to the ids of those who gave it, in order. `nonce` is the sender's
    idempotency key.

    A deletion is such an edit: the first is then `deleted`, by `deleted_by` (0: the system), and the second says so in
    `event` (docs/decisions/0011). A `pinned` message is kept at hand in its room since then, by `pinned_by`.
    """

    id: int
    world: int
    room: int
    sender: int | None
    at: datetime
    kind: MessageKind = "text"
    body: str = ""
    attachments: tuple[dict[str, Any], ...] = ()
    event: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None
    number: int = 0
    seq: int = 0
    replaces: int | None = None
    edited: datetime | None = None
    deleted: bool = False
    deleted_by: int = 0
    pinned: datetime | None = None
    pinned_by: int = 0
    reactions: dict[str, tuple[int, ...]] = {}
    nonce: str | None = None


class Imported(Record, frozen=True, kw_only=True):
    """What was taken over from elsewhere: what has the id `foreign` there has the id `local` here.

    `source` says from where ("groupme"). An id of a `gathering` may be one that there is not, or no longer.
    """

    KEY = ("world", "source", "kind", "foreign")

    world: int
    source: str
    kind: ImportedKind
    foreign: str
    local: int


class ReadState(Record, frozen=True, kw_only=True):
    """How far a user has read a room; and the messages there, by id, that they were notified of and have not read."""

    KEY = ("room", "user")

    room: int
    user: int
    world: int
    read: int = 0
    notifications: tuple[int, ...] = ()


class AuditEntry(Record, frozen=True, kw_only=True):
    """Who changed what, for the organisers. `data` has no secrets."""

    id: int
    world: int
    user: int | None
    type: str
    data: dict[str, Any]
    at: datetime


class Upload(Record, frozen=True, kw_only=True):
    """A file that somebody uploaded; `path` is relative to the media folder."""

    id: int
    world: int
    user: int | None
    path: str
    type: str
    size: int
    at: datetime


class PushSubscription(Record, frozen=True, kw_only=True):
    """Where a user's browser is told of what happens while it is not connected (RFC 8030), and its keys (RFC 8291).

    A secret of the client: who has the endpoint can send to it. `digest` is the endpoint's SHA-256 in hexadecimal: in a
    world an endpoint belongs to the user who gave it last, as a browser has one whoever uses it. `p256dh` (65 bytes)
    and `auth` (16 bytes) are base64url without padding.
    """

    KEY = ("world", "digest")

    world: int
    digest: str
    user: int
    endpoint: str
    p256dh: str
    auth: str
    created: datetime
    expires: datetime | None = None


IN_MEMORY: tuple[type[Record], ...] = (
    User,
    Room,
    Member,
    FormerMember,
    JoinRequest,
    Grant,
    Ban,
    Block,
    Ignore,
    Invite,
    ReadState,
    PlaylistItem,
    Poll,
    PollVote,
    Question,
    QuestionVote,
    Announcement,
    Gathering,
    GatheringAnswer,
    Bot,
    AccessToken,
)
"""What a server holds of a world while it runs, besides the world itself."""

RECORDS: tuple[type[Record], ...] = (
    World,
    *IN_MEMORY,
    LoginCode,
    Credential,
    RoomPassword,
    Message,
    Imported,
    AuditEntry,
    Upload,
    PushSubscription,
)
