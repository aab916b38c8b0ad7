"""The way out: connections to addresses that strangers name, and never into the operator's own network.

A name is looked up once, every address that it has is checked, and the connection goes to one of those: so a name that
says something else a moment later (DNS rebinding) gains nothing. TLS still checks the certificate against the name.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import cache
from typing import Any, cast

import httpcore
import httpx

MAX_ADDRESSES = 4
"""Addresses of one name that are tried."""
LOOKUPS = 8
"""Threads that ask for addresses. They are not the event loop's own, so that a name server that never answers, which
nothing can cut short, keeps nothing else waiting."""

FAULTS = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError, TimeoutError)
"""What a connection may come to. Certificates that are wrong are among them."""
AGAIN = frozenset({408, 425, 429})
"""Statuses that are worth another try, as those from 500 on are."""

UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA gives out
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Iterable[str]]
"""Give the addresses of a name. Called in a thread. Raises OSError."""


class PrivateAddressError(Exception):
    """A name leads to where strangers have no business."""


class TooLongError(httpcore.ReadError):
    """An answer is longer than what we read of one."""


def is_public(address: Address) -> bool:
    """Tell whether an address is somebody's on the Internet: not private, loopback, link-local, multicast or the like.

    An address that stands for one of IPv4 is as public as that one. Tunnels (6to4, Teredo) are not.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in TRANSLATED:
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        if address not in UNICAST or address.sixtofour or address.teredo:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def look_up(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def usual_trust() -> ssl.SSLContext:
    """Give whose certificates are good: what comes with Python's certifi, and what this machine trusts besides."""
    # Once: to read them takes 20 ms, and the client would do it for each connection.
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


class Egress(httpcore.AsyncNetworkBackend):
    """Open connections for an HTTP client, to public addresses only unless `allow_private`.

    `lookups` are the threads that ask for addresses. Of an answer `max_answer` bytes are read at most, head and body;
    then TooLongError is raised.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        lookup: Lookup = look_up,
        lookups: int = LOOKUPS,
        max_answer: int | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._max_answer = max_answer
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(lookups, "lookup")
        self._network = httpcore.AnyIOBackend()

    def close(self) -> None:
        """Look nothing up any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers; `timeout` is for each.

        Raises PrivateAddressError when any of its addresses is not public, httpcore.ConnectError or ConnectTimeout.
        """
        fault: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._addresses(host, port):
            try:
                stream = await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _Measured(stream, self._max_answer) if self._max_answer else stream
        raise fault

    async def sleep(self, seconds: float) -> None:
        """Wait; the client's retries would, which are off."""
        await self._network.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, self._lookup, host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name was not found") from error
        addresses = list(found)
        if not self._allow_private and not all(is_public(ipaddress.ip_address(text)) for text in addresses):
            raise PrivateAddressError(host)
        return addresses[:MAX_ADDRESSES]


class _Measured(httpcore.AsyncNetworkStream):
    """A connection of which only so much is read for what was written last: one answer, as requests wait for theirs.

    A time limit alone would not do: whoever answers without an end keeps us busy all that time.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream, most: int) -> None:
        self._stream = stream
        self._most = most
        self._left = most

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the base's
        if not self._left:
            raise TooLongError
        found = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(found)
        return found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the base's
        self._left = self._most
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the base's
    ) -> httpcore.AsyncNetworkStream:
        return _Measured(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._most)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class EgressTransport(httpx.AsyncBaseTransport):
    """Let an httpx client go out through an Egress, over HTTP/1.1.

    Raises what httpcore does, and what the Egress does. At most `connections` are open at once, idle ones included.
    """

    def __init__(self, egress: Egress, *, connections: int, trust: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or usual_trust(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=60,
            network_backend=egress,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is still to be read."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=cast(httpx.AsyncByteStream, request.stream),
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of an answer as httpx reads it."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(cast(AsyncGenerator[bytes], self._answer.aiter_stream())) as pieces:
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()
