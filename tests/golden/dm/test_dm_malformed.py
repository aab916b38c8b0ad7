"""Input that makes no sense or means harm: it is refused in the document's words, and costs nobody else anything."""

import json
import logging
import socket
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from tests.golden.dm.phone import NEW, OLD, Answer, Json, Party, Phone
from tests.golden.placeholder import unordered

from hubbub.dialects.dm.body import MAX_IDS
from hubbub.dialects.dm.id import render

PICTURE = "https://cdn.example.org/picture.png"
NOBODY = "1596544373547"
NOT_IDS: list[Json] = [
    "",
    "0",
    "1",
    "abc",
    "-1",
    "undefined",
    "9" * 13,
    "9" * 17,
    "9" * 400,
    "１５９６５４４３７３５４７",
    "15 96",
]
NOT_TEXTS: list[Json] = [None, True, 1.5, [], ["x"], {}, {"$ne": ""}, {"$gt": ""}]


@pytest.fixture(autouse=True)
def calm(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold that no input makes the server find a fault of its own, or its database one."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


def raw(phone: Phone, path: str, content: bytes, kind: str = "application/json") -> Answer:
    return phone.ask("POST", path, content=content, headers={"Content-Type": kind})


def form(phone: Phone, path: str, text: str) -> Answer:
    return raw(phone, path, text.encode(), "application/x-www-form-urlencoded")


# Bodies


@pytest.mark.parametrize("path", ["/new", "/update-account", "/create-channel"])
@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"null", b"[]", b'"text"', b"5", b"NaN", b'{"username":NaN}', b"\xff\xfe", b"\0"),
        *(b"[" * 50_000, b'{"a":' * 10_000, b'{"username": ' + b"9" * 5000 + b"}", b'{"username":"\\ud83d"}'),
    ],
    ids=lambda content: content[:20],
)
def test_a_body_that_is_none(party: Party, path: str, content: bytes) -> None:
    assert raw(party.person(), path, content) == (400, None)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-www-form-urlencoded", b"username=\xff"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % number for number in range(5000))),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="username"\r\n\r\nAda\r\n--x--',
        ),
        ("text/plain", b"Ada"),
    ],
)
def test_a_form_that_is_none(party: Party, kind: str, content: bytes) -> None:
    assert raw(party.phone(), "/new", content, kind) == (400, None)


def test_a_body_that_is_too_long(party: Party) -> None:
    assert party.phone().post("/new", {"username": "x" * 100_000}) == (413, None)


def test_content_types_are_read_as_the_standard_has_them(party: Party) -> None:
    for kind in ("Application/X-WWW-Form-Urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"):
        assert raw(party.phone(), "/new", b"username=Ada&unknown=5", kind).status == 201
    assert (
        raw(party.phone(), "/new", b'{"username":"Ada","unknown":5}', "application/json; charset=utf-8").status == 201
    )


@pytest.mark.parametrize("path", ["/new", "/update-account", "/create-channel", "/users", "/messages", "/dmchannels"])
def test_other_methods(party: Party, path: str) -> None:
    phone = party.person()
    for method in ("PUT", "DELETE", "PATCH"):
        assert phone.ask(method, path).status == 405


# POST /new


@pytest.mark.parametrize(
    "name", [*NOT_TEXTS, "", " ", "\t\n", "x" * 33, "a\0b", "a\nb", "a\u202eb", "\u2028", "\u200d", "a\x7f"]
)
def test_names_that_nobody_has(party: Party, name: Json) -> None:
    assert party.phone().post("/new", {"username": name}) == (400, None)
    ada = party.person("Ada")
    assert ada.post("/update-account", {"username": name, "avatarURL": PICTURE}) == (400, None)
    assert ada.get("/users", users=ada.id).body == {"users": [ada.seen]}


