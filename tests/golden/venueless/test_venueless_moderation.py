"""Banning, silencing, reactivating and deleting users (1.2, 1.3, 1.7)."""

from uuid import uuid4

import pytest
from tests.golden.placeholder import anything
from tests.golden.venueless.world import ROOM_DENIED, WORLD_DENIED, Client, Json, World, gather

undisturbed = pytest.mark.world(shared="undisturbed")

VERBS = ["ban", "silence", "reactivate", "delete"]
DENIED = ["error", {"code": "auth.denied"}]


def sent_away(client: Client) -> None:
    """Hear the order to reload; the server closes 2 seconds later."""
    assert client.receive() == ["connection.reload", {}]


@undisturbed
@pytest.mark.parametrize("verb", VERBS)
def test_guests_may_not_moderate(world: World, verb: str) -> None:
    guest, other = world.guest(), world.guest()
    assert guest.call([f"user.{verb}", 1, {"id": other.id}]) == ["error", 1, WORLD_DENIED]
    assert world.member("moderator").refused(f"user.{verb}", {"id": other.id}) == WORLD_DENIED
    other.silence()


@undisturbed
@pytest.mark.parametrize("verb", VERBS)
def test_whom_an_admin_cannot_moderate(world: World, verb: str) -> None:
    admin = world.member("admin")
    assert admin.call([f"user.{verb}", 1, {"id": admin.id}]) == ["error", 1, {"code": f"user.{verb}.self"}]
    assert admin.call([f"user.{verb}", 2, {"id": str(uuid4())}]) == ["error", 2, {"code": "user.not_found"}]
    admin.silence()


def test_a_banned_user_is_sent_away_and_not_let_in_again(world: World) -> None:
    admin, bystander = world.member("admin"), world.guest()
    victim, tab = world.guest(client_id="bad"), world.guest(client_id="bad")
    assert admin.call(["user.ban", 14, {"id": victim.id}]) == ["success", 14, {}]
    for socket in (victim, tab):
        sent_away(socket)
    bystander.silence()
    assert world.connect().call(["authenticate", {"client_id": "bad"}]) == DENIED
    assert admin.ok("user.fetch", {"id": victim.id})["moderation_state"] == "banned"
    for include_banned in (True, False):
        listed = admin.ok("user.list", {"include_banned": include_banned})["results"]
        assert (victim.id in [user["id"] for user in listed]) is include_banned
    assert isinstance(victim.closed(), int)
    assert isinstance(tab.closed(), int)


def test_a_token_does_not_help_a_banned_user(world: World) -> None:
    admin, victim = world.member("admin"), world.member("everywhere", uid="bad")
    admin.ok("user.ban", {"id": victim.id})
    sent_away(victim)
    again = world.connect()
    assert again.call(["authenticate", {"token": world.token("everywhere", uid="bad")}]) == DENIED
    assert again.call(["room.enter", 1, {}]) == ["error", 1, {"code": "protocol.unauthenticated"}]


def test_a_reactivated_user_may_come_back(world: World) -> None:
    admin, victim = world.member("admin"), world.guest(client_id="bad")
    admin.ok("user.ban", {"id": victim.id})
    sent_away(victim)
    assert admin.call(["user.reactivate", 14, {"id": victim.id}]) == ["success", 14, {}]
    again = world.guest(client_id="bad")
    assert again.id == victim.id
    again.silence()
    admin.ok("user.reactivate", {"id": victim.id})
    again.silence()


def test_a_silenced_user_may_read_and_join_but_not_write(world: World) -> None:
    admin, victim = world.member("admin"), world.member("moderator", uid="loud", name="Loud")
    lounge = victim.channel("Lounge")
    gather(lounge, victim)
    victim.say(lounge, "HELLO")
    assert admin.call(["user.silence", 14, {"id": victim.id}]) == ["success", 14, {}]
    sent_away(victim)
    again = world.member("moderator", uid="loud")
    assert set(again.permissions) <= {"world:view", "room:view", "room:chat.read", "room:chat.join"}
    assert set(again.room_object("Lounge")["permissions"]) <= {"room:view", "room:chat.read", "room:chat.join"}
    again.ok("chat.join", {"channel": lounge})
    message = {"channel": lounge, "event_type": "channel.message", "content": {"type": "text", "body": "HELLO?"}}
    assert again.drain() in ([], [["chat.event", anything()]])
    assert again.call(["chat.send", 123, message]) == ["error", 123, ROOM_DENIED]
    assert admin.ok("user.fetch", {"id": victim.id})["moderation_state"] == "silenced"
    admin.ok("user.reactivate", {"id": victim.id})
    assert again.ok("chat.send", message)["event"]["content"] == message["content"]


def test_a_silenced_user_may_not_write_on_the_socket_that_they_still_have(world: World) -> None:
    admin, victim = world.member("admin"), world.guest("Loud")
    lounge = victim.channel("Lounge")
    gather(lounge, victim)
    admin.ok("user.silence", {"id": victim.id})
    sent_away(victim)
    message = {"channel": lounge, "event_type": "channel.message", "content": {"type": "text", "body": "HELLO?"}}
    assert victim.call(["chat.send", 1, message]) == ["error", 1, ROOM_DENIED]


def test_a_deleted_user_comes_back_as_somebody_else(world: World) -> None:
    admin, other = world.member("admin"), world.guest()
    victim = world.member(uid="gone", name="Gone")
    assert admin.call(["user.delete", 14, {"id": victim.id}]) == ["success", 14, {}]
    sent_away(victim)
    assert other.ok("user.fetch", {"id": victim.id})["deleted"] is True
    assert world.member(uid="gone").id != victim.id
    found = other.ok("user.list.search", {"search_term": "Gone", "page": 1})
    assert found == {"results": [], "isLastPage": True}


def test_a_deleted_guest_comes_back_as_somebody_else(world: World) -> None:
    admin, victim = world.member("admin"), world.guest(client_id="gone")
    admin.ok("user.delete", {"id": victim.id})
    sent_away(victim)
    again = world.guest(client_id="gone")
    assert again.id != victim.id
    assert again.user == {**victim.user, "id": again.id}


def viewers_of(client: Client, room: str) -> list[Json]:
    return [user["id"] for user in client.ok("room.enter", {"room": room})["viewers"]]


def test_a_banned_user_is_no_viewer(world: World) -> None:
    admin, moderator, victim = world.member("admin"), world.member("moderator"), world.guest()
    stage = victim.room("Main Stage")
    victim.ok("room.enter", {"room": stage})
    for client in (admin, moderator, victim):
        client.expect("world.user_count_change")
    admin.ok("user.ban", {"id": victim.id})
    sent_away(victim)
    moderator.drain()
    assert viewers_of(moderator, stage) == [moderator.id]
