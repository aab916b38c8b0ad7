"""Access tokens by name and password, and ending them (protocols/groupme.md 2.1)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.golden.groupme.person import Answer, Person
from tests.golden.jumpin.place import PASSWORD, Place

from hubbub.core.user import BanUser
from hubbub.dialects.groupme.token import LIFE
from hubbub.live.rate import Rate

PLENTY = Rate(1000, 1_000_000)
KEYS = {"access_token", "user_id", "user_name", "expires_at", "user"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    running = Place(tmp_path_factory.mktemp("token"), rates=dict.fromkeys(("login", "account", "password"), PLENTY))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def dora(place: Place, http: httpx.Client) -> Person:
    return Person(place, http, place.account())


def log_in(who: Person, version: str = "v2", **changes: Any) -> Answer:
    given = {"username": who.name, "password": PASSWORD, "grant_type": "password", "app_id": "app", "device_id": "d"}
    return who.ask("POST", f"/{version}/access_tokens", json={**given, **changes}, signed=False)


def works(who: Person, token: str) -> bool:
    return who.fetch("GET", "/v3/users/me", headers={"X-Access-Token": token}).status_code == 200


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_token_for_a_name_and_a_password(dora: Person, version: str) -> None:
    answer = log_in(dora, version, username=dora.name.upper(), verification={"code": "12"}, app_id=None)
    assert (answer.status, answer.meta) == (201, {"code": 201})
    found = answer.response
    assert set(found) == KEYS
    assert (found["user_id"], found["user_name"]) == (dora.id, dora.name)
    assert found["expires_at"] == int((dora.place.clock() + LIFE).timestamp())
    assert found["user"] == {"id": dora.id, "name": dora.name, "avatar_url": None, "email": "", "admin": False}
    assert works(dora, found["access_token"])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"password": "wrong"}, 401),
        ({"password": PASSWORD.upper()}, 401),
        ({"username": "nobody"}, 401),
        ({"username": ""}, 401),
        ({"username": "x" * 20_000}, 401),
        ({"password": "x" * 20_000}, 401),
        ({"grant_type": "client_credentials"}, 400),
        ({"grant_type": None}, 400),
        ({"username": 7}, 400),
        ({"password": [PASSWORD]}, 400),
        ({"app_id": {"a": 1}}, 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_gets_no_token(dora: Person, changes: dict[str, Any], status: int) -> None:
    before = dora.place.ask(lambda: dict(dora.place.state.tokens))
    answer = log_in(dora, **changes)
    assert (answer.status, answer.response) == (status, None)
    if status == 401:
        assert answer.errors == ["Username or password is wrong."]
    assert dora.place.ask(lambda: dict(dora.place.state.tokens)) == before


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"username=a&password=b"], ids=["none", "list", "cut", "form"])
def test_a_body_that_is_no_object(dora: Person, content: bytes) -> None:
    assert dora.refusal("POST", "/v2/access_tokens", content=content, signed=False)[0] == 400


def test_who_is_banned_gets_no_token(dora: Person) -> None:
    dora.place.do(BanUser(user=dora.number))
    assert log_in(dora).status == 403


def test_guessing_is_limited(tmp_path: Path, http: httpx.Client) -> None:
    place = Place(tmp_path, rates={"account": Rate(1000, 1_000_000), "password": Rate(0.001, 3)})
    place.start()
    try:
        ada, bob = (Person(place, http, place.account()) for _ in range(2))
        statuses = [log_in(ada, username=name, password="x").status for name in (ada.name, ada.name.upper()) * 2]
        assert statuses == [401, 401, 401, 429]
        assert log_in(ada).status == 429 and log_in(bob).status == 201
    finally:
        place.stop()


def test_one_address_does_not_try_for_ever(tmp_path: Path, http: httpx.Client) -> None:
    place = Place(tmp_path, rates={"account": Rate(0.001, 2)})
    place.start()
    try:
        ada = Person(place, http, place.account())
        assert [log_in(ada, username=f"n{number}").status for number in range(3)] == [401, 401, 429]
    finally:
        place.stop()


def test_a_token_ends_with_a_year(dora: Person) -> None:
    token = log_in(dora).response["access_token"]
    dora.place.move(LIFE - timedelta(seconds=1))
    assert works(dora, token)
    dora.place.move(timedelta(seconds=1))
    assert not works(dora, token)


def test_logging_out(dora: Person) -> None:
    token, other = (log_in(dora).response["access_token"] for _ in range(2))
    headers = {"X-Access-Token": token}
    assert dora.ask("POST", "/v2/access_tokens/current/destroy", headers=headers) == (200, None, {"code": 200})
    assert not works(dora, token) and works(dora, other)
    assert dora.ask("POST", "/v2/access_tokens/current/destroy", headers=headers).status == 401


def test_the_list_of_tokens_tells_none(dora: Person, http: httpx.Client) -> None:
    token = log_in(dora, app_id="bots").response["access_token"]
    dora.token = token
    answer = dora.fetch("GET", "/v2/access_tokens")
    assert token not in answer.text
    own = [one for one in answer.json()["response"]["access_tokens"] if one["app_id"] == "bots"]
    assert [set(one) for one in own] == [{"id", "created_at", "app_id"}]
    stranger = Person(dora.place, http, dora.place.account())
    path = f"/v2/access_tokens/{own[0]['id']}/destroy"
    assert stranger.refusal("POST", path)[0] == 404
    assert works(dora, token)
    assert dora.post(path) is None
    assert not works(dora, token)
    for wrong in ("0", "x", "1" * 30, str(own[0]["id"])):
        assert stranger.refusal("POST", f"/v2/access_tokens/{wrong}/destroy")[0] == 404


def test_a_long_name_of_an_app_is_cut(dora: Person) -> None:
    assert log_in(dora, app_id="x" * 5000).status == 201
