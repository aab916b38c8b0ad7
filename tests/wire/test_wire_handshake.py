import pytest

from hubbub.wire import handshake
from hubbub.wire.handshake import Refusal, Request

GOOD = {
    "Host": "example.org",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def head(line: str = "GET /chat?x=1 HTTP/1.1", more: str = "", **changes: str | None) -> bytes:
    fields = GOOD | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [line, *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return ("\r\n".join(lines) + "\r\n" + more + "\r\n").encode("latin-1")


def test_the_example_of_the_rfc() -> None:
    # RFC 6455 1.3
    request = handshake.parse(head(Sec_WebSocket_Protocol="chat, superchat"))
    assert isinstance(request, Request)
    assert request.target == b"/chat?x=1"
    assert request.subprotocols == ["chat", "superchat"]
    assert handshake.accept(request, "chat", [(b"x-more", b"1")]) == (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\nx-more: 1\r\n\r\n"
    )


def test_any_case_and_lists() -> None:
    shouted = head(Upgrade="h2c, WebSocket", Connection="keep-alive, UPGRADE").swapcase()
    line, _, rest = shouted.partition(b"\r\n")
    key = GOOD["Sec-WebSocket-Key"].encode()
    request = handshake.parse(line.swapcase() + b"\r\n" + rest.replace(key.swapcase(), key))
    assert isinstance(request, Request)
    assert (b"host", b"EXAMPLE.ORG") in request.headers


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"\xff\xff\r\n\r\n", 400),
        (head("POST /chat HTTP/1.1"), 400),
        (head("GET /chat HTTP/1.0"), 400),
        (head("GET /chat"), 400),
        (head("GET chat HTTP/1.1"), 400),
        (head(more="no colon\r\n"), 400),
        (head(more=": no name\r\n"), 400),
        (head(more="space : x\r\n"), 400),
        (head(more="n\xe4me: x\r\n"), 400),
        (head(Host=None), 400),
        (head(more="host: two\r\n"), 400),
        (head(Upgrade=None), 400),
        (head(Upgrade="h2c"), 400),
        (head(Connection=None), 400),
        (head(Connection="keep-alive"), 400),
        (head(Sec_WebSocket_Key=None), 400),
        (head(Sec_WebSocket_Key="short"), 400),
        (head(Sec_WebSocket_Key="\xe4" * 24), 400),
        (head(Sec_WebSocket_Key="c2hvcnQ="), 400),
        (head(more=f"sec-websocket-key: {GOOD['Sec-WebSocket-Key']}\r\n"), 400),
        (head(Sec_WebSocket_Version=None), 400),
        (head(Sec_WebSocket_Version="new"), 400),
        (head(Sec_WebSocket_Version="8"), 426),
        (head(Sec_WebSocket_Version="99"), 426),
        (head(Sec_WebSocket_Version="13", more="sec-websocket-version: 8\r\n"), 400),
    ],
)
def test_refusals(data: bytes, status: int) -> None:
    refusal = handshake.parse(data)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert ((b"sec-websocket-version", b"13") in refusal.headers) == (status == 426)


def test_responses_tell_their_length_and_are_the_last() -> None:
    headers = [(b"Content-Length", b"99"), (b"connection", b"keep-alive"), (b"x", b"y")]
    assert handshake.respond(404, headers, b"no") == (
        b"HTTP/1.1 404 Not Found\r\nx: y\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"
    )
    assert handshake.respond(599, [], b"").startswith(b"HTTP/1.1 599 \r\n")


def test_headers_of_the_application_cannot_smuggle_others() -> None:
    with pytest.raises(ValueError, match="line break"):
        handshake.respond(403, [(b"x", b"y\r\nset-cookie: z")], b"")
