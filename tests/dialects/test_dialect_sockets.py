"""Who gets /socket.io/: two dialects share it, unless one of them has a host or a prefix of its own."""

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.golden.dm.conftest import PLENTY
from tests.golden.dm.phone import NEW, OLD, Exchange, Line, Party
from tests.golden.jumpin.bot import Bot, payload, written
from tests.golden.jumpin.place import Place

from hubbub.dialects.place import Place as Where

ROOMS, TALK = "rooms.example.org", "talk.example.org"
MISSING = {"message": "no token provided", "code": "credentials_required", "type": "UnauthorizedError"}


class Caller:
    """A client by polling, of either generation, that says what it was answered."""

    def __init__(
        self, place: Place, *, version: int = OLD, host: str = "", path: str = "/socket.io/", **more: Any
    ) -> None:
        self._version = version
        self._url = f"{place.url}{path}"
        headers = {**({"Host": host} if host else {}), **more.get("headers", {})}
        self._http = httpx.Client(headers=headers, trust_env=False, timeout=10, verify=False)
        self._query = {"EIO": str(version), "transport": "polling"}
        first = self._http.get(self._url, params={**self._query, **more.get("query", {})})
        assert first.status_code == 200, first.text
        greeting, *self._waiting = self._packets(first.text)
        self._query["sid"] = json.loads(greeting[1:])["sid"]
        if version == NEW:
            auth = more.get("auth")
            self.send("40" if auth is None else f"40{json.dumps(auth)}")
        self.answer = self.next()
        """To the wish to be let in: 40 with something, or 44 with why not."""

    def close(self) -> None:
        """End the session, as a server that stops waits for those who poll."""
        self._http.post(self._url, params=self._query, content=b"1:1" if self._version == OLD else b"1")
        self._http.close()

    def send(self, packet: str) -> None:
        body = written(packet) if self._version == OLD else packet
        assert self._http.post(self._url, params=self._query, content=body.encode()).text == "ok"

    def next(self) -> str:
        while not self._waiting:
            self._waiting = self._packets(self._http.get(self._url, params=self._query).text)
        return self._waiting.pop(0)

    @property
    def let_in(self) -> bool:
        assert self.answer[:2] in ("40", "44"), self.answer
        return self.answer[:2] == "40"

    def refusal(self) -> Any:
        """Say in whose words it was refused."""
        words = json.loads(self.answer[2:])
        return words["data"] if self._version == NEW else words

    def _packets(self, body: str) -> list[str]:
        return payload(body) if self._version == OLD else body.split("\x1e")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with Exchange() as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("shared"), rates=PLENTY)
    place.start()
    yield place
    place.stop()


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give a server whose rooms have a host; channels are everywhere else."""
    place = Place(tmp_path_factory.mktemp("apart"), rates=PLENTY, dialects={"jumpin": Where(host=ROOMS.upper())})
    place.start()
    yield place
    place.stop()


@pytest.fixture
def scope() -> Iterator[ExitStack]:
    with ExitStack() as scope:
        yield scope


@pytest.fixture
def party(shared: Place, exchange: Exchange) -> Iterator[Party]:
    with Party(shared, exchange) as party:
        yield party


def call(scope: ExitStack, place: Place, **more: Any) -> Caller:
    caller = Caller(place, **more)
    scope.callback(caller.close)
    return caller


# What the handshake carries


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("name", ["Authorisation", "authorisation", "AUTHORISATION"])
def test_a_token_of_channels_in_a_header(shared: Place, scope: ExitStack, version: int, name: str) -> None:
    for token in ("", "x", shared.guest("Guest").token):
        assert call(scope, shared, version=version, headers={name: token}, query={"token": "x"}).let_in


@pytest.mark.parametrize(
    "auth", [{"token": "x", "channels": ""}, {"channels": []}, {"authorisation": ""}, {"Authorisation": 5}]
)
def test_a_token_of_channels_in_the_connect_payload(shared: Place, scope: ExitStack, auth: Any) -> None:
    assert call(scope, shared, version=NEW, auth=auth).let_in


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_token_of_rooms_in_the_query(shared: Place, scope: ExitStack, version: int) -> None:
    room, guest = shared.room(), shared.guest("Guest")
    good = call(scope, shared, version=version, query={"token": guest.token})
    assert good.let_in
    good.send(f'42["room::join",{{"room":"{room.name}"}}]')
    assert good.next().startswith('42["room::updateUserList"')
    bad = call(scope, shared, version=version, query={"token": "made up"})
    assert bad.refusal()["code"] == "invalid_token"


def test_a_token_alone_in_the_connect_payload_is_of_rooms(shared: Place, scope: ExitStack) -> None:
    assert call(scope, shared, version=NEW, auth={"token": shared.guest("Guest").token}).let_in
    assert call(scope, shared, version=NEW, auth={"token": "x"}).refusal()["code"] == "invalid_token"


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_cookie_of_rooms(shared: Place, scope: ExitStack, version: int) -> None:
    for name in ("jic.activity", "jic.ident"):
        assert call(scope, shared, version=version, headers={"Cookie": f"{name}=x"}).refusal() == MISSING


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_both_talk_on_one_port(party: Party, transport: str) -> None:
    ada, bob, channel = party.pair()
    lines = [bob.connect(channel, version=version, transport=transport) for version in (OLD, NEW)]
    place, room = party.place, party.place.room()
    with Bot(place.port, place.guest("Guest").token) as bot:
        bot.send("room::join", {"room": room.name})
        bot.settle(room.name)
        ada.connect(channel).say(channel, "hello")
        assert [line.expect("message")["content"] for line in lines] == ["hello"] * 2
        bot.silence()
        bot.send("room::message", {"message": "hello, room"})
        assert bot.expect("room::message")["message"] == "hello, room"
        for line in lines:
            line.silence()


# What carries nothing


@pytest.mark.parametrize("version", [OLD, NEW])
def test_who_carries_nothing_is_answered_as_the_first_event_asks(shared: Place, scope: ExitStack, version: int) -> None:
    bot = call(scope, shared, version=version)
    assert bot.let_in
    bot.send('42["room::join",{"room":"x"}]')
    body = {"context": "alert", "error": "credentials_required", "message": "no token provided"}
    event, told = json.loads(bot.next().removeprefix("42"))
    assert (event, told) == ("client::error", {**told, **body})
    assert bot.next() == "41"
    phone = call(scope, shared, version=version)
    phone.send('420["message",{"content":"hello","channel":"1596546252413"}]')
    assert phone.next() == '430[{"ok":false}]'
    phone.send('42["channelCreate"]')
    phone.send('421["nothing"]')
    assert phone.next() == '431[{"ok":false}]'


def test_a_name_that_is_a_number_is_no_rooms(shared: Place, scope: ExitStack) -> None:
    caller = call(scope, shared, version=NEW)
    caller.send("420[5,{}]")
    assert caller.next() == '430[{"ok":false}]'


# A place of one's own


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_host_is_tied_to_one_dialect(apart: Place, scope: ExitStack, version: int) -> None:
    headers = {"Authorisation": "x"}
    for host in (ROOMS, f"{ROOMS}:8420", ROOMS.upper()):
        assert call(scope, apart, version=version, host=host).refusal() == MISSING
        assert call(scope, apart, version=version, host=host, headers=headers).refusal() == MISSING
        token = apart.guest("Guest").token
        assert call(scope, apart, version=version, host=host, query={"token": token}).let_in
    for host in ("", TALK, f"{ROOMS}.example.net"):
        assert call(scope, apart, version=version, host=host, query={"token": "x"}).let_in
        caller = call(scope, apart, version=version, host=host)
        caller.send('420["room::join",{"room":"x"}]')
        assert caller.next() == '430[{"ok":false}]'


def test_each_has_a_host(scope: ExitStack, tmp_path: Path) -> None:
    place = Place(tmp_path, rates=PLENTY, dialects={"jumpin": Where(host=ROOMS), "dm": Where(host=TALK)})
    place.start()
    try:
        assert not call(scope, place, host=ROOMS, headers={"Authorisation": "x"}).let_in
        assert call(scope, place, host=TALK, query={"token": "x"}).let_in
        url = f"{place.url}/socket.io/?EIO=3&transport=polling"
        assert httpx.get(url, trust_env=False).status_code == 404
        # Every word at the root may be an invite link of the Venueless dialect, so it is the method that is wrong.
        body = {"username": secrets.token_hex(4)}
        for host, status in ((TALK, 201), (ROOMS, 405), ("", 405)):
            headers = {"Host": host} if host else {}
            assert httpx.post(f"{place.url}/new", json=body, headers=headers, trust_env=False).status_code == status
    finally:
        scope.close()
        place.stop()


def test_each_has_a_prefix(exchange: Exchange, scope: ExitStack, tmp_path: Path) -> None:
    place = Place(tmp_path, rates=PLENTY, dialects={"jumpin": Where(prefix="/rooms"), "dm": Where(prefix="/talk/here")})
    place.start()
    try:
        assert not call(scope, place, path="/rooms/socket.io/", headers={"Authorisation": "x"}).let_in
        assert call(scope, place, path="/talk/here/socket.io/", query={"token": "x"}).let_in
        status = httpx.get(f"{place.url}/socket.io/?EIO=3&transport=polling", trust_env=False).status_code
        assert status == 404
        made = httpx.post(f"{place.url}/talk/here/new", json={"username": "Ada"}, trust_env=False)
        assert made.status_code == 201
        assert httpx.post(f"{place.url}/new", json={"username": "Ada"}, trust_env=False).status_code == 405
        token = made.json()["token"]
        for version in (OLD, NEW):
            line = Line(
                exchange, place.url, version=version, path="talk/here/socket.io", headers={"Authorisation": token}
            )
            line.silence()
            line.close()
    finally:
        scope.close()
        place.stop()
