"""What no sane client sends (1.1, 1.2): the caller is told, its connection stays, nobody else notices.

Here Hubbub differs from the original on purpose: Venueless answers these with `server.fatal` and closes. Hubbub answers
an error of the same form and goes on. Only where the WebSocket protocol itself is broken or a frame is too big may the
connection be closed, with the code of RFC 6455 for it.
"""

import json
from collections.abc import Iterator

import pytest
from tests.golden.venueless.world import CALL, Client, Json, World, chat, error_of, gather
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.world(shared="hostile")

DEEP = 10_000
HUGE = "7" * 5_000

NOT_A_COMMAND: dict[str, str | bytes] = {
    "not JSON": "nonsense",
    "empty": "",
    "blank": "  ",
    "half an array": '["ping", ',
    "two values": '["ping", 1] ["ping", 2]',
    "an object": '{"name": "ping"}',
    "a string": '"ping"',
    "a number": "5",
    "null": "null",
    "true": "true",
    "an empty array": "[]",
    "a name alone": '["room.enter"]',
    "ping without a value": '["ping"]',
    "a number for a name": "[5, 1, {}]",
    "null for a name": "[null, 1, {}]",
    "an array for a name": '[["room.enter"], 1, {}]',
    "an object for a name": '[{"a": 1}, 1, {}]',
    "an empty name": '["", 1, {}]',
    "a dot for a name": '[".", 1, {}]',
    "a name without a dot": '["room", 1, {}]',
    "a name with nothing behind the dot": '["room.", 1, {}]',
    "a name with a long tail": json.dumps(["room." + "x." * 500, 1, {}]),
    "a body of null": '["room.enter", 1, null]',
    "an array for a body": '["room.enter", 1, []]',
    "a string for a body": '["room.enter", 1, "x"]',
    "a number for a body": '["room.enter", 1, 5]',
    "no body": '["room.enter", 1]',
    "NaN": '["ping", NaN]',
    "Infinity": '["ping", Infinity]',
    "NaN for an id": '["room.enter", NaN, {}]',
    "a JSON frame in binary": b'["ping", 1]',
    "binary rubbish": bytes(range(256)),
}
ODD_VALUES = {
    "a lone high surrogate": '"\\ud800"',
    "a lone low surrogate": '"x\\udfff"',
    "a NUL": '"\\u0000"',
    "a huge integer": HUGE,
    "a huge negative integer": f"-{HUGE}",
    "a huge exponent": "1e400",
    "deep arrays": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a repeated key": '{"room": 1, "room": 2}',
}
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def bystander(world: World) -> Iterator[Client]:
    """Somebody else in the same world; whatever the caller did, they hear nothing and can go on."""
    client = world.guest("Bystander")
    yield client
    client.silence()
    assert client.ok("user.fetch", {"id": client.id}) == client.user


@pytest.fixture
def caller(world: World, bystander: Client) -> Client:
    return world.guest("Caller")


def answer(client: Client, frame: str | bytes) -> Json:
    """Send a raw frame and return its one answer; the connection must stay usable."""
    client.send_frame(frame)
    message = client.receive()
    client.silence()
    return message


@pytest.mark.parametrize("what", NOT_A_COMMAND)
def test_a_frame_that_is_no_command(caller: Client, what: str) -> None:
    message = answer(caller, NOT_A_COMMAND[what])
    error_of(message, *message[1:-1])


@pytest.mark.parametrize("what", NOT_A_COMMAND)
def test_a_frame_that_is_no_command_before_authentication(world: World, bystander: Client, what: str) -> None:
    client = world.connect()
    message = answer(client, NOT_A_COMMAND[what])
    error_of(message, *message[1:-1])
    client.authenticate({"client_id": "after-all"})


@pytest.mark.parametrize(
    "frame", ['["authenticate"]', '["authenticate", null]', '["authenticate", "x"]', '["authenticate", 5]']
)
def test_authenticate_without_an_object(world: World, bystander: Client, frame: str) -> None:
    client = world.connect()
    error_of(answer(client, frame))
    client.authenticate({"client_id": "after-all"})