@pytest.mark.parametrize("name", ["x", "x" * 32, "Ада", "名前", "👩‍🚀", "می‌خواهم", "<b>Ada</b>", "' OR 1=1 --", "5"])
def test_names_that_one_may_have(party: Party, name: str) -> None:
    phone = party.person(name)
    assert phone.get("/users", users=phone.id).body == {"users": [phone.seen]}
    assert phone.log_in(secret=phone.secret).status == 202


def test_names_lose_the_blanks_around_them(party: Party) -> None:
    _, body = party.phone().post("/new", {"username": " Ada "})
    ada = party.phone()
    ada.name, ada.id, ada.token, ada.secret = "Ada", body["id"], body["token"], body["secret"]
    assert ada.get("/users", users=ada.id).body == {"users": [ada.seen]}
    assert ada.post("/update-account", {"username": " Ada", "avatarURL": ""}) == (406, None)
    assert ada.log_in(username=" Ada ", secret=ada.secret).status == 202


@pytest.mark.parametrize("account", [one for one in NOT_IDS if one] + [one for one in NOT_TEXTS if one is not None])
def test_accounts_that_there_are_not(party: Party, account: Json) -> None:
    assert party.phone().post("/new", {"accountID": account, "username": "Ada"}) == (401, None)


@pytest.mark.parametrize("account", [None, ""])
def test_no_account_is_a_new_one(party: Party, account: Json) -> None:
    assert party.phone().post("/new", {"accountID": account, "username": "Ada"}).status == 201


@pytest.mark.parametrize("field", ["accountID[$ne]", "accountID[]", "accountID[0]", "accountID[$gt]", "accountID["])
def test_an_operator_finds_no_account(party: Party, field: str) -> None:
    party.person("Ada")
    assert form(party.phone(), "/new", urlencode({field: "", "username": "Ada"})) == (401, None)
    assert form(party.phone(), "/new", urlencode({field: NOBODY, "username": "Ada", "secret[$ne]": ""})) == (401, None)


def test_operators_are_no_names_and_no_ids(party: Party) -> None:
    ada, bob, _ = party.pair()
    assert form(party.phone(), "/new", "username[$ne]=x") == (400, None)
    assert form(ada, "/create-channel", "to[$ne]=x&type=1") == (400, None)
    assert form(ada, "/create-channel", f"to={bob.id}&type[$ne]=0") == (400, None)
    assert form(ada, "/update-account", f"username[$ne]=x&avatarURL={PICTURE}") == (400, None)
    assert form(ada, "/update-account", "username=Eve&avatarURL[$ne]=x") == (400, None)
    for path, name in (("/users", "users"), ("/dmchannels", "channels")):
        assert ada.ask("GET", f"{path}?{name}[$ne]=x") == (400, None)
        assert ada.ask("GET", f"{path}?{name}[0][$ne]=x") == (400, None)


def test_ids_may_be_numbers(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    body = {"accountID": int(ada.id), "username": "Ada", "secret": ada.secret}
    assert ada.post("/new", body).status == 202
    channel = ada.post("/create-channel", {"to": int(bob.id), "type": 1}).body["channel_id"]
    line = bob.connect(channel)
    ada.connect(channel).emit("message", {"content": "hi", "channel": int(channel)})
    told = line.expect("message")
    line.emit("messageDeleted", {"channel": int(channel), "id": int(told["id"])})
    line.silence()  # it is not his


# POST /update-account


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)"),
        *(
            "data:text/html,<script>",
            "data:image/png;base64,AAAA",
            "vbscript:x",
            "file:///etc/passwd",
            "//cdn.example.org/x",
        ),
        *(
            "/relative.png",
            "picture.png",
            "http:",
            "https://",
            "https:///x",
            "ftp://example.org/x",
            "http://[",
            "x" * 10,
        ),
        *('https://x/"onerror="alert(1)', "https://x/<script>", "https://x/a b", "https://x/\0", "https://x/\u202e"),
        "https://x/" + "x" * 2000,
        *(one for one in NOT_TEXTS),
    ],
)
def test_pictures_that_nobody_has(party: Party, url: Json) -> None:
    ada = party.person("Ada")
    assert ada.post("/update-account", {"username": "Eve", "avatarURL": url}) == (400, None)
    assert ada.get("/users", users=ada.id).body == {"users": [ada.seen]}


