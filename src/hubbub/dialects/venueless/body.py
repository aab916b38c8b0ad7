"""The bodies of this dialect's commands. Fields that are not named here are ignored, as clients send more."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from hubbub.core.model import AnnouncementState, PollState, QuestionState, UserKind
from hubbub.core.room import RoomSettings

Body = dict[str, Any]


class Fields(msgspec.Struct, frozen=True):
    """The base of bodies, and the body of commands that need none."""


class UserUpdate(Fields, frozen=True):
    """The body of user.update."""

    profile: Body | None = None
    client_state: Body | None = None


class Named(Fields, frozen=True):
    """The body of commands about one user."""

    id: str


class AdminUpdate(Fields, frozen=True):
    """The body of user.admin.update."""

    id: str
    profile: Body | None = None
    pretalx_id: str | None | msgspec.UnsetType = msgspec.UNSET
    client_state: Body | None = None


class UserFetch(Fields, frozen=True):
    """The body of user.fetch."""

    id: str | None = None
    ids: list[str] | None = None
    pretalx_ids: list[str | int] | None = None


class UserList(Fields, frozen=True):
    """The body of user.list."""

    type: UserKind = "person"
    include_banned: bool = True


class UserSearch(Fields, frozen=True):
    """The body of user.list.search."""

    search_term: str
    page: int
    badge: str | None = None
    include_banned: bool = False


class Ids(Fields, frozen=True):
    """The body of user.online_status."""

    ids: list[str]


class Kiosk(Fields, frozen=True):
    """The body of user.kiosk.create."""

    profile: Body


class RoomCreate(Fields, frozen=True):
    """The body of room.create."""

    name: str
    description: str
    modules: list[Body] = []
    permission_preset: str = "public"


class RoomPatch(Fields, frozen=True):
    """The body of room.config.patch."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | None | msgspec.UnsetType = msgspec.UNSET
    picture: str | None | msgspec.UnsetType = msgspec.UNSET
    trait_grants: Body | msgspec.UnsetType = msgspec.UNSET
    module_config: list[Body] | msgspec.UnsetType = msgspec.UNSET
    sorting_priority: int | msgspec.UnsetType = msgspec.UNSET
    pretalx_id: int | None | msgspec.UnsetType = msgspec.UNSET
    force_join: bool | msgspec.UnsetType = msgspec.UNSET
    schedule_data: Body | None | msgspec.UnsetType = msgspec.UNSET

    def settings(self) -> RoomSettings:
        """Give the core's names to what is set."""
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not msgspec.UNSET}
        if "module_config" in given:
            given["modules"] = tuple(given.pop("module_config"))
        if given.get("description", "") is None:
            given["description"] = ""
        return RoomSettings(**given)


class ScheduleBody(Fields, frozen=True):
    """The body of room.schedule."""

    schedule_data: Body | None = None


class Tokens(Fields, frozen=True):
    """The body of world.tokens.generate."""

    number: int
    traits: list[str]
    days: int
    long: bool = False


class ChatJoin(Fields, frozen=True):
    """The body of chat.join."""

    volatile: bool | None = None


class ChatFetch(Fields, frozen=True):
    """The body of chat.fetch."""

    count: int
    before_id: int


class ChatSend(Fields, frozen=True):
    """The body of chat.send."""

    event_type: str
    content: Body
    replaces: int | None = None
    nonce: str | None = None


class ChatReact(Fields, frozen=True):
    """The body of chat.react."""

    event: int
    reaction: str
    delete: bool = False


class DirectCreate(Fields, frozen=True):
    """The body of chat.direct.create."""

    users: list[str]
    hide: bool = True


class PushKeys(Fields, frozen=True):
    """The keys of a browser's push subscription."""

    p256dh: str
    auth: str


class Subscription(Fields, frozen=True):
    """A browser's push subscription, as its PushSubscription.toJSON() writes it."""

    endpoint: str
    keys: PushKeys
    expirationTime: float | None = None  # noqa: N815


class PushSubscribe(Fields, frozen=True):
    """The body of user.web_push.subscribe."""

    subscription: Subscription


class SocialConnect(Fields, frozen=True):
    """The body of user.social.connect."""

    return_url: str = ""


class PollChoice(Fields, frozen=True):
    """An option in the body of poll.create and poll.update."""

    id: str | None = None
    content: str | None = None
    order: int | None = None


class PollCreate(Fields, frozen=True):
    """The body of poll.create."""

    content: str
    options: list[PollChoice]
    state: PollState | None = None
    poll_type: Literal["choice", "multi"] | None = None


class PollUpdate(Fields, frozen=True):
    """The body of poll.update; what is null stays, as what is left out."""

    content: str | None = None
    options: list[PollChoice] | None = None
    state: PollState | None = None
    poll_type: Literal["choice", "multi"] | None = None
    is_pinned: bool | None = None


class PollVote(Fields, frozen=True):
    """The body of poll.vote."""

    options: list[str] = []


class QuestionAsk(Fields, frozen=True):
    """The body of question.ask."""

    content: str


class QuestionUpdate(Fields, frozen=True):
    """The body of question.update; what is null stays, as what is left out."""

    content: str | None = None
    state: QuestionState | None = None
    answered: bool | None = None
    is_pinned: bool | None = None


class QuestionVote(Fields, frozen=True):
    """The body of question.vote."""

    vote: bool = True


class AnnouncementCreate(Fields, frozen=True):
    """The body of announcement.create."""

    text: str
    show_until: datetime | None = None
    is_active: bool | None = None


class AnnouncementUpdate(Fields, frozen=True):
    """The body of announcement.update."""

    text: str | None = None
    show_until: datetime | None | msgspec.UnsetType = msgspec.UNSET
    state: AnnouncementState | None = None


class WorldPatch(Fields, frozen=True):
    """The part of world.config.patch that is the world's own; the rest are settings."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    roles: dict[str, list[str]] | msgspec.UnsetType = msgspec.UNSET
    trait_grants: Body | msgspec.UnsetType = msgspec.UNSET
