"""Blocks (protocols/groupme.md 2.7)."""

import pytest
from tests.golden.groupme.person import Person


def path(who: Person, other: Person | str, name: str = "") -> str:
    return f"/v3/blocks{name}?user={who.id}&otherUser={other if isinstance(other, str) else other.id}"


def blocked(who: Person) -> list[str]:
    return [block["blocked_user_id"] for block in who.get("/v3/blocks", {"user": who.id})["blocks"]]


def test_somebody_is_blocked_and_unblocked(ada: Person, bob: Person) -> None:
    answer = ada.ask("POST", path(ada, bob))
    block = {"user_id": ada.id, "blocked_user_id": bob.id, "created_at": int(ada.place.clock().timestamp())}
    assert (answer.status, answer.response) == (201, {"block": block})
    assert ada.ask("POST", path(ada, bob)).status == 201  # twice is once
    # Since when is not kept.
    assert ada.get("/v3/blocks", {"user": ada.id}) == {"blocks": [{**block, "created_at": 0}]}
    assert blocked(bob) == []
    assert ada.ask("DELETE", path(ada, bob)) == (200, None, {"code": 200})
    assert ada.ask("DELETE", path(ada, bob)).status == 200
    assert blocked(ada) == []


def test_the_other_way_to_unblock(ada: Person, bob: Person) -> None:
    ada.post(path(ada, bob))
    ada.post(path(ada, bob, "/delete"))
    assert blocked(ada) == []


def test_a_block_stands_between_both(ada: Person, bob: Person, cleo: Person) -> None:
    ada.post(path(ada, bob))
    for one, other, found in ((ada, bob, True), (bob, ada, True), (ada, cleo, False)):
        assert one.ask("GET", path(one, other, "/between")).response == {"between": found}
        # There are clients that ask so, and want the other key.
        assert one.ask("GET", path(one, other)).response["between"] is found
    message = {"direct_message": {"recipient_id": ada.id, "text": "Hi"}}
    assert bob.refusal("POST", "/v3/direct_messages", message)[0] == 403


@pytest.mark.parametrize(("method", "name"), [("POST", ""), ("DELETE", ""), ("POST", "/delete"), ("GET", "/between")])
def test_what_makes_no_sense_is_refused(ada: Person, bob: Person, method: str, name: str) -> None:
    assert ada.refusal(method, path(bob, ada, name))[0] == 403
    assert ada.refusal(method, path(ada, "x", name))[0] == 400
    assert ada.refusal(method, f"/v3/blocks{name}?user={ada.id}")[0] == 400
    if method != "GET":
        assert ada.refusal(method, path(ada, ada, name))[0] == 400
        assert ada.refusal(method, path(ada, "1", name))[0] == 404
    assert ada.ask(method, path(ada, bob, name), signed=False).status == 401
    assert blocked(ada) == []


def test_others_do_not_read_ones_blocks(ada: Person, bob: Person) -> None:
    ada.post(path(ada, bob))
    assert bob.refusal("GET", f"/v3/blocks?user={ada.id}")[0] == 403
    assert blocked(ada) == [bob.id]