@pytest.mark.parametrize(
    "body", [{"client_id": []}, {"client_id": {}}, {"token": 5}, {"token": None}, {"token": ["x"]}]
)
def test_authenticate_with_values_of_a_wrong_type(world: World, bystander: Client, body: Json) -> None:
    client = world.connect()
    error_of(client.call(["authenticate", body]))
    client.authenticate({"client_id": "after-all"})


@pytest.mark.parametrize("what", ODD_VALUES)
def test_an_odd_value_in_a_ping_is_echoed_or_refused(caller: Client, what: str) -> None:
    message = answer(caller, f'["ping", {ODD_VALUES[what]}]')
    assert message[0] == "pong" or error_of(message)


@pytest.mark.parametrize("what", ODD_VALUES)
def test_an_odd_value_for_a_correlation_id(caller: Client, what: str) -> None:
    message = answer(caller, f'["room.enter", {ODD_VALUES[what]}, {{}}]')
    error_of(message, *message[1:-1])


@pytest.mark.parametrize("what", ODD_VALUES)
def test_an_odd_value_for_a_room(caller: Client, what: str) -> None:
    message = answer(caller, f'["room.enter", 1, {{"room": {ODD_VALUES[what]}}}]')
    error_of(message, *message[1:-1])


@pytest.mark.parametrize("what", ODD_VALUES)
def test_an_odd_value_in_a_profile_is_stored_or_refused(caller: Client, bystander: Client, what: str) -> None:
    """If it is stored, others must be able to read it."""
    message = answer(caller, f'["user.update", 1, {{"profile": {{"display_name": {ODD_VALUES[what]}}}}}]')
    assert message == ["success", 1, {}] or error_of(message, *message[1:-1])
    assert bystander.ok("user.fetch", {"id": caller.id})["id"] == caller.id


@pytest.mark.parametrize("what", ODD_VALUES)
def test_an_odd_value_in_a_chat_message_is_stored_or_refused(caller: Client, what: str) -> None:
    """If it is stored, it must be possible to read it."""
    lounge = caller.channel("Lounge")
    gather(lounge, caller)
    content = f'{{"type": "text", "body": {ODD_VALUES[what]}}}'
    caller.send_frame(
        f'["chat.send", 2, {{"channel": "{lounge}", "event_type": "channel.message", "content": {content}}}]'
    )
    message = caller.receive()
    assert message[0] == "success" or error_of(message, *message[1:-1])
    caller.drain()
    assert caller.ok("chat.fetch", {"channel": lounge, "count": 10, "before_id": 2**31})["results"]
    assert caller.ok("chat.leave", {"channel": lounge}) == {}


def test_invalid_utf8_concerns_nobody_else(world: World, bystander: Client) -> None:
    client = world.guest()
    client.send_frame(b'["ping", "\xff\xfe"]', text=True)
    try:
        error_of(client.receive())
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1007
    else:
        client.silence()


def test_a_big_frame_is_answered_or_too_big(world: World, bystander: Client) -> None:
    client = world.guest()
    frame = '["ping", "' + "x" * 2**20 + '"]'
    try:
        client.send_frame(frame)
        message = client.receive()
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1009
    else:
        assert message == json.loads(frame.replace("ping", "pong", 1)) or error_of(message)
        client.silence()


def test_many_rubbish_frames_at_once(caller: Client) -> None:
    for frame in NOT_A_COMMAND.values():
        caller.send_frame(frame)
    heard = caller.drain()
    assert len(heard) == len(NOT_A_COMMAND)
    for message in heard:
        error_of(message, *message[1:-1])


# Commands whose fields are missing or of a wrong type. ROOM and CHANNEL stand for a real room and channel, ME for the
# caller's own id. Everybody may give the first ones; the second ones are an administrator's.

