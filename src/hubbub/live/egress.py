"""The way out: connections to addresses that strangers name, and never into the operator's own network.

A name is looked up once, every address that it has is checked, and the connection goes to one of those: so a name that
says something else a moment later (DNS rebinding) gains nothing. TLS still checks the certificate against the name.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import httpcore

MAX_ADDRESSES = 4
"""Addresses of one name that are tried."""
LOOKUPS = 8
"""Threads that ask for addresses. They are not the event loop's own, so that a name server that never answers, which
nothing can cut short, keeps nothing else waiting."""

UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA gives out
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Iterable[str]]
"""Give the addresses of a name. Called in a thread. Raises OSError."""


class PrivateAddressError(Exception):
    """A name leads to where strangers have no business."""


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


class Egress(httpcore.AsyncNetworkBackend):
    """Open connections for an HTTP client, to public addresses only unless `allow_private`."""

    def __init__(self, *, allow_private: bool = False, lookup: Lookup = look_up) -> None:
        self._allow_private = allow_private
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(LOOKUPS, "lookup")
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
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
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
