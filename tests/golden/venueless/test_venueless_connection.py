"""The life cycle of a connection: framing, ping, correlation ids, unknown commands, the limit (1.1 and 1.2)."""

import httpx
import pytest
from tests.golden.venueless.world import Json, World, error_of
from websockets.exceptions import InvalidStatus

JSON_VALUES: list[Json] = [
    0,
    -7,
    1.5,
    2**53,
    "",
    "text",
    "žluťoučký 👏",
    True,
    False,
    None,
    [],
    {},
    [1, ["two", {"three": None}]],
    {"a": {"b": [1, 2, 3]}},
]
NAMESPACES = [
    "announcement",
    "bbb",
    "chat",
    "digitalsamba",
    "exhibition",
    "januscall",
    "poll",
    "poster",
    "question",
    "roulette",
    "room",
    "user",
    "world",
    "zoom",
]
REPLACED = ["error", {"code": "connection.replaced", "message": "Connection replaced"}]

undisturbed = pytest.mark.world(shared="undisturbed")


@undisturbed
def test_an_unknown_world_is_named_and_closed(world: World) -> None:
    client = world.connect(path="/ws/world/nosuchworld/")
    assert client.receive() == ["error", {"code": "world.unknown_world"}]
    assert client.closed() == 1000


@undisturbed
def test_an_unknown_websocket_path_has_no_handshake(world: World) -> None:
    with pytest.raises(InvalidStatus) as refused:
        world.connect(path="/ws/nowhere/")
    assert refused.value.response.status_code == 404


@undisturbed
def test_unknown_http_paths_are_not_found(world: World, browser: httpx.Client) -> None:
    for path in ("/nowhere/", "/nowhere/at/all", "/api/v1/nowhere/", f"/ws/world/{world.id}/nowhere"):
        assert browser.get(path).status_code == 404, path


@undisturbed
def test_the_health_check(world: World, browser: httpx.Client) -> None:
    response = browser.get("/healthcheck/")
    assert (response.status_code, response.text) == (200, "OK")


@undisturbed
@pytest.mark.parametrize("origin", [None, "https://anywhere.example", "null"])
def test_every_origin_is_welcome(world: World, origin: str | None) -> None:
    client = world.connect(origin=origin)
    assert client.call(["ping", 1]) == ["pong", 1]


@undisturbed
def test_ping_returns_any_json_value_before_and_after_authentication(world: World) -> None:
    client = world.connect()
    for value in JSON_VALUES:
        assert client.call(["ping", value]) == ["pong", value]
    client.authenticate({"client_id": "pinger"})
    for value in JSON_VALUES:
        assert client.call(["ping", value]) == ["pong", value]


@undisturbed
def test_a_message_may_come_in_fragments(world: World) -> None:
    client = world.connect()
    client.send_frame(['["pi', 'ng", ', '"žluťoučký"]'])
    assert client.receive() == ["pong", "žluťoučký"]


@undisturbed
@pytest.mark.parametrize("number", [123, "a-string", None, 1.5, [1], {"x": 1}, True])
def test_the_correlation_id_is_echoed_as_it_is(world: World, number: Json) -> None:
    client = world.connect()
    assert client.call(["room.enter", number, {}]) == ["error", number, {"code": "protocol.unauthenticated"}]
    client.authenticate({"client_id": "echo"})
    assert client.call(["foo.bar", number, {}]) == ["error", number, {"code": "protocol.unknown_command"}]
    assert client.call(["user.list.blocked", number, {}]) == ["success", number, {"users": []}]


@undisturbed
def test_before_authentication_every_command_is_refused_and_the_socket_stays_open(world: World) -> None:
    client = world.connect()
    for command in ("chat.join", "room.enter", "user.update", "world.config.get", "foo.bar", "room.nonsense"):
        assert client.call([command, 124, {}]) == ["error", 124, {"code": "protocol.unauthenticated"}]
    client.authenticate({"client_id": "late"})


@undisturbed
def test_without_exactly_three_elements_there_is_no_id_to_echo(world: World) -> None:
    client = world.connect()
    assert client.call(["room.enter", {}]) == ["error", {"code": "protocol.unauthenticated"}]
    assert client.call(["room.enter", 1, {}, 2]) == ["error", {"code": "protocol.unauthenticated"}]
    client.authenticate({"client_id": "short"})
    error_of(client.call(["room.enter", {}]))
    error_of(client.call(["room.enter"]))
    error_of(client.call(["foo.bar", {}]))
    assert client.call(["foo.bar", 1, {}, 2]) == ["error", {"code": "protocol.unknown_command"}]
    client.silence()


