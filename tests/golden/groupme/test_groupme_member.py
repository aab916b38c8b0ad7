"""Members of groups over HTTP: adding, removing, roles, names, approval (protocols/groupme.md 2.3)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.groupme.person import Person

from hubbub.dialects.groupme import result as result_module

Json = dict[str, Any]

MEMBER = ("id", "user_id", "nickname", "name", "image_url", "muted", "autokicked", "roles")
ROW = ("id", "user_id", "name", "nickname", "image_url", "state", "roles")
PENDING = ("id", "user_id", "nickname", "image_url", "reason", "timestamp", "state")
ODD: list[Any] = [None, True, 0, -1, 1.5, 10**30, "", "\u0000", "x" * 3000, [], [None], [[]], {}, {"nickname": None}]


def members(person: Person, group: str) -> dict[str, Json]:
    """Give the members of a group by their users."""
    return {member["user_id"]: member for member in person.get(f"/v3/groups/{group}")["members"]}


def path_of(person: Person, group: str, other: Person, what: str) -> str:
    return f"/v3/groups/{group}/members/{members(person, group)[other.id]['id']}/{what}"


def added(person: Person, group: str, *newcomers: object) -> list[Json]:
    """Add people, and give the results."""
    answer = person.ask("POST", f"/v3/groups/{group}/members/add", json={"members": newcomers})
    assert (answer.status, list(answer.response)) == (202, ["results_id"])
    found: list[Json] = person.get(f"/v3/groups/{group}/members/results/{answer.response['results_id']}")["members"]
    return found


def last_event(person: Person, group: str) -> tuple[str, str]:
    said = person.last(group)
    return said["event"]["type"], said["text"]


# Adding


def test_people_are_added_and_what_came_of_it_is_told(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    first, second = added(
        ada, group, {"user_id": bob.id, "nickname": "Bobby", "guid": "G-1"}, {"user_id": cleo.number, "nickname": None}
    )
    assert set(first) == {*MEMBER, "guid"}
    assert (first["user_id"], first["nickname"], first["name"], first["guid"]) == (bob.id, "Bobby", "Bob", "G-1")
    assert (first["roles"], first["muted"], first["autokicked"]) == (["user"], False, False)
    assert first["id"] not in (first["user_id"], second["id"])
    assert (second["user_id"], second["nickname"], len(second["guid"])) == (cleo.id, "Cleo", 32)
    assert last_event(bob, group) == ("membership.announce.added", "Ada added Bobby, Cleo to the group")
    assert [{**member, "guid": "G-1"} for user, member in members(ada, group).items() if user == bob.id] == [first]


def test_who_cannot_be_added_is_missing(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    failing: list[Json] = [
        {"nickname": "Mom", "phone_number": "+1 2125550100", "guid": "G-1"},
        {"nickname": "Dad", "email": "dad@example.com"},
        {"nickname": "Nobody", "user_id": "12345"},
        {"nickname": "None", "user_id": "x"},
        {"nickname": "Ada", "user_id": ada.id},
    ]
    assert added(ada, group, *failing[:2]) == []
    assert [member["user_id"] for member in added(ada, group, *failing, {"user_id": bob.id, "email": "b@b"})] == [
        bob.id
    ]
    assert added(ada, group, {"user_id": bob.id}) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"members": None},
        {"members": {}},
        {"members": []},
        {"members": ["x"]},
        {"members": [{"user_id": []}]},
        {"members": [{"user_id": "1", "nickname": 7}]},
        {"members": [{"user_id": "1", "nickname": "x" * 51}]},
        {"members": [{"user_id": "1", "nickname": "a\nb"}]},
        {"members": [{"user_id": "1", "guid": 7}]},
        {"members": [{"user_id": "1", "guid": "x" * 129}]},
        {"members": [{"user_id": number} for number in range(1, 202)]},
    ],
    ids=lambda body: str(body)[:40],
)
def test_adding_what_makes_no_sense(ada: Person, body: Json) -> None:
    group = ada.make_group()
    assert ada.refusal("POST", f"/v3/groups/{group}/members/add", body)[0] == 400
    assert ada.history(group) == []


def test_who_may_add(ada: Person, bob: Person, cleo: Person) -> None:
    group, members_add = ada.make_group(), {"members": [{"user_id": cleo.id}]}
    assert bob.refusal("POST", f"/v3/groups/{group}/members/add", members_add)[0] == 404
    ada.add(group, bob)
    ada.post(f"/v3/groups/{group}/update", {"group_type": "closed"})
    assert bob.refusal("POST", f"/v3/groups/{group}/members/add", members_add)[0] == 403
    assert list(members(ada, group)) == [ada.id, bob.id]


def test_results_are_for_who_added_and_for_an_hour(ada: Person, bob: Person, cleo: Person) -> None:
    group, other = ada.make_group(), ada.make_group()
    ada.add(group, bob)
    body = {"members": [{"user_id": cleo.id}]}
    identity = ada.post(f"/v3/groups/{group}/members/add", body)["results_id"]
    path = f"/v3/groups/{group}/members/results/{identity}"
    assert bob.refusal("GET", path)[0] == 404
    assert ada.refusal("GET", f"/v3/groups/{other}/members/results/{identity}")[0] == 404
    assert ada.refusal("GET", f"/v3/groups/{group}/members/results/x")[0] == 404
    ada.place.move(timedelta(minutes=59))
    assert len(ada.get(path)["members"]) == 1
    ada.place.move(timedelta(minutes=2))
    assert ada.refusal("GET", path)[0] == 404


def test_only_the_last_results_are_kept(ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_module, "MAX_OF_ONE", 2)
    group, paths = ada.make_group(), []
    for _ in range(3):
        identity = ada.post(f"/v3/groups/{group}/members/add", {"members": [{"email": "a@b"}]})["results_id"]
        paths.append(f"/v3/groups/{group}/members/results/{identity}")
    assert [ada.ask("GET", path).status for path in paths] == [404, 200, 200]
    monkeypatch.setattr(result_module, "MAX_KEPT", 2)
    bob.post(f"/v3/groups/{bob.make_group()}/members/add", {"members": [{"email": "a@b"}]})
    assert [ada.ask("GET", path).status for path in paths] == [404, 404, 200]


# Removing and leaving


def test_removing_and_adding_again(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    assert ada.ask("POST", path_of(ada, group, bob, "remove")) == (200, None, {"code": 200})
    assert last_event(ada, group) == ("membership.notifications.removed", "Ada removed Bob from the group.")
    assert bob.refusal("GET", f"/v3/groups/{group}")[0] == 404
    ada.add(group, bob)
    assert list(members(bob, group)) == [ada.id, bob.id]


def test_leaving(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    bob.post(path_of(bob, group, bob, "remove"))
    assert last_event(ada, group) == ("membership.notifications.exited", "Bob has left the group.")
    assert list(members(ada, group)) == [ada.id]


def test_who_cannot_be_removed(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob, cleo)
    for person, other in ((ada, ada), (bob, ada), (bob, cleo)):
        assert person.refusal("POST", path_of(person, group, other, "remove"))[0] == 403
    elsewhere = bob.make_group()
    foreign = members(bob, elsewhere)[bob.id]["id"]
    for identity in ("0", "x", "12345", "9" * 30, bob.id, foreign):
        for what in ("remove", "update", "approval"):
            assert (
                ada.ask("POST", f"/v3/groups/{group}/members/{identity}/{what}", json={"approval": True}).status == 404
            )
    assert list(members(ada, group)) == [ada.id, bob.id, cleo.id]


def test_who_has_left_can_be_kept_out(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob, cleo)
    identity = members(ada, group)[bob.id]["id"]
    path = f"/v2/groups/{group}/memberships/{identity}/destroy"
    assert ada.refusal("POST", path)[0] == 404
    bob.post(f"/v3/groups/{group}/members/{identity}/remove")
    assert cleo.refusal("POST", path)[0] == 403
    assert bob.refusal("POST", path)[0] == 404
    said = len(ada.history(group))
    assert ada.ask("POST", path) == ada.ask("POST", path) == (200, None, {"code": 200})
    assert len(ada.history(group)) == said
    assert bob.get("/v3/memberships/states") == [{"group_id": group, "state": "exited_removed"}]
    assert bob.get("/v3/groups/former") == []
    assert bob.refusal("POST", "/v3/groups/join", {"group_id": group})[0] == 404
    ada.add(group, bob)
    assert bob.get("/v3/memberships/states") == [{"group_id": group, "state": "active"}]


# Lists


def test_who_belongs_and_who_did(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob, cleo)
    rows = ada.get(f"/v3/groups/{group}/members", {"filter": "active"})["memberships"]
    assert [(row["user_id"], row["state"], row["roles"]) for row in rows] == [
        (ada.id, "active", ["admin", "owner"]),
        (bob.id, "active", ["user"]),
        (cleo.id, "active", ["user"]),
    ]
    assert set(ROW) <= set(rows[0])
    assert rows == cleo.get(f"/v3/groups/{group}/members")["memberships"]
    ada.post(path_of(ada, group, bob, "remove"))
    cleo.post(path_of(cleo, group, cleo, "remove"))
    gone = ada.get(f"/v3/groups/{group}/members", {"filter": "inactive"})["memberships"]
    assert [(row["id"], row["user_id"], row["state"]) for row in gone] == [
        (rows[1]["id"], bob.id, "removed"),
        (rows[2]["id"], cleo.id, "exited"),
    ]
    assert set(gone[0]) == set(ROW)
    ada.add(group, bob)
    assert bob.refusal("GET", f"/v3/groups/{group}/members?filter=inactive")[0] == 403
    assert ada.refusal("GET", f"/v3/groups/{group}/members?filter=all")[0] == 400
    assert cleo.refusal("GET", f"/v3/groups/{group}/members")[0] == 404


# Roles and names


def test_admins(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob, cleo)
    path = path_of(ada, group, bob, "update")
    member = ada.post(path, {"role": "admin"})["member"]
    assert (member["user_id"], member["roles"], set(member)) == (bob.id, ["admin"], set(MEMBER))
    assert last_event(ada, group) == ("group.role_change_admin", "Ada made Bob an admin")
    assert bob.refusal("POST", path_of(bob, group, cleo, "update"), {"role": "admin"})[0] == 403
    assert ada.post(path, {"role": "user"})["member"]["roles"] == ["user"]
    wrong: tuple[object, ...] = (None, "owner", "", 7, [], {})
    for role in wrong:
        assert ada.refusal("POST", path, {"role": role})[0] == 400
    assert members(ada, group)[ada.id]["roles"] == ["admin", "owner"]


def test_a_name_and_a_picture_for_one_group(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    path = f"/v3/groups/{group}/memberships/update"
    member = bob.post(path, {"membership": {"nickname": " Bobby ", "avatar_url": "https://a/b.png"}})
    assert set(member) == set(MEMBER)
    assert (member["nickname"], member["name"], member["image_url"]) == ("Bobby", "Bob", "https://a/b.png")
    (picture, name) = (said["event"] for said in ada.history(group)[:2])
    user = {"id": bob.number, "nickname": "Bob"}
    assert name == {"type": "membership.nickname_changed", "data": {"user": user, "name": "Bobby"}}
    assert picture["type"] == "membership.avatar_changed"
    assert bob.post(path, {"membership": {"nickname": None, "avatar_url": ""}})["image_url"] is None
    assert members(ada, group)[bob.id] == {**member, "image_url": None}


@pytest.mark.parametrize(
    "membership",
    [
        *(None, [], "x"),
        *({"nickname": nickname} for nickname in ("", "  ", "x" * 51, "a\nb", 7)),
        *({"avatar_url": url} for url in ("javascript:x", "https://" + "x" * 2000, 7)),
    ],
    ids=lambda membership: str(membership)[:30],
)
def test_names_and_pictures_that_are_none(ada: Person, membership: object) -> None:
    group = ada.make_group()
    assert ada.refusal("POST", f"/v3/groups/{group}/memberships/update", {"membership": membership})[0] == 400
    assert ada.history(group) == []


# Approval


def wait(person: Person, owner: Person, **more: object) -> tuple[str, str]:
    """Let somebody wait for the approval of a new group; give its id, and that of the request."""
    made = owner.post("/v3/groups", {"name": "Pub", "share": True, "requires_approval": True, **more})
    token = made["share_url"].rpartition("/")[2]
    person.post(f"/v3/groups/{made['id']}/join", {"share_token": token, "answer": {"response": "Beer"}})
    (waiting,) = owner.get(f"/v3/groups/{made['id']}/pending_memberships")
    return made["id"], waiting["id"]


def test_who_waits_is_let_in(ada: Person, bob: Person) -> None:
    group, request = wait(bob, ada)
    (waiting,) = ada.get(f"/v3/groups/{group}/pending_memberships")
    assert set(waiting) == set(PENDING)
    assert (waiting["user_id"], waiting["nickname"], waiting["state"]) == (bob.id, "Bob", "requested_pending")
    assert waiting["reason"] is None
    answer = ada.post(f"/v3/groups/{group}/members/{request}/approval", {"approval": True})
    assert answer == {"membership_id": int(request), "state": "active"}
    assert members(bob, group)[bob.id]["id"] == request
    assert last_event(bob, group) == ("membership.announce.joined", "Bob has joined the group")
    assert ada.get(f"/v3/groups/{group}/pending_memberships") == []
    assert bob.get("/v3/groups/pending_memberships") == {"requests_sent": []}
    bob.say(group, "Hi")
    assert ada.refusal("POST", f"/v3/groups/{group}/members/{request}/approval", {"approval": True})[0] == 404


def test_who_waits_is_refused_and_may_ask_again(ada: Person, bob: Person) -> None:
    group, request = wait(bob, ada)
    answer = ada.post(f"/v3/groups/{group}/members/{request}/approval", {"approval": False})
    assert answer == {"membership_id": int(request), "state": "denied"}
    assert (bob.get("/v3/memberships/states"), ada.history(group)) == ([], [])
    assert bob.refusal("GET", f"/v3/groups/{group}")[0] == 404
    token = ada.get(f"/v3/groups/{group}")["share_url"].rpartition("/")[2]
    assert bob.ask("POST", f"/v3/groups/{group}/join/{token}").meta == {"code": 20101}


def test_taking_it_back(ada: Person, bob: Person) -> None:
    group, request = wait(bob, ada)
    assert bob.ask("POST", f"/v3/groups/{group}/members/{request}/remove") == (200, None, {"code": 200})
    assert bob.refusal("POST", f"/v3/groups/{group}/members/{request}/remove")[0] == 404
    assert ada.get(f"/v3/groups/{group}/pending_memberships") == []


def test_who_is_added_waits_no_more(ada: Person, bob: Person) -> None:
    group, request = wait(bob, ada)
    ada.add(group, bob)
    assert ada.get(f"/v3/groups/{group}/pending_memberships") == []
    assert members(bob, group)[bob.id]["id"] == request


def test_only_who_runs_a_group_answers(ada: Person, bob: Person, cleo: Person) -> None:
    group, request = wait(bob, ada)
    path = f"/v3/groups/{group}/members/{request}/approval"
    assert bob.refusal("POST", path, {"approval": True})[0] == 404
    ada.add(group, cleo)
    assert cleo.refusal("POST", path, {"approval": True})[0] == 403
    assert cleo.refusal("GET", f"/v3/groups/{group}/pending_memberships")[0] == 403
    for approval in ODD:
        if approval is not True:
            assert ada.refusal("POST", path, {"approval": approval})[0] == 400
    assert ada.refusal("POST", path)[0] == 400
    ada.post(path_of(ada, group, cleo, "update"), {"role": "admin"})
    assert cleo.post(path, {"approval": True})["state"] == "active"


def test_odd_json_is_no_fault_of_ours(ada: Person) -> None:
    group = ada.make_group()
    own = f"/v3/groups/{group}/members/{members(ada, group)[ada.id]['id']}"
    paths = {
        f"/v3/groups/{group}/members/add": "members",
        f"/v3/groups/{group}/memberships/update": "membership",
        f"{own}/update": "role",
        f"{own}/approval": "approval",
    }
    for path, name in paths.items():
        for value in ODD:
            assert ada.ask("POST", path, json={name: value}).status < 500, (path, value)
            people = [{key: value} for key in ("user_id", "nickname", "guid")]
            assert ada.ask("POST", path, json={name: people}).status < 500, (path, value)