SOMEBODYS: list[tuple[str, Json]] = [
    ("room.enter", {"room": 5}),
    ("room.enter", {"room": None}),
    ("room.enter", {"room": ["ROOM"]}),
    ("room.enter", {"room": {"id": "ROOM"}}),
    ("room.enter", {"room": "ROOM\u0000"}),
    ("room.leave", {"room": 5}),
    ("room.react", {"room": "ROOM", "reaction": 5}),
    ("room.react", {"room": "ROOM", "reaction": ["👏"]}),
    ("room.react", {"room": "ROOM", "reaction": {"👏": 1}}),
    ("room.react", {"room": "ROOM", "reaction": None}),
    ("user.update", {"profile": "x"}),
    ("user.update", {"profile": 5}),
    ("user.update", {"profile": ["x"]}),
    ("user.fetch", {}),
    ("user.fetch", {"id": "not-a-uuid"}),
    ("user.fetch", {"id": 5}),
    ("user.fetch", {"id": ["ME"]}),
    ("user.fetch", {"ids": "ME"}),
    ("user.fetch", {"ids": 5}),
    ("user.fetch", {"pretalx_ids": 5}),
    ("user.list.search", {"search_term": 5, "page": 1}),
    ("user.list.search", {"search_term": "x", "page": "x"}),
    ("user.list.search", {"search_term": "x", "page": None}),
    ("user.block", {}),
    ("user.block", {"id": 5}),
    ("user.block", {"id": "not-a-uuid"}),
    ("user.unblock", {"id": None}),
    ("user.online_status", {}),
    ("user.online_status", {"ids": "ME"}),
    ("user.online_status", {"ids": 5}),
    ("chat.subscribe", {"channel": 5}),
    ("chat.join", {"channel": ["CHANNEL"]}),
    ("chat.leave", {"channel": None}),
    ("chat.unsubscribe", {"channel": {}}),
    ("chat.send", {"channel": "CHANNEL"}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message"}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": None}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": "Hello"}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": ["text", "Hello"]}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"body": "Hello"}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": 5, "body": "x"}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "text"}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "text", "body": 5}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "text", "body": None}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "text", "body": ["x"]}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "files"}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "files", "files": "x"}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "files", "files": 5}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "files", "files": None}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": "channel.message", "content": {"type": "deleted"}}),
    ("chat.send", {"channel": "CHANNEL", "event_type": 5, "content": {"type": "text", "body": "x"}}),
    (
        "chat.send",
        {
            "channel": "CHANNEL",
            "event_type": "channel.message",
            "content": {"type": "text", "body": "x"},
            "replaces": "x",
        },
    ),
    (
        "chat.send",
        {
            "channel": "CHANNEL",
            "event_type": "channel.message",
            "content": {"type": "text", "body": "x"},
            "replaces": 10**15,
        },
    ),
    ("chat.fetch", {"channel": "CHANNEL"}),
    ("chat.fetch", {"channel": "CHANNEL", "count": "x", "before_id": 10}),
    ("chat.fetch", {"channel": "CHANNEL", "count": 10, "before_id": "x"}),
    ("chat.fetch", {"channel": "CHANNEL", "count": None, "before_id": None}),
    ("chat.fetch", {"channel": "CHANNEL", "count": [], "before_id": {}}),
    ("chat.react", {"channel": "CHANNEL"}),
    ("chat.react", {"channel": "CHANNEL", "event": "x", "reaction": "👍"}),
    ("chat.react", {"channel": "CHANNEL", "event": 10**15, "reaction": "👍"}),
    ("chat.react", {"channel": "CHANNEL", "event": None, "reaction": "👍"}),
    ("chat.react", {"channel": "CHANNEL", "event": 1, "reaction": 5}),
    ("chat.react", {"channel": "CHANNEL", "event": 1, "reaction": ["👍"]}),
    ("chat.mark_read", {"channel": "CHANNEL"}),
    ("chat.mark_read", {"channel": "CHANNEL", "id": "x"}),
    ("chat.mark_read", {"channel": "CHANNEL", "id": [1]}),
    ("chat.direct.create", {}),
    ("chat.direct.create", {"users": "ME"}),
    ("chat.direct.create", {"users": 5}),
    ("chat.direct.create", {"users": [5]}),
    ("chat.direct.create", {"users": [None]}),
    ("chat.direct.create", {"users": ["not-a-uuid"]}),
    ("chat.direct.create", {"users": [["ME"]]}),
    ("user.web_push.subscribe", {}),
    ("user.web_push.subscribe", {"subscription": "x"}),
    ("user.social.connect", {}),
]
ADMINS: list[tuple[str, Json]] = [
    ("room.create", {}),
    ("room.create", {"name": "Only a name", "modules": [chat(volatile=False)]}),
    ("room.create", {"description": "Only a description", "modules": [chat(volatile=False)]}),
    ("room.create", {"name": 5, "description": "x", "modules": [chat(volatile=False)]}),
    ("room.create", {"name": None, "description": "x", "modules": [chat(volatile=False)]}),
    ("room.create", {"name": ["x"], "description": "x", "modules": [chat(volatile=False)]}),
    ("room.create", {"name": "Odd 1", "description": {}, "modules": [chat(volatile=False)]}),
    ("room.create", {"name": "Odd 2", "description": "x", "modules": "chat.native"}),
    ("room.create", {"name": "Odd 3", "description": "x", "modules": ["chat.native"]}),
    ("room.create", {"name": "Odd 4", "description": "x", "modules": [5]}),
    ("room.create", {"name": "Odd 5", "description": "x", "modules": [{}]}),
    ("room.create", {"name": "Odd 6", "description": "x", "modules": [{"type": 5, "config": {}}]}),
    ("room.create", {"name": "Odd 7", "description": "x", "modules": {"type": "chat.native"}}),
    ("room.delete", {"room": 5}),
    ("room.config.get", {"room": ["ROOM"]}),
    ("room.config.patch", {"room": "ROOM", "name": None}),
    ("room.config.patch", {"room": "ROOM", "name": ["x"]}),
    ("room.config.patch", {"room": "ROOM", "sorting_priority": "first"}),
    ("room.config.patch", {"room": "ROOM", "module_config": "chat.native"}),
    ("room.config.patch", {"room": "ROOM", "module_config": [5]}),
    ("room.config.patch", {"room": "ROOM", "trait_grants": "everybody"}),
    ("room.config.patch", {"room": "ROOM", "trait_grants": ["viewer"]}),
    ("room.config.patch", {"room": "ROOM", "force_join": "perhaps"}),
    ("room.config.reorder", {}),
    ("room.config.reorder", "ROOM"),
    ("room.config.reorder", None),
    ("room.config.reorder", [5]),
    ("room.config.reorder", [["ROOM"]]),
    ("room.schedule", {"room": "ROOM", "schedule_data": "x"}),
    ("room.schedule", {"room": "ROOM", "schedule_data": 5}),
    ("room.schedule", {"room": "ROOM", "schedule_data": ["session"]}),
    ("user.admin.update", {}),
    ("user.admin.update", {"id": 5, "profile": {}}),
    ("user.ban", {}),
    ("user.ban", {"id": 5}),
    ("user.silence", {"id": "not-a-uuid"}),
    ("user.reactivate", {"id": None}),
    ("user.delete", {"id": []}),
    ("user.kiosk.create", {}),
    ("user.kiosk.create", {"profile": 5}),
    ("user.kiosk.fetch", {}),
    ("user.kiosk.fetch", {"id": 5}),
    ("world.config.patch", {"title": None}),
    ("world.config.patch", {"title": ["x"]}),
    ("world.config.patch", {"roles": "x"}),
    ("world.config.patch", {"trait_grants": 5}),
    ("world.config.patch", {"connection_limit": "x"}),
    ("world.tokens.generate", {}),
    ("world.tokens.generate", {"number": "x", "traits": [], "days": 1}),
    ("world.tokens.generate", {"number": 1, "traits": 5, "days": 1}),
    ("world.tokens.generate", {"number": 1, "traits": [], "days": "x"}),
    ("world.tokens.generate", {"number": 10**9, "traits": [], "days": 1}),
    ("world.tokens.generate", {"number": 1, "traits": [], "days": 10**12}),
]
ODD_BUT_ANSWERED: list[tuple[str, Json]] = [
    ("user.list.search", {}),
    ("user.fetch", {"ids": [5]}),
    ("user.fetch", {"ids": ["not-a-uuid"]}),
    ("user.fetch", {"ids": [NOWHERE] * 101}),
    ("user.fetch", {"pretalx_ids": [5]}),
    ("user.list.search", {"search_term": "x", "page": 0}),
    ("user.list.search", {"search_term": "x", "page": -1}),
    ("user.list.search", {"search_term": "x", "page": 10**30}),
    ("user.list.search", {"search_term": "%_'\"\\", "page": 1}),
    ("user.list.search", {"search_term": "x" * 10_000, "page": 1}),
    ("user.online_status", {"ids": [5]}),
    ("user.online_status", {"ids": ["not-a-uuid"]}),
    ("chat.fetch", {"channel": "CHANNEL", "count": -1, "before_id": 10}),
    ("chat.fetch", {"channel": "CHANNEL", "count": 10**9, "before_id": 10}),
    ("chat.fetch", {"channel": "CHANNEL", "count": 10**30, "before_id": 10**30}),
    ("chat.fetch", {"channel": "CHANNEL", "count": 10, "before_id": -5}),
    ("user.update", {}),
    ("user.update", {"profile": None}),
    ("user.list.blocked", {"unknown": "field"}),
    ("user.social.connect", {"network": 5, "return_url": 5}),
]