@undisturbed
def test_an_unknown_namespace(world: World) -> None:
    client = world.guest()
    assert client.call(["foo.bar", 1, 2]) == ["error", 1, {"code": "protocol.unknown_command"}]
    assert client.call(["nonsense", 2, {}])[0] == "error"
    client.silence()


@undisturbed
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_an_unknown_action_of_a_known_namespace(world: World, namespace: str) -> None:
    client = world.guest()
    assert client.call([f"{namespace}.lol", 123, {}]) == ["error", 123, {"code": f"{namespace}.unsupported_command"}]
    client.silence()


@undisturbed
def test_a_second_authenticate_is_an_unknown_command(world: World) -> None:
    client = world.guest()
    assert client.call(["authenticate", {"client_id": "other"}]) == ["error", {"code": "protocol.unknown_command"}]
    assert client.call(["user.fetch", 2, {"id": client.id}]) == ["success", 2, client.user]


@undisturbed
def test_authenticate_may_have_three_elements_of_which_the_last_counts(world: World) -> None:
    client = world.connect()
    message = client.call(["authenticate", 7, {"client_id": "three"}])
    assert message[0] == "authenticated"
    assert message[-1]["user.config"]["id"] == world.guest(client_id="three").id


def test_replies_come_in_the_order_of_the_commands_and_before_what_they_cause(world: World) -> None:
    """Sends without waiting: each message's success stands in front of its broadcast, and the order is kept."""
    ada, bob = world.guest("Ada"), world.guest()
    stage = ada.channel("Main Stage")
    ada.ok("chat.join", {"channel": stage})
    bob.ok("chat.subscribe", {"channel": stage})
    for number in range(8):
        content = {"type": "text", "body": f"line {number}"}
        ada.send(["chat.send", number, {"channel": stage, "event_type": "channel.message", "content": content}])
    heard = [ada.receive() for _ in range(16)]
    successes = [frame for frame in heard if frame[0] == "success"]
    pushes = [frame for frame in heard if frame[0] == "chat.event"]
    assert [frame[1] for frame in successes] == list(range(8))
    ids = [frame[2]["event"]["event_id"] for frame in successes]
    assert ids == sorted(set(ids))
    assert [frame[1]["event_id"] for frame in pushes] == ids
    for success, push in zip(successes, pushes, strict=True):
        assert heard.index(success) < heard.index(push)
    assert [bob.expect("chat.event")["content"]["body"] for _ in range(8)] == [f"line {number}" for number in range(8)]
    ada.silence()
    bob.silence()


@pytest.mark.world(settings={"connection_limit": 1})
def test_with_a_limit_of_one_the_newest_socket_stays(world: World) -> None:
    first = world.guest(client_id="same")
    stranger = world.guest()
    second = world.guest(client_id="same")
    assert first.receive() == REPLACED
    assert first.closed() == 1000
    third = world.guest(client_id="same")
    assert second.receive() == REPLACED
    assert second.closed() == 1000
    third.silence()
    stranger.silence()


@pytest.mark.world(settings={"connection_limit": 2})
def test_with_a_limit_of_two_the_newest_two_stay(world: World) -> None:
    first, second, third = (world.member(uid="same") for _ in range(3))
    assert first.receive() == REPLACED
    assert first.closed() == 1000
    second.silence()
    third.silence()


@pytest.mark.world(settings={"connection_limit": 2})
def test_a_socket_that_left_does_not_count(world: World) -> None:
    first, second = world.guest(client_id="same"), world.guest(client_id="same")
    stage = first.room("Main Stage")
    second.ok("room.enter", {"room": stage})
    assert first.expect("world.user_count_change") == {"room": stage, "users": "few"}
    second.close()
    assert first.expect("world.user_count_change") == {"room": stage, "users": "none"}
    third = world.guest(client_id="same")
    first.silence()
    third.silence()


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(None, marks=pytest.mark.world(settings={"connection_limit": None})),
        pytest.param(0, marks=pytest.mark.world(settings={"connection_limit": 0})),
        pytest.param("absent", marks=pytest.mark.world(shared="undisturbed")),
    ],
)
def test_without_a_limit_all_sockets_stay(world: World, limit: Json) -> None:
    sockets = [world.guest(client_id="same") for _ in range(4)]
    for client in sockets:
        client.silence()


@pytest.mark.world(settings={"connection_limit": 1})
def test_unlimited_connections_are_a_permission(world: World) -> None:
    sockets = [world.member("admin", uid="admin") for _ in range(3)]
    for client in sockets:
        client.silence()
