"""Web pages: they cannot set headers on a WebSocket, and are of another site."""

from typing import Any

import pytest
from tests.golden.dm.phone import NEW, OLD, Party

SITE = "https://app.example.org"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize(
    ("version", "where", "names"),
    [
        (NEW, "auth", ("authorisation", "channels")),
        (NEW, "auth", ("Authorisation", "channels")),
        (NEW, "auth", ("token", "channels")),
        (NEW, "query", ("authorisation", "channels")),
        (OLD, "query", ("authorisation", "channels")),
        (OLD, "query", ("Authorisation", "Channels")),
    ],
)
def test_token_and_channels_without_headers(
    party: Party, transport: str, version: int, where: str, names: tuple[str, str]
) -> None:
    ada, bob, channel = party.pair()
    carried = dict(zip(names, (bob.token, channel), strict=True))
    more: dict[str, Any] = {where: carried}
    line = bob.line(version=version, transport=transport, **more)
    ada.connect(channel).say(channel, "hello")
    assert line.expect("message")["content"] == "hello"
    line.say(channel, "hi")
    assert line.expect("message")["author"] == bob.seen


def test_channels_may_be_a_list(party: Party) -> None:
    ada, bob, channel = party.pair()
    other = bob.open(party.person("Cy"))
    line = bob.line(auth={"authorisation": bob.token, "channels": [other, int(channel)]})
    ada.connect(channel).say(channel, "hello")
    assert line.expect("message")["content"] == "hello"


def test_headers_go_before_what_else_is_carried(party: Party) -> None:
    ada, bob, channel = party.pair()
    eve = party.person("Eve")
    line = bob.line(
        headers={"authorisation": bob.token, "channels": channel},
        auth={"authorisation": eve.token, "channels": ""},
        query={"authorisation": "x"},
    )
    ada.connect(channel).say(channel, "hello")
    assert line.expect("message")["content"] == "hello"


@pytest.mark.parametrize("path", ["/new", "/update-account", "/create-channel", "/users", "/messages", "/dmchannels"])
def test_scripts_of_other_sites_may_ask(party: Party, path: str) -> None:
    phone = party.person()
    asked = {"Origin": SITE, "Access-Control-Request-Headers": "authorisation", "Access-Control-Request-Method": "POST"}
    preflight = phone.fetch("OPTIONS", path, headers=asked)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "*"
    allowed = {name.strip().lower() for name in preflight.headers["access-control-allow-headers"].split(",")}
    assert {"authorisation", "content-type"} <= allowed
    assert "access-control-allow-credentials" not in preflight.headers
    for method in ("GET", "POST"):
        answer = phone.fetch(method, path, headers={"Origin": SITE})
        if answer.status_code != 405:
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cache-control"] == "no-store"


def test_scripts_of_other_sites_may_poll_with_headers(party: Party) -> None:
    phone = party.phone()
    asked = {"Origin": SITE, "Access-Control-Request-Headers": "authorisation,channels,id"}
    preflight = phone.fetch("OPTIONS", "/socket.io/?EIO=3&transport=polling", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == SITE
    allowed = {name.strip() for name in preflight.headers["access-control-allow-headers"].lower().split(",")}
    assert {"authorisation", "channels", "id"} <= allowed


def test_whoever_asks_too_often_is_told_to_wait(party: Party) -> None:
    ada = party.person("Ada")
    answers = [
        ada.fetch("GET", "/users", params={"users": ada.id}, headers={"Authorisation": ada.token}) for _ in range(501)
    ]
    assert {answer.status_code for answer in answers[:500]} == {200}
    last = answers[-1]
    assert (last.status_code, last.content, last.headers["retry-after"]) == (429, b"null", "1")
    assert party.person("Bob").get("/users", users=ada.id).status == 200
