"""Users (protocols/groupme.md 2.7), and how this dialect says that something is wrong (2.1)."""

import pytest
from tests.golden.groupme.person import Person


def test_who_has_a_token_is_told_who_they_are(ada: Person) -> None:
    me = ada.get("/v3/users/me")
    assert (me["id"], me["user_id"], me["name"]) == (ada.id, ada.id, ada.name)
    assert isinstance(me["created_at"], int)


def test_a_token_in_the_query_is_as_good(ada: Person) -> None:
    assert ada.ask("GET", f"/v3/users/me?token={ada.token}", signed=False).response["id"] == ada.id


@pytest.mark.parametrize("token", ["", "x", "x" * 5000], ids=["none", "short", "long"])
def test_without_a_token_nobody_is_told_anything(ada: Person, token: str) -> None:
    answer = ada.ask("GET", "/v3/users/me", signed=False, params={"token": token})
    assert answer == (401, None, {"code": 401, "errors": ["unauthorized"]})


def test_a_name_is_changed(ada: Person) -> None:
    assert ada.post("/v3/users/update", {"name": "Countess"})["name"] == "Countess"
    assert ada.get("/v3/users/me")["name"] == "Countess"


@pytest.mark.parametrize(
    "body",
    [{"name": ""}, {"name": 7}, {"name": "x" * 33}, {"avatar_url": 7}, {"avatar_url": "x" * 3000}],
    ids=["empty", "number", "long", "picture", "address"],
)
def test_what_makes_no_sense_is_refused(ada: Person, body: object) -> None:
    assert ada.refusal("POST", "/v3/users/update", body)[0] == 400
    assert ada.get("/v3/users/me")["name"] == ada.name


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"7"], ids=["open", "list", "bytes", "number"])
def test_a_body_that_is_no_object_is_refused(ada: Person, content: bytes) -> None:
    answer = ada.ask("POST", "/v3/users/update", content=content)
    assert answer.status == 400
    assert answer.errors
