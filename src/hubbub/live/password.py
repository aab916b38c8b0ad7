"""Passwords: hashed and checked by argon2, away from the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")


class Argon2:
    """Fulfils core.archive.Passwords, one password at a time.

    Each takes some 50 ms and 64 MiB: a flood of them waits in line, and nobody else does.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Hash a password with a salt of its own."""
        return await self._run(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Tell whether a password is the hashed one. Without a hash it takes as long and is False."""
        if hashed is None and not self._nobody:
            self._nobody = await self.hash("")
        right = await self._run(self._verify, hashed or self._nobody, password)
        return right and hashed is not None

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