@pytest.mark.parametrize(
    "url", ["http://x/y", "HTTPS://example.org/a?b=c&d=%22#e", "https://bücher.example/ä.png", "http://[::1]/"]
)
def test_pictures_that_one_may_have(party: Party, url: str) -> None:
    ada = party.person("Ada")
    changed = {"id": ada.id, "username": "Ada", "avatarURL": url}
    assert ada.post("/update-account", {"username": "Ada", "avatarURL": url}) == (202, changed)
    assert ada.post("/update-account", {"username": "Eve", "avatarURL": ""}) == (400, None)


# POST /create-channel


@pytest.mark.parametrize("to", [*NOT_IDS, NOBODY])
def test_channels_with_nobody(party: Party, to: Json) -> None:
    assert party.person().post("/create-channel", {"to": to, "type": 1}) == (409 if to else 400, None)


@pytest.mark.parametrize("to", NOT_TEXTS)
def test_channels_with_what_is_no_id(party: Party, to: Json) -> None:
    assert party.person().post("/create-channel", {"to": to, "type": 1}) == (400, None)


def test_a_channel_with_oneself(party: Party) -> None:
    ada = party.person()
    assert ada.post("/create-channel", {"to": ada.id, "type": 1}) == (409, None)


@pytest.mark.parametrize("kind", [0, 2, -1, "2", "one", "", True, None, 1.5, [1], {"$gt": 0}])
def test_kinds_of_channels_that_there_are_not(party: Party, kind: Json) -> None:
    ada, bob = party.person(), party.person()
    assert ada.post("/create-channel", {"to": bob.id, "type": kind}) == (400, None)
    assert ada.post("/create-channel", {"to": bob.id, "type": "1"}).status == 201


# Lists


@pytest.mark.parametrize(
    "write",
    [
        lambda name, ids: "&".join(f"{name}={one}" for one in ids),
        lambda name, ids: "&".join(f"{name}[]={one}" for one in ids),
        lambda name, ids: "&".join(f"{name}%5B%5D={one}" for one in ids),
        lambda name, ids: "&".join(f"{name}[{number}]={one}" for number, one in enumerate(ids)),
        lambda name, ids: f"{name}={','.join(ids)}",
        lambda name, ids: f"{name}={'%2C'.join(ids)}",
        lambda name, ids: f"{name}={', '.join(ids)},,&{name}[7]={ids[0]}&{name}[x]=5",
        lambda name, ids: "&".join(f"{name}={one}" for one in ["$ne", "null", NOBODY, *ids, *ids]),
    ],
)
def test_lists_in_every_form(party: Party, write: object) -> None:
    assert callable(write)
    ada, bob, first = party.pair()
    cy = party.person("Cy")
    second = cy.open(ada)
    users = {"users": unordered(ada.seen, bob.seen, cy.seen)}
    assert ada.ask("GET", f"/users?{write('users', [ada.id, bob.id, cy.id])}") == (200, users)
    shown = [{"channel_id": first, "user": bob.seen}, {"channel_id": second, "user": cy.seen}]
    assert ada.ask("GET", f"/dmchannels?{write('channels', [first, second])}") == (
        200,
        {"dmchannels": unordered(*shown)},
    )


def test_ten_thousand_ids(party: Party) -> None:
    ada = party.person("Ada")
    assert ask_plainly(ada, f"/users?users={ada.id}," + ",".join([NOBODY] * 4000)) == b"200"
    # These come from no browser: the target alone is longer than the server reads.
    assert ask_plainly(ada, f"/users?users={ada.id}," + ",".join([NOBODY] * 10_000)) == b"400"
    assert ask_plainly(ada, "/users?" + "&".join(["users="] * 10_000)) == b"400"
    many = ",".join(str(int(NOBODY) + number) for number in range(MAX_IDS - 1))
    assert ada.get("/users", users=f"{many},{ada.id}").body == {"users": [ada.seen]}
    assert ada.get("/users", users=f"{many},x,{ada.id}") == (404, {"users": []})  # no more are looked at


