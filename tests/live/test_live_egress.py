"""The way out leads to the Internet and nowhere else."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore
import pytest

from hubbub.live.egress import MAX_ADDRESSES, Egress, Lookup, PrivateAddressError, is_public, look_up

pytestmark = pytest.mark.anyio

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "142.250.74.74",
    "2607:f8b0:4005:805::200a",
    "2a00:1450:4001:82f::200a",
    "64:ff9b::808:808",
]
PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "224.0.1.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::7f00:1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
    *("ff0e::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::"),
    *("2002:808:808::", "2001:0:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1"),
]


@pytest.mark.parametrize("address", [*PUBLIC, *(f"::ffff:{address}" for address in PUBLIC if "." in address)])
def test_addresses_on_the_internet(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_where_strangers_have_no_business(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@asynccontextmanager
async def way_out(lookup: Lookup, *, allow_private: bool = False) -> AsyncIterator[Egress]:
    egress = Egress(allow_private=allow_private, lookup=lookup)
    try:
        yield egress
    finally:
        egress.close()


class Door:
    """A server that counts who comes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.came = 0


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    def come(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.came += 1
        writer.close()

    server = await asyncio.start_server(come, "127.0.0.1", 0)
    here = Door(server.sockets[0].getsockname()[1])
    async with server:
        yield here


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "2130706433", "0x7f.1", "127.1"])
async def test_nobody_gets_in_by_a_private_address(host: str) -> None:
    """However the address is written: the system's own resolver reads these."""
    async with door() as here, way_out(look_up) as egress:
        with pytest.raises((PrivateAddressError, httpcore.ConnectError)):
            await egress.connect_tcp(host, here.port, 1)
        assert here.came == 0


@pytest.mark.parametrize("address", PRIVATE)
async def test_nobody_gets_in_by_a_name(address: str) -> None:
    async with way_out(lambda _host, _port: [PUBLIC[0], address]) as egress:
        with pytest.raises(PrivateAddressError):
            await egress.connect_tcp("evil.example", 443, 1)


async def test_a_name_is_looked_up_once_and_connected_to_what_was_checked() -> None:
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async with door() as here, way_out(lookup, allow_private=True) as egress:
        stream = await egress.connect_tcp("push.test", here.port, 1)
        await stream.aclose()
    assert asked == ["push.test"]


async def test_the_next_address_is_tried() -> None:
    async with door() as here, way_out(lambda *_: ["127.0.0.2", "127.0.0.1"], allow_private=True) as egress:
        stream = await egress.connect_tcp("push.test", here.port, 1)
        await stream.aclose()
    async with door() as here, way_out(lambda *_: ["127.0.0.2"] * 50, allow_private=True) as egress:
        assert len(await egress._addresses("push.test", here.port)) == MAX_ADDRESSES
        with pytest.raises(httpcore.ConnectError):
            await egress.connect_tcp("push.test", here.port, 1)


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 300, "."])
async def test_a_name_that_is_none(host: str) -> None:
    def lookup(name: str, port: int) -> list[str]:
        if name == "nowhere.invalid":
            raise OSError("no such name")  # without asking anybody outside
        return look_up(name, port)

    async with way_out(lookup) as egress:
        with pytest.raises(httpcore.ConnectError):
            await egress.connect_tcp(host, 443, 1)
    async with way_out(lambda *_: []) as egress:
        with pytest.raises(httpcore.ConnectError):
            await egress.connect_tcp(host, 443, 1)