def named(rows: list[tuple[str, Json]]) -> list[str]:
    return [f"{command} {json.dumps(body)[:70]}" for command, body in rows]


def filled(body: Json, client: Client) -> Json:
    """Put the caller's real ids into a body."""
    text = json.dumps(body)
    for word, real in (("ROOM", client.room("Main Stage")), ("CHANNEL", client.channel("Lounge")), ("ME", client.id)):
        text = text.replace(f'"{word}', f'"{real}')
    return json.loads(text)


@pytest.mark.parametrize(("command", "body"), SOMEBODYS, ids=named(SOMEBODYS))
def test_a_command_with_a_missing_or_wrong_field(caller: Client, command: str, body: Json) -> None:
    if command.startswith("chat."):
        gather(caller.channel("Lounge"), caller)
    caller.refused(command, filled(body, caller))


@pytest.mark.parametrize(("command", "body"), ADMINS, ids=named(ADMINS))
def test_an_admins_command_with_a_missing_or_wrong_field(
    world: World, bystander: Client, command: str, body: Json
) -> None:
    admin = world.member("admin", name="Admin", uid="admin")
    before = admin.ok("room.config.list", {})
    admin.refused(command, filled(body, admin))
    assert admin.ok("room.config.list", {}) == before


@pytest.mark.parametrize(("command", "body"), ODD_BUT_ANSWERED, ids=named(ODD_BUT_ANSWERED))
def test_odd_values_get_one_answer(caller: Client, command: str, body: Json) -> None:
    message = caller.call([command, 1, filled(body, caller)])
    assert message[:2] == ["success", 1] or error_of(message, 1)
    caller.silence()


def test_modules_of_an_unknown_shape_do_not_create_a_room(world: World, bystander: Client) -> None:
    admin = world.member("admin", name="Admin", uid="admin")
    body = {"name": "Strange", "description": "x", "modules": [CALL, {"type": "weird.module"}]}
    assert admin.refused("room.create", body)["code"] == "room.invalid.invalid"
    assert "Strange" not in [room["name"] for room in admin.ok("room.config.list", {})]