def ask_plainly(phone: Phone, target: str) -> bytes:
    """Send a request that no library would, and give its status."""
    with socket.create_connection(("127.0.0.1", phone.place.port), timeout=10) as plain:
        plain.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorisation: {phone.token}\r\n\r\n".encode())
        return plain.recv(65_536).split(b" ", 2)[1]


def test_ten_thousand_channels_in_the_handshake(party: Party) -> None:
    ada, bob, channel = party.pair()
    many = [f"{int(NOBODY) + number}" for number in range(9_999)]
    line = bob.line(auth={"authorisation": bob.token, "channels": [*many, channel]})
    ada.connect(channel).say(channel, "hello")
    assert line.expect("message")["content"] == "hello"


# Channels of others


@pytest.mark.parametrize("channel", [one for one in NOT_IDS if one not in ("", "undefined")] + [NOBODY])
def test_messages_of_no_channel(party: Party, channel: Json) -> None:
    assert party.person().get("/messages", channel_id=channel) == (404, None)


def test_messages_of_a_foreign_channel(party: Party) -> None:
    ada, bob, channel = party.pair()
    assert party.person("Eve").get("/messages", channel_id=channel) == (404, None)
    room = party.place.room()
    assert ada.get("/messages", channel_id=render(room.id)) == (404, None)
    assert ada.get("/dmchannels", channels=f"{render(room.id)},{bob.id}") == (404, {"dmchannels": []})


# Events


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("content", [*NOT_TEXTS, 5, "", " \n\t ", "\0", "a\0b", "x" * 4001])
def test_content_that_nobody_hears(party: Party, version: int, content: Json) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel, version=version), bob.connect(channel)
    mine.emit("message", {"content": content, "channel": channel})
    assert mine.call("message", {"content": content, "channel": channel}) == {"ok": False}
    mine.say(channel, "x" * 4000)
    assert line.expect("message")["content"] == "x" * 4000
    assert mine.expect("message")["content"] == "x" * 4000


@pytest.mark.parametrize(
    "content",
    ["\x01", "a\ud83d", "\u202e", "<script>alert(1)</script>", "0", "  x  ", "\N{DIZZY SYMBOL}" * 4000, "a\x1eb", "]]"],
)
def test_content_that_is_told_as_it_is(party: Party, content: str) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel), bob.connect(channel, version=OLD, transport="polling")
    mine.say(channel, content)
    told = content.replace("\ud83d", "\ufffd")
    assert line.expect("message")["content"] == told
    assert bob.contents(channel) == [told]


@pytest.mark.parametrize(
    "body", [None, [], "text", 5, {}, {"channel": "x"}, {"content": "x"}, {"content": "x", "channel": {}}]
)
@pytest.mark.parametrize("event", ["message", "messageDeleted"])
def test_bodies_of_events_that_make_no_sense(party: Party, event: str, body: Json) -> None:
    ada, _, channel = party.pair()
    line = ada.connect(channel)
    line.emit(event, body)
    assert line.call(event, body) == {"ok": False}
    line.silence()
    line.say(channel, "still here")
    line.expect("message")


