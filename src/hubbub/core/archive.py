"""What commands may read that is not in memory. A store fulfils it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from hubbub.core.model import AuditEntry, Credential, LoginCode, Message, PushSubscription, RoomPassword


class Archive(Protocol):
    """Read messages, audit entries and secrets. See `hubbub.store.contract.Store` for what is guaranteed."""

    async def settle(self) -> None:
        """Wait until everything that was done before this call is committed."""
        ...

    async def messages(self, room: int, *, before: int, limit: int, system: bool = True) -> list[Message]:
        """Read the newest `limit` messages of a room with a number below `before`, oldest first."""
        ...

    async def message(self, world: int, number: int) -> Message | None:
        """Read one message by its number."""
        ...

    async def message_by_id(self, identity: int) -> Message | None:
        """Read one message by its id."""
        ...

    async def pinned(self, room: int) -> list[Message]:
        """Read the messages that are pinned in a room, the last pinned first."""
        ...

    async def message_by_nonce(self, world: int, sender: int, nonce: str) -> Message | None:
        """Read the message that this sender posted with this idempotency key."""
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
