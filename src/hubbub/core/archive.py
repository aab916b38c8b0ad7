"""What commands may read that is not in memory. A store fulfils it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from hubbub.core.model import AuditEntry, Credential, ImportedKind, LoginCode, Message, PushSubscription, RoomPassword


class Term(msgspec.Struct, frozen=True):
    """Words that stand together in this order: one or more, each of letters, digits and marks alone.

    As a `prefix`, the last is only the beginning of a word.
    """

    words: tuple[str, ...]
    prefix: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: all of `terms`, at least one, and none of `without`. Case and accents do not matter."""

    terms: tuple[Term, ...]
    without: tuple[Term, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that say what was looked for, newest first; `next` says where the next page begins, if there is one."""

    messages: list[Message]
    next: int | None = None


class Archive(Protocol):
    """Read messages, audit entries and secrets. See `hubbub.store.contract.Store` for what is guaranteed."""

    async def settle(self) -> None:
        """Wait until everything that was done before this call is committed."""
        ...

    async def messages(
        self, room: int, *, before: int, limit: int, system: bool = True, after: int = 0, oldest: bool = False
    ) -> list[Message]:
        """Read the newest `limit` messages of a room with a number above `after` and below `before`, or the `oldest`
        of these; oldest first."""
        ...

    async def message(self, world: int, number: int) -> Message | None:
        """Read one message by its number."""
        ...

    async def message_by_id(self, identity: int) -> Message | None:
        """Read one message by its id."""
        ...

    async def newest(self, rooms: Sequence[int]) -> dict[int, Message]:
        """Read the newest message of each of these rooms; those where nothing was said are left out."""
        ...

    async def liked(self, room: int, *, since: datetime, limit: int) -> list[Message]:
        """Read the newest `limit` messages of a room that have reactions and were said since an instant, newest
        first."""
        ...

    async def gallery(self, room: int, *, after: datetime, before: datetime, limit: int) -> list[Message]:
        """Read the newest `limit` messages of a room with attachments that were said between two instants (both
        excluded), newest first."""
        ...

    async def pinned(self, room: int) -> list[Message]:
        """Read the messages that are pinned in a room, the last pinned first."""
        ...

    async def imported(self, world: int, source: str, kind: ImportedKind, foreign: Sequence[str]) -> dict[str, int]:
        """Give what things from elsewhere have become here, by their ids there; those not taken over are left out."""
        ...

    async def imported_messages(self, world: int, source: str, foreign: Sequence[str]) -> dict[str, Message]:
        """Read the messages that were taken over from elsewhere, by their ids there; others are left out."""
        ...

    async def message_by_nonce(self, world: int, sender: int, nonce: str) -> Message | None:
        """Read the message that this sender posted with this idempotency key."""
        ...

    async def search(
        self,
        world: int,
        query: Query,
        *,
        rooms: Sequence[int],
        sender: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> Found:
        """Find the newest `limit` messages that say something."""
        ...

    async def audit(self, world: int, *, limit: int = 1000, types: Sequence[str] | None = None) -> list[AuditEntry]:
        """Read the newest audit entries, newest first."""
        ...

    async def credential(self, user: int) -> Credential | None:
        """Read the password hash of a user."""
        ...

    async def room_password(self, room: int) -> RoomPassword | None:
        """Read the password hash of a room."""
        ...

    async def login_code(self, digest: str, now: datetime) -> LoginCode | None:
        """Read a short login token that has not expired."""
        ...

    async def push_subscriptions(self, user: int) -> list[PushSubscription]:
        """Read where a user's browsers are told of what happens, oldest first."""
        ...


class Passwords(Protocol):
    """Hash passwords and hold them against hashes, off the event loop as it takes long."""

    async def hash(self, password: str) -> str:
        """Hash a password with a salt of its own."""
        ...

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Tell whether a password is the hashed one. Without a hash it takes as long and is False."""
        ...
