"""Links that people follow."""

import jwt
import pytest
from tests.web.site import Site

from hubbub.core.room import DeleteRoom, InviteAnonymous
from hubbub.core.world import UpdateWorld
from hubbub.dialects.venueless.id import Kind, render


@pytest.fixture
def code(site: Site) -> str:
    (room,) = site.world.rooms
    return str(site.do(InviteAnonymous(room=room)).code)


def test_an_invite_leads_into_its_room(site: Site, code: str) -> None:
    (room,) = site.world.rooms
    path = f"/standalone/{render(room, Kind.ROOM)}/anonymous#invite={code}"
    answer = site.ask("GET", f"/{code}", headers={"Host": "chat.example.org:8420"})
    assert (answer.status_code, answer.headers["location"]) == (302, f"http://chat.example.org:8420{path}")
    assert answer.headers["cache-control"] == "no-store"
    site.do(UpdateWorld(domain="event.example.org"))
    assert site.ask("GET", f"/{code}").headers["location"] == f"http://event.example.org{path}"
    assert site.ask("GET", f"/{code}/").status_code == 302
    assert site.ask("GET", answer.headers["location"].partition("8420")[2]).status_code == 200


def test_an_invite_is_found_in_any_world(site: Site, code: str) -> None:
    site.add_world("other", domain="other.example.org")
    assert site.ask("GET", f"/{code}", headers={"Host": "other.example.org"}).status_code == 302


def test_a_domain_that_is_none_leads_nowhere(site: Site, code: str) -> None:
    site.do(UpdateWorld(domain="evil.example\r\nSet-Cookie: x"))
    answer = site.ask("GET", f"/{code}", headers={"Host": "[a@b"})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/standalone/")
    assert "set-cookie" not in answer.headers


def test_an_invite_of_a_room_that_is_gone(site: Site, code: str) -> None:
    (room,) = site.world.rooms
    site.do(DeleteRoom(room=room))
    assert site.ask("GET", f"/{code}").status_code == 404


@pytest.mark.parametrize("code", ["xxxxxx", "oO0IoO", "abc", "%00%00%00%00%00%00", "ééé", "favicon.ico"])
def test_an_unknown_invite(site: Site, code: str) -> None:
    answer = site.ask("GET", f"/{code}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text or "not valid" in answer.text


def test_a_login_link_gives_a_token(site: Site) -> None:
    user = site.member("77", "moderator")
    code = site.login_code(user)
    answer = site.ask("GET", f"/login/{code}")
    assert answer.status_code == 302
    place, _, token = answer.headers["location"].partition("#token=")
    assert place == "/"
    assert answer.headers["cache-control"] == "no-store"
    secret = site.world.world.config["JWT_secrets"][0]
    claims = jwt.decode(
        token, secret["secret"], ["HS256"], audience="main", options={"verify_exp": False, "verify_iat": False}
    )
    assert (claims["uid"], claims["traits"]) == ("77", ["moderator"])


@pytest.mark.parametrize("code", ["x" * 24, "abc", "x" * 23 + "é", "%2e%2e", "x" * 4000])
def test_an_unknown_login_link_says_what_to_do(site: Site, code: str) -> None:
    answer = site.ask("GET", f"/login/{code}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Ask whoever sent it for a new one." in answer.text


def test_guessing_is_limited(site: Site) -> None:
    statuses = [site.ask("GET", f"/login/{'x' * 24}").status_code for _ in range(51)]
    assert statuses == [404] * 50 + [429]