@pytest.mark.parametrize("name", ["channelCreate", "", "message2", "__proto__", "x" * 10_000])
def test_events_that_there_are_not(party: Party, name: str) -> None:
    line = party.person().connect()
    assert line.call(name, {}) == {"ok": False}
    line.silence()


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_message_to_a_channel_that_one_is_not_in(party: Party, version: int) -> None:
    ada, bob, channel = party.pair()
    eve = party.person("Eve")
    spy, lines = eve.connect(channel, version=version), (ada.connect(channel), bob.connect(channel))
    targets = [channel, bob.id, ada.id, "1", NOBODY, "/", [channel], [channel, channel]]
    for target in targets:
        assert spy.call("message", {"content": "boo", "channel": target}) == {"ok": False}
    spy.silence()
    for line in lines:
        line.silence()
    assert ada.contents(channel) == []


def test_what_another_said_stays(party: Party) -> None:
    ada, bob, channel = party.pair()
    eve = party.person("Eve")
    other = eve.open(bob)
    mine, line, spy = ada.connect(channel), bob.connect(channel, other), eve.connect(channel, other)
    elsewhere = ada.open(eve)
    assert spy.expect("channelCreate") == {"channel_id": elsewhere}
    mine.say(channel, "mine")
    said = line.expect("message")
    for deleter, where in (
        (line, channel),
        (spy, channel),
        (spy, other),
        (line, other),
        (mine, other),
        (mine, elsewhere),
    ):
        assert deleter.call("messageDeleted", {"channel": where, "id": said["id"]}) == {"ok": False}
    for body in (
        {"id": said["id"]},
        {"channel": channel},
        {"channel": channel, "id": "0"},
        {"channel": channel, "id": NOBODY},
    ):
        assert mine.call("messageDeleted", body) == {"ok": False}
    assert ada.contents(channel) == ["mine"]
    assert mine.call("messageDeleted", {"channel": channel, "id": said["id"]}) == {"ok": True}
    assert mine.call("messageDeleted", {"channel": channel, "id": said["id"]}) == {"ok": False}
    assert line.expect("messageDeleted") == {"channel": channel, "id": said["id"]}
    line.silence()
    spy.silence()


def test_nobody_says_something_as_another(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel), bob.connect(channel)
    mine.emit("message", {"content": "it is I", "channel": channel, "author": bob.seen, "id": "5", "from": bob.id})
    assert line.expect("message") == {**party.said(ada, channel, "it is I"), "id": mine.expect("message")["id"]}


def test_the_id_in_the_handshake_is_the_tokens(party: Party) -> None:
    ada, bob, channel = party.pair()
    eve = party.person("Eve")
    spy = eve.line(headers={"authorisation": eve.token, "channels": channel, "id": bob.id})
    line = bob.line(headers={"AUTHORISATION": bob.token, "Channels": f" {channel} , x", "id": ada.id})
    cy = party.person("Cy")
    opened = cy.open(bob)
    assert line.expect("channelCreate") == {"channel_id": opened}
    ada.connect(channel).say(channel, "hello")
    line.expect("message")
    spy.silence()


@pytest.mark.parametrize("token", ["x", "x" * 5000, "é", "[object Object]", "null"])
def test_tokens_that_are_none(party: Party, token: str) -> None:
    phone = party.phone()
    headers = {"Authorisation": token.encode("latin-1")}
    assert phone.ask("GET", "/users?users=1", headers=headers) == (401, None)
    phone.line(auth={"authorisation": token, "channels": [token, None, 5, {}]}).silence()


@pytest.mark.parametrize(
    "auth",
    [
        {"authorisation": 5},
        {"authorisation": ["x"]},
        {"authorisation": "a\ud83d"},
        {"authorisation": None, "channels": {}},
    ],
)
def test_tokens_that_are_no_text(party: Party, auth: Json) -> None:
    party.phone().line(auth=json.loads(json.dumps(auth))).silence()


def test_a_flood_of_events_is_taken_in_order_and_bounded(party: Party) -> None:
    ada, bob, channel = party.pair()
    line, frames = bob.connect(channel), 150
    mine = ada.connect(channel)
    for number in range(frames):
        mine.emit("message", {"content": str(number), "channel": channel})
    assert [line.expect("message")["content"] for _ in range(frames)] == [str(number) for number in range(frames)]
