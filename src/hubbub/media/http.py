"""One question to another server over HTTP: bounded in time and size, and what goes wrong is one error.

Redirects are not followed and no proxy is read from the environment. Neither addresses nor headers are logged, nor the
texts of errors, which may hold them.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TypeVar, cast
from urllib.parse import urlencode

import httpcore
import msgspec

from hubbub.media.contract import ProviderUnavailable

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=8)
"""For one question, from the wait for a free connection to the end of the answer."""
CONNECTIONS = 8
KEPT_OPEN = timedelta(minutes=1)
LONGEST_WAIT = 9
"""Digits of a Retry-After in seconds that is believed."""

FAULTS = (
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
    *(OSError, TimeoutError),
)
"""What a connection may come to. Certificates that are wrong are among them."""
SENSELESS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading JSON may come to: not JSON, not of the form, not UTF-8, too deep."""

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True):
    """What came back: a status, as much of the body as was wanted, and how long we are asked to wait."""

    path: str
    status: int
    body: bytes
    retry_after: timedelta | None = None


class Http:
    """Ask one server, below one address. Raises ValueError when that address is none."""

    def __init__(self, base: str, *, patience: timedelta = PATIENCE) -> None:
        if not base.startswith(("http://", "https://")):
            raise ValueError("the address of a media provider begins with http:// or https://")
        self._base = base.rstrip("/")
        self._patience = patience
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._failing: set[str] = set()
        """Paths that did not work the last time: they are logged once, until they do."""

    async def open(self) -> None:
        """Get ready to ask."""
        # In a thread: to read the certificates takes 20 ms.
        trust = await asyncio.to_thread(_usual_trust) if self._base.startswith("https:") else None
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEPT_OPEN.total_seconds(),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        pool, self._pool = self._pool, None
        if pool:
            await pool.aclose()

    async def get(
        self,
        path: str,
        parameters: Mapping[str, str],
        *,
        headers: Sequence[tuple[str, str]] = (),
        most: int,
        cut: bool = False,
    ) -> Answer:
        """Ask, and give the answer, whatever its status.

        A body of more than `most` bytes is cut there if `cut`, else it is a fault. Raises ProviderUnavailable.
        """
        if self._pool is None:
            raise self._fail(path, "it is not open")
        url = f"{self._base}/{path}?{urlencode(parameters)}"
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                answer = await self._get(self._pool, path, url, headers, most)
        except FAULTS as error:
            # Without the cause: what it says may hold what we sent.
            raise self._fail(path, f"{type(error).__name__}; see whether this machine reaches it directly") from None
        if len(answer.body) > most:
            if not cut:
                raise self._fail(path, f"the answer is longer than {most} bytes")
            answer = msgspec.structs.replace(answer, body=answer.body[:most])
        if cut:  # nothing is left that could go wrong
            self._failing.discard(path)
        return answer

    def decode(self, answer: Answer, kind: type[T]) -> T:
        """Read an answer in JSON. Raises ProviderUnavailable when it makes no sense."""
        try:
            content = msgspec.json.decode(answer.body, type=kind)
        except SENSELESS:
            raise self._fail(answer.path, "the answer makes no sense") from None
        self._failing.discard(answer.path)
        return content

    def refuse(self, answer: Answer) -> ProviderUnavailable:
        """Give the error for an answer whose status is of no use."""
        return self._fail(answer.path, f"it answers with status {answer.status}")

    def _fail(self, path: str, why: str) -> ProviderUnavailable:
        advice = f"{self._base}/{path} cannot be asked about videos: {why}"
        if path not in self._failing:
            logger.warning("%s", advice)
        self._failing.add(path)
        return ProviderUnavailable(advice=advice)

    async def _get(
        self, pool: httpcore.AsyncConnectionPool, path: str, url: str, headers: Sequence[tuple[str, str]], most: int
    ) -> Answer:
        headers = [("Accept-Language", "en"), ("User-Agent", "Mozilla/5.0 (compatible; Hubbub)"), *headers]
        async with pool.stream("GET", url, headers=headers) as answer:
            wait = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
            body = bytearray()
            async with aclosing(cast(AsyncGenerator[bytes], answer.aiter_stream())) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > most:
                        break
        believed = wait.isdigit() and len(wait) <= LONGEST_WAIT
        return Answer(path, answer.status, bytes(body), timedelta(seconds=int(wait)) if believed else None)


def _usual_trust() -> ssl.SSLContext:
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context
