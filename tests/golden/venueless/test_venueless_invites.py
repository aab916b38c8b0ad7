"""Anonymous invites: the short link, what it opens, and whom nobody sees (seed `venueless-rooms`, 1.6, 1.16)."""

from urllib.parse import urlsplit

import httpx
import pytest
from tests.golden.placeholder import unordered
from tests.golden.venueless.world import ROOM_DENIED, Client, World, chat, room

INVITED_TO = [
    "room:view",
    "room:question.read",
    "room:question.ask",
    "room:question.vote",
    "room:poll.read",
    "room:poll.vote",
]
undisturbed = pytest.mark.world(shared="undisturbed")
ALPHABET = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") - set("oO0I")

tickets_only = pytest.mark.world(grants={"attendee": ["ticket-holder"]})


def invite(admin: Client, name: str = "Main Stage") -> str:
    """Return the six characters of a room's invite link."""
    reply = admin.call(["room.invite.anonymous.link", 123, {"room": admin.room(name)}])
    assert reply[:2] == ["success", 123]
    assert reply[2].keys() == {"url"}
    code = urlsplit(str(reply[2]["url"])).path.rsplit("/", 1)[1]
    assert len(code) == 6, reply
    assert set(code) <= ALPHABET, reply
    return code


def invited(world: World, code: str, client_id: str) -> Client:
    return world.connect().authenticate({"client_id": client_id, "invite_token": code})


@undisturbed
def test_the_same_link_is_given_again(world: World) -> None:
    admin, other_admin = world.member("admin"), world.member("admin")
    first = admin.ok("room.invite.anonymous.link", {"room": admin.room("Main Stage")})
    assert other_admin.ok("room.invite.anonymous.link", {"room": admin.room("Main Stage")}) == first
    assert admin.ok("room.invite.anonymous.link", {"room": admin.room("Lounge")}) != first


@undisturbed
def test_a_guest_gets_no_link(world: World) -> None:
    guest = world.guest()
    command = ["room.invite.anonymous.link", 1, {"room": guest.room("Main Stage")}]
    assert guest.call(command) == ["error", 1, ROOM_DENIED]


@pytest.mark.world(
    rooms=[room("stage", "Main Stage", trait_grants={"viewer": [], "participant": [], "inviter": ["usher"]})]
)
def test_inviting_can_be_permitted_by_itself(world: World) -> None:
    usher = world.member("usher")
    assert invite(usher)
    assert usher.refused("room.config.get", {"room": usher.room("Main Stage")}) == ROOM_DENIED


@tickets_only
def test_the_short_link_leads_into_the_room(world: World, browser: httpx.Client) -> None:
    admin = world.member("admin", "ticket-holder")
    code = invite(admin)
    response = browser.get(f"/{code}", headers=world.settle(browser))
    assert response.status_code == 302
    target = urlsplit(response.headers["location"])
    assert target.scheme in {"http", "https"}
    assert target.netloc == world.domain
    assert target.path == f"/standalone/{admin.room('Main Stage')}/anonymous"
    assert target.fragment == f"invite={code}"


def test_an_unknown_short_link_is_not_found(world: World, browser: httpx.Client) -> None:
    assert browser.get("/xxxxxx", headers=world.settle(browser)).status_code == 404


@tickets_only
def test_an_invited_user_sees_just_that_room(world: World) -> None:
    code = invite(world.member("admin", "ticket-holder"))
    visitor = invited(world, code, "visitor")
    assert visitor.permissions == ["world:view"]
    assert [room["name"] for room in visitor.rooms] == ["Main Stage"]
    assert visitor.rooms[0]["permissions"] == unordered(*INVITED_TO)
    again = world.guest(client_id="visitor")
    assert again.id == visitor.id
    assert [room["name"] for room in again.rooms] == ["Main Stage"]


@tickets_only
def test_an_invalid_invite_opens_nothing(world: World) -> None:
    client = world.connect()
    credentials = {"client_id": "visitor", "invite_token": "xxxxxx"}
    assert client.call(["authenticate", credentials]) == ["error", {"code": "auth.missing_token"}]
    assert client.call(["authenticate", {"client_id": "visitor"}]) == ["error", {"code": "auth.missing_token"}]
    client.authenticate({"client_id": "visitor", "invite_token": invite(world.member("admin", "ticket-holder"))})


@tickets_only
def test_an_invited_user_is_counted_but_never_shown(world: World) -> None:
    admin = world.member("admin", "ticket-holder")
    moderator = world.member("moderator", "ticket-holder", name="Mo")
    visitor = invited(world, invite(admin), "visitor")
    stage = visitor.room("Main Stage")
    assert visitor.call(["room.enter", 1, {"room": stage}]) == ["success", 1, {}]
    for client in (visitor, admin, moderator):
        assert client.expect("world.user_count_change") == {"room": stage, "users": "few"}
    assert moderator.ok("room.enter", {"room": stage}) == {"viewers": [moderator.user]}
    second = invited(world, invite(admin), "second")
    assert second.call(["room.enter", 2, {"room": stage}]) == ["success", 2, {}]
    moderator.silence()
    visitor.ok("user.update", {"profile": {"display_name": "Visitor"}})
    found = moderator.ok("user.list.search", {"search_term": "", "page": 1})["results"]
    assert [user["id"] for user in found] == [moderator.id]


@tickets_only
def test_an_invited_user_may_not_chat(world: World) -> None:
    visitor = invited(world, invite(world.member("admin", "ticket-holder")), "visitor")
    visitor.rename("Visitor")
    assert visitor.refused("chat.join", {"channel": visitor.channel("Main Stage")}) == ROOM_DENIED


@pytest.mark.world(
    grants={"attendee": ["ticket-holder"]},
    rooms=[room("a", "A", chat(volatile=True)), room("b", "B", chat(volatile=True))],
)
def test_a_second_invite_opens_its_own_room(world: World) -> None:
    admin = world.member("admin", "ticket-holder")
    in_a = invited(world, invite(admin, "A"), "first")
    in_b = invited(world, invite(admin, "B"), "second")
    assert [room["name"] for room in in_a.rooms] == ["A"]
    assert [room["name"] for room in in_b.rooms] == ["B"]
    assert in_a.refused("room.enter", {"room": in_b.room("B")}) == ROOM_DENIED
