"""Groups over HTTP: making, finding, joining, changing and muting them (protocols/groupme.md 2.2)."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.golden.groupme.person import Person

from hubbub.core.account import IssueToken
from hubbub.core.login import LogIn
from hubbub.core.user import UpdateProfile
from hubbub.dialects.groupme import group as group_module

Json = dict[str, Any]

GROUP = (
    *("id", "group_id", "name", "type", "description", "image_url", "creator_user_id", "created_at", "updated_at"),
    *("phone_number", "office_mode", "muted_until", "share_url", "share_qr_code_url", "members", "members_count"),
    *("max_members", "theme_name", "like_icon", "requires_approval", "show_join_question", "join_question"),
    *("message_deletion_period", "message_deletion_mode", "message_edit_period", "children_count"),
    *("system_message_settings", "messages", "visibility", "directories"),
)
SUMMARY = ("count", "last_message_id", "last_message_created_at", "preview")
PREVIEW = ("nickname", "text", "image_url", "attachments")
ICON = {"pack_id": 1, "pack_index": 65, "type": "emoji"}


def link_of(group: Json) -> tuple[str, str]:
    """Give the two last parts of a link, as clients read it."""
    path: list[str] = urlsplit(group["share_url"]).path.split("/")
    return path[-2], path[-1]


def events(person: Person, group: str) -> list[tuple[str, str]]:
    """Give the types and texts of what happened in a group, the first first."""
    return [(one["event"]["type"], one["text"]) for one in reversed(person.history(group)) if "event" in one]


# Making and looking


def test_a_new_group(ada: Person) -> None:
    body = {"name": "Pub", "description": "Beer", "image_url": "https://a/b.png", "share": True}
    answer = ada.ask("POST", "/v3/groups", json=body)
    group = answer.response
    assert (answer.status, answer.meta) == (201, {"code": 201})
    assert set(GROUP) <= set(group)
    assert (group["name"], group["description"], group["image_url"]) == ("Pub", "Beer", "https://a/b.png")
    assert (group["id"], group["type"], group["creator_user_id"]) == (group["group_id"], "private", ada.id)
    assert (group["members_count"], [member["user_id"] for member in group["members"]]) == (1, [ada.id])
    assert group["members"][0]["roles"] == ["admin", "owner"]
    assert link_of(group)[0] == group["id"]
    assert isinstance(group["created_at"], int) and group["updated_at"] >= group["created_at"]
    assert tuple(group["messages"]) == SUMMARY
    assert group["messages"]["preview"] == dict.fromkeys(PREVIEW[:3]) | {"attachments": []}
    assert ada.get(f"/v3/groups/{group['id']}") == group


def test_a_group_shows_what_was_said_last(ada: Person) -> None:
    group = ada.make_group()
    said = ada.say(group, "Hi")
    told = ada.get(f"/v3/groups/{group}")["messages"]
    assert (told["count"], told["last_message_id"], told["last_message_created_at"]) == (
        1,
        said["id"],
        said["created_at"],
    )
    assert told["preview"] == {"nickname": "Ada", "text": "Hi", "image_url": None, "attachments": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": "  "},
        {"name": 7},
        {"name": "x" * 141},
        {"name": "a\0"},
        {"name": "a", "description": "x" * 256},
        {"name": "a", "description": []},
        {"name": "a", "image_url": "javascript:x"},
        {"name": "a", "image_url": "https://" + "x" * 2000},
        {"name": "a", "image_url": {}},
        {"name": "a", "share": "yes"},
        {"name": "a", "type": "secret"},
        {"name": "a", "office_mode": 1},
        {"name": "a", "requires_approval": "no"},
        {"name": "a", "join_question": "Why?"},
        {"name": "a", "join_question": {"text": "x" * 256}},
        {"name": "a", "like_icon": {"pack_id": "1", "pack_index": 2}},
        {"name": "a", "like_icon": {"pack_id": 1, "pack_index": 10**600}},
        {"name": "a", "like_icon": []},
        {"name": "a", "theme_name": 3},
        {"name": "a", "visibility": "everywhere"},
    ],
    ids=lambda body: "-".join(f"{name}={str(value)[:12]}" for name, value in body.items()) or "nothing",
)
def test_what_makes_no_group(ada: Person, body: Json) -> None:
    """Nor does it change one."""
    status, errors = ada.refusal("POST", "/v3/groups", body)
    assert (status, bool(errors and errors[0])) == (400, True)
    assert ada.get("/v3/groups") == []
    if body.get("name"):
        group = ada.make_group("Pub")
        assert ada.refusal("POST", f"/v3/groups/{group}/update", body)[0] == 400
        assert (ada.get(f"/v3/groups/{group}")["name"], ada.history(group)) == ("Pub", [])


def test_guests_make_none(ada: Person) -> None:
    place = ada.place
    guest = place.run(place.application.community.call(place.state, LogIn(client_id="a guest of groups")))
    place.do(UpdateProfile(profile={"display_name": "Guest"}), user=guest.id)
    secret = place.do(IssueToken(label="test", life=timedelta(hours=1)), user=guest.id)
    assert ada.refusal("POST", "/v3/groups", {"name": "a"}, headers={"X-Access-Token": secret})[0] == 403


def test_groups_are_listed_by_page_and_the_newest_talk_first(ada: Person) -> None:
    place, groups = ada.place, []
    for name in ("One", "Two", "Three"):
        place.move(timedelta(minutes=1))
        groups.append(ada.make_group(name))
    assert [group["name"] for group in ada.get("/v3/groups")] == ["Three", "Two", "One"]
    place.move(timedelta(minutes=1))
    ada.say(groups[0], "Hi")
    assert [group["name"] for group in ada.get("/v3/groups")] == ["One", "Three", "Two"]
    pages = [[group["name"] for group in ada.get("/v3/groups", {"page": page, "per_page": 2})] for page in (1, 2, 3)]
    assert pages == [["One", "Three"], ["Two"], []]
    brief = ada.get("/v3/groups", {"omit": "memberships"})[0]
    assert (brief["members"], brief["members_count"]) == (None, 0)


def test_ten_groups_are_a_page(ada: Person) -> None:
    for _ in range(11):
        ada.make_group()
    assert [len(ada.get("/v3/groups", {"page": page})) for page in (1, 2)] == [10, 1]
    assert len(ada.get("/v3/groups", {"per_page": 100_000})) == 11


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "per_page=0", "per_page=1e3", "page=%C2%B2"])
def test_pages_that_are_none(ada: Person, query: str) -> None:
    assert ada.refusal("GET", f"/v3/groups?{query}")[0] == 400


def test_of_very_many_members_only_the_first_are_told(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("One", "Two", "Three"):
        ada.place.move(timedelta(minutes=1))
        ada.add(ada.make_group(name), bob)
    monkeypatch.setattr(group_module, "MAX_TOLD", 4)
    assert [group["members"] is None for group in ada.get("/v3/groups")] == [False, False, True]
    monkeypatch.setattr(group_module, "MAX_TOLD", 1)
    assert [group["members"] is None for group in ada.get("/v3/groups")] == [False, True, True]


@pytest.mark.parametrize("identity", ["0", "1", "x", "-1", "9" * 18, "9" * 400, "%00", "1+2"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/update"),
        ("POST", "/destroy"),
        ("POST", "/join"),
        ("POST", "/join/token"),
        ("GET", "/preview"),
        ("GET", "/preview/token"),
        ("POST", "/memberships/mute_all"),
    ],
    ids=lambda value: value.strip("/").replace("/", "-") or "show",
)
def test_groups_that_there_are_not(ada: Person, identity: str, method: str, path: str) -> None:
    assert ada.refusal(method, f"/v3/groups/{identity}{path}", {} if method == "POST" else None)[0] == 404


def test_a_group_is_there_for_its_members_alone(ada: Person, bob: Person) -> None:
    group = ada.make_group(share=True)
    for method, path in (("GET", ""), ("POST", "/update"), ("POST", "/destroy"), ("GET", "/preview")):
        assert bob.refusal(method, f"/v3/groups/{group}{path}", {} if method == "POST" else None)[0] == 404
    assert bob.refusal("POST", f"/v2/groups/{group}/memberships/mute")[0] == 404
    assert bob.get("/v3/groups") == []
    assert ada.ask("GET", f"/v3/groups/{group}", signed=False).status == 401


# Changing


def test_a_message_for_each_changed_field_and_none_for_what_is_as_it_was(ada: Person) -> None:
    group = ada.make_group("Pub", description="Beer")
    body = {
        "name": "Bar",
        "description": "Beer",
        "image_url": "https://a/b.png",
        "office_mode": True,
        "theme_name": "cogs",
        "like_icon": ICON,
        "group_type": "closed",
        "visibility": "searchable",
        "share": None,
        "message_deletion_mode": ["admin"],
    }
    changed = ada.post(f"/v3/groups/{group}/update", body)
    assert (changed["name"], changed["image_url"], changed["office_mode"]) == ("Bar", "https://a/b.png", True)
    assert (changed["theme_name"], changed["like_icon"], changed["type"]) == ("cogs", ICON, "closed")
    assert (changed["visibility"], changed["share_url"]) == ("searchable", None)
    said = [
        ("group.name_change", "Ada changed the group's name to Bar"),
        ("group.avatar_change", "Ada changed the group's avatar"),
        ("group.type_change", "Ada changed the group to closed"),
        ("group.theme_change", "Ada changed the theme to cogs"),
        ("group.like_icon_set", "Ada changed the like icon"),
        ("group.office_mode_enabled", "Ada turned office mode on"),
        ("group.added_to_directory", "Ada added the group to the directory searchable"),
    ]
    assert events(ada, group) == said
    ada.post(f"/v3/groups/{group}/update", body)
    assert events(ada, group) == said


def test_what_is_taken_away_again(ada: Person) -> None:
    more = {"description": "Beer", "image_url": "https://a/b", "theme_name": "cogs", "like_icon": ICON}
    group = ada.make_group("Pub", share=True, visibility="searchable", **more)
    body = {"description": "", "image_url": "", "theme_name": None, "like_icon": None, "share": False}
    changed = ada.post(f"/v3/groups/{group}/update", {**body, "visibility": "hidden"})
    gone = ("description", "image_url", "theme_name", "like_icon", "share_url", "visibility")
    assert [changed[name] for name in gone] == ["", None, None, None, None, "hidden"]
    assert [kind for kind, _ in events(ada, group)] == [
        "group.topic_removed",
        "group.avatar_change",
        "group.theme_change",
        "group.like_icon_removed",
        "group.unshared",
    ]


def test_a_directory_by_its_name(ada: Person) -> None:
    group = ada.make_group("Pub", directory="MIT", visibility="searchable")
    told = ada.get(f"/v3/groups/{group}")
    assert (told["visibility"], told["directories"]) == ("searchable", ["MIT"])
    again = ada.post(f"/v3/groups/{group}/update", {"visibility": "searchable"})
    assert (again["directories"], ada.history(group)) == (["MIT"], [])
    assert ada.post(f"/v3/groups/{group}/update", {"directory": ""})["visibility"] == "hidden"
    assert ada.refusal("POST", f"/v3/groups/{group}/update", {"directory": "a\0"})[0] == 400


def test_nulls_of_a_client_change_nothing(ada: Person) -> None:
    """That is how Groupy leaves fields out."""
    group = ada.make_group("Pub", description="Beer", image_url="https://a/b", share=True)
    before = ada.get(f"/v3/groups/{group}")
    names = ("name", "description", "image_url", "office_mode", "share")
    assert ada.post(f"/v3/groups/{group}/update", dict.fromkeys(names)) == before
    assert ada.post(f"/v3/groups/{group}/update") == before


def test_who_may_change_what(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    assert bob.post(f"/v3/groups/{group}/update", {"name": "Ours"})["name"] == "Ours"
    assert bob.refusal("POST", f"/v3/groups/{group}/update", {"group_type": "closed"})[0] == 403
    ada.post(f"/v3/groups/{group}/update", {"group_type": "announcement"})
    assert bob.refusal("POST", f"/v3/groups/{group}/update", {"name": "Mine"})[0] == 403
    assert ada.get(f"/v3/groups/{group}")["name"] == "Ours"


def test_a_new_link_each_time(ada: Person, bob: Person) -> None:
    group = ada.make_group(share=True)
    old = link_of(ada.get(f"/v3/groups/{group}"))[1]
    for share in (False, True):
        ada.post(f"/v3/groups/{group}/update", {"share": share})
    assert bob.refusal("POST", f"/v3/groups/{group}/join/{old}")[0] == 404
    assert old not in ada.fetch("GET", f"/v3/groups/{group}/messages").text


def test_only_the_owner_destroys_it(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    assert bob.refusal("POST", f"/v3/groups/{group}/destroy")[0] == 403
    assert ada.ask("POST", f"/v3/groups/{group}/destroy") == (200, None, {"code": 200})
    for person in (ada, bob):
        assert person.refusal("GET", f"/v3/groups/{group}")[0] == 404
        assert person.get("/v3/groups") == person.get("/v3/memberships/states") == []


# Joining


def test_joining_by_the_link(ada: Person, bob: Person) -> None:
    group, token = link_of(ada.get(f"/v3/groups/{ada.make_group(share=True)}"))
    preview = bob.get(f"/v3/groups/{group}/preview/{token}")
    assert (preview["name"], preview["members_count"], preview["requires_approval"]) == ("Pub", 1, False)
    assert "members" not in preview and preview["share_url"] is None
    answer = bob.ask("POST", f"/v3/groups/{group}/join/{token}")
    assert (answer.status, answer.meta) == (200, {"code": 200})
    assert [member["user_id"] for member in answer.response["group"]["members"]] == [ada.id, bob.id]
    assert events(bob, group) == [("membership.announce.joined", "Bob has joined the group")]
    assert bob.ask("POST", f"/v3/groups/{group}/join/{token}").status == 200
    assert len(events(bob, group)) == 1


def test_joining_by_the_token_in_the_body(ada: Person, bob: Person) -> None:
    group, token = link_of(ada.get(f"/v3/groups/{ada.make_group(share=True)}"))
    join = {"share_token": token, "answer": None}
    first, second = (bob.ask("POST", f"/v3/groups/{group}/join", json=join) for _ in range(2))
    assert (first.status, first.meta, second.status, second.meta) == (201, {"code": 20100}, 200, {"code": 20000})
    assert first.response["group"]["members_count"] == second.response["group"]["members_count"] == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 404),
        ({"share_token": ""}, 404),
        ({"share_token": "\u00e9" * 8}, 404),
        ({"share_token": "x" * 5000}, 404),
        ({"share_token": 7}, 400),
        ({"answer": "Because"}, 400),
        ({"answer": {"response": 7}}, 400),
    ],
    ids=["none", "empty", "letters", "long", "number", "text", "answer"],
)
def test_joining_without_the_token(ada: Person, bob: Person, body: Json, status: int) -> None:
    group = ada.make_group(share=True)
    assert bob.refusal("POST", f"/v3/groups/{group}/join", body)[0] == status
    assert ada.get(f"/v3/groups/{group}")["members_count"] == 1
    unshared = ada.make_group()
    assert bob.refusal("POST", f"/v3/groups/{unshared}/join", body)[0] == status


def test_leaving_and_coming_back(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group(share=True)
    ada.add(group, bob, cleo)
    own = {member["user_id"]: member["id"] for member in ada.get(f"/v3/groups/{group}")["members"]}
    bob.post(f"/v3/groups/{group}/members/{own[bob.id]}/remove")
    ada.say(group, "He is gone")
    (left,) = bob.get("/v3/groups/former")
    assert set(GROUP) <= set(left)
    assert (left["id"], left["members"], left["share_url"], left["messages"]["count"]) == (group, [], None, 0)
    assert "gone" not in str(left)
    assert bob.get("/v3/memberships/states") == [{"group_id": group, "state": "exited"}]
    back = bob.ask("POST", "/v3/groups/join", json={"group_id": group})
    assert (back.status, back.response["id"], back.response["members_count"]) == (200, group, 3)
    assert events(bob, group)[-1] == ("membership.announce.rejoined", "Bob has rejoined the group")
    assert bob.get("/v3/memberships/states") == [{"group_id": group, "state": "active"}]

    ada.post(f"/v3/groups/{group}/members/{own[cleo.id]}/remove")
    assert (cleo.get("/v3/groups/former"), cleo.refusal("POST", "/v3/groups/join", {"group_id": group})[0]) == ([], 404)
    assert cleo.get("/v3/memberships/states") == [{"group_id": group, "state": "removed"}]
    _, token = link_of(ada.get(f"/v3/groups/{group}"))
    assert cleo.refusal("POST", f"/v3/groups/{group}/join/{token}")[0] == 403


@pytest.mark.parametrize("identity", [None, "", "x", 0, 12345, [], True], ids=str)
def test_coming_back_to_nothing(ada: Person, identity: object) -> None:
    assert ada.refusal("POST", "/v3/groups/join", {"group_id": identity})[0] == 404


# Handing over


def test_handing_groups_over(ada: Person, bob: Person, cleo: Person) -> None:
    mine, other, bobs = ada.make_group(), ada.make_group(), bob.make_group()
    ada.add(mine, bob)
    bob.add(bobs, ada, cleo)
    asked: list[Any] = [
        {"group_id": mine, "owner_id": bob.id},
        {"group_id": other, "owner_id": ada.id},
        {"group_id": other, "owner_id": bob.id},
        {"group_id": bobs, "owner_id": cleo.id},
        {"group_id": "12345", "owner_id": bob.id},
        {"group_id": other, "owner_id": "x"},
        {"group_id": other},
        "nonsense",
    ]
    results = ada.post("/v3/groups/change_owners", {"requests": asked})["results"]
    assert [result["status"] for result in results] == ["200", "400", "404", "403", "404", "405", "405", "405"]
    assert (results[0]["group_id"], results[0]["owner_id"]) == (mine, bob.id)
    members = {member["user_id"]: member["roles"] for member in ada.get(f"/v3/groups/{mine}")["members"]}
    assert members == {ada.id: ["admin"], bob.id: ["admin", "owner"]}
    assert ada.get(f"/v3/groups/{mine}")["creator_user_id"] == bob.id
    assert ada.last(mine)["event"]["type"] == "group.owner_changed"
    assert ada.get(f"/v3/groups/{other}")["creator_user_id"] == ada.id


@pytest.mark.parametrize("requests", [None, [], {}, "x", [{}] * 101], ids=["none", "empty", "object", "text", "many"])
def test_handing_over_what_makes_no_sense(ada: Person, requests: object) -> None:
    assert ada.refusal("POST", "/v3/groups/change_owners", {"requests": requests})[0] == 400


# Being told


MEMBERSHIP = (
    *("id", "user_id", "nickname", "avatar_url", "state", "created_at", "muted_until", "has_sound_enabled"),
    *("autokicked", "muted_children"),
)


@pytest.mark.parametrize(
    ("on", "off"),
    [("/v2/{}/mute", "/v2/{}/unmute"), ("/v3/{}/mute_all", "/v3/{}/unmute_all")],
    ids=["channel", "all"],
)
def test_muting(ada: Person, on: str, off: str) -> None:
    group = ada.make_group()
    where = f"groups/{group}/memberships"
    muted = ada.post(on.format(where), {"duration": 60})["membership"]
    assert set(MEMBERSHIP) <= set(muted)
    now = int(ada.place.ask(ada.place.clock).timestamp())
    assert (muted["state"], muted["muted_until"]) == ("muted", now + 3600)
    told = ada.get(f"/v3/groups/{group}")
    assert (told["muted_until"], told["members"][0]["muted"]) == (now + 3600, True)
    assert ada.post(on.format(where), {"duration": "5"})["membership"]["muted_until"] == now + 300
    assert ada.post(on.format(where), {"duration": None})["membership"]["muted_until"] > now + 10**9
    assert ada.post(on.format(where))["membership"]["muted"]
    quiet = ada.post(off.format(where))["membership"]
    assert (quiet["state"], quiet["muted_until"]) == ("active", None)
    assert ada.get(f"/v3/groups/{group}")["muted_until"] is None


@pytest.mark.parametrize("duration", [0, -1, "", "x", 1.5, True, [], {}, 10**9, 10**30, "9" * 30], ids=str)
def test_spans_that_are_none(ada: Person, duration: object) -> None:
    group = ada.make_group()
    assert ada.refusal("POST", f"/v2/groups/{group}/memberships/mute", {"duration": duration})[0] == 400
    assert ada.get(f"/v3/groups/{group}")["muted_until"] is None


# The link in a browser


@pytest.mark.parametrize("approval", [False, True], ids=["at once", "by approval"])
def test_the_link_is_a_page(ada: Person, approval: bool) -> None:
    group = ada.make_group("Pub <b>", share=True, requires_approval=approval)
    path = urlsplit(ada.get(f"/v3/groups/{group}")["share_url"]).path
    page = ada.fetch("GET", path, signed=False)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "<h1>Pub &lt;b&gt;</h1>" in page.text and "Ada" not in page.text
    assert ("asked first" in page.text) is approval
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("path", ["{}/x", "{}/%C3%A9", "0/{}", "x/{}", "12345/{}"])
def test_a_wrong_link_says_nothing(ada: Person, path: str) -> None:
    group, token = link_of(ada.get(f"/v3/groups/{ada.make_group('Secret', share=True)}"))
    wrong = path.format(group if path.startswith("{") else token)
    page = ada.fetch("GET", f"/join_group/{wrong}", signed=False, headers={"Accept": "text/html"})
    assert (page.status_code, "Secret" in page.text, "no longer valid" in page.text) == (404, False, True)


# Approval


def ask_for_approval(ada: Person, **more: Any) -> tuple[str, str]:
    """Make a group that takes approval, and give what its link has."""
    return link_of(ada.get(f"/v3/groups/{ada.make_group(share=True, requires_approval=True, **more)}"))


def test_a_group_says_what_it_asks(ada: Person) -> None:
    group = ada.make_group()
    told = ada.get(f"/v3/groups/{group}")
    assert [told[name] for name in ("requires_approval", "show_join_question", "join_question")] == [False, False, None]
    question = {"type": "join_reason/questions/text", "text": "Do you like beer?"}
    body = {"requires_approval": True, "show_join_question": True, "join_question": question}
    told = ada.post(f"/v3/groups/{group}/update", body)
    assert {name: told[name] for name in body} == body
    assert ada.post(f"/v3/groups/{group}/update", {"join_question": None})["join_question"] == {
        "type": "join_reason/questions/text",
        "text": "Why do you want to join this group?",
    }
    ada.post(f"/v3/groups/{group}/update", {"requires_approval": False})
    assert events(ada, group) == [
        ("group.requires_approval_enabled", "Ada turned on approval of new members"),
        ("group.requires_approval_disabled", "Ada turned off approval of new members"),
    ]


def test_who_asks_waits(ada: Person, bob: Person) -> None:
    group, token = ask_for_approval(ada)
    answer = bob.ask("POST", f"/v3/groups/{group}/join", json={"share_token": token})
    assert (answer.status, answer.meta) == (201, {"code": 20101})
    waited = answer.response["group"]
    assert (waited["id"], waited["name"], waited["members"], waited["share_url"]) == (group, "Pub", [], None)
    assert bob.refusal("GET", f"/v3/groups/{group}")[0] == 404
    assert bob.get("/v3/memberships/states") == [{"group_id": group, "state": "pending"}]
    (sent,) = bob.get("/v3/groups/pending_memberships")["requests_sent"]
    assert set(sent) == {"id", "group_id", "name", "image_url", "state", "updated_at", "user_count"}
    assert (sent["group_id"], sent["state"], sent["user_count"]) == (group, "requested_pending", 1)
    again = bob.ask("POST", f"/v3/groups/{group}/join/{token}")
    assert (again.status, again.meta) == (201, {"code": 20101})
    assert (len(ada.get(f"/v3/groups/{group}/pending_memberships")), events(ada, group)) == (1, [])


def test_a_question_wants_an_answer(ada: Person, bob: Person) -> None:
    question = {"type": "join_reason/questions/text", "text": "Beer?"}
    group, token = ask_for_approval(ada, show_join_question=True, join_question=question)
    assert bob.get(f"/v3/groups/{group}/preview/{token}")["join_question"] == question
    for answer in (None, {}, {"response": "  "}):
        told = bob.ask("POST", f"/v3/groups/{group}/join", json={"share_token": token, "answer": answer})
        assert (told.status, told.meta["code"], len(told.errors)) == (400, 40016, 1)
    long = {"share_token": token, "answer": {"response": "x" * 1001}}
    assert bob.refusal("POST", f"/v3/groups/{group}/join", long)[0] == 400
    assert ada.get(f"/v3/groups/{group}/pending_memberships") == []
    answered = {"share_token": token, "answer": {"response": " Yes! "}}
    assert bob.ask("POST", f"/v3/groups/{group}/join", json=answered).meta == {"code": 20101}
    (waiting,) = ada.get(f"/v3/groups/{group}/pending_memberships")
    assert waiting["reason"]["question"] == question
    assert waiting["reason"]["answer"] == {"type": "join_reason/answers/text", "response": "Yes!"}


def test_who_has_left_needs_no_approval(ada: Person, bob: Person) -> None:
    """So it was measured at GroupMe's."""
    group, token = ask_for_approval(ada)
    ada.add(group, bob)
    own = bob.get(f"/v3/groups/{group}")["members"][1]["id"]
    for path, body in ((f"/v3/groups/{group}/join/{token}", None), ("/v3/groups/join", {"group_id": group})):
        bob.post(f"/v3/groups/{group}/members/{own}/remove")
        bob.post(path, body)
        own = bob.get(f"/v3/groups/{group}")["members"][1]["id"]
    assert events(bob, group)[-1][0] == "membership.announce.rejoined"


ODD: list[Any] = [True, 0, -1, 1.5, 10**30, "", "\u0000", "x" * 3000, [], [None], [[]], {}, {"": {}}, {"text": None}]
JOIN = ("share_token", "answer")
DURATION = ("duration",)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v3/groups", group_module.GroupBody.__struct_fields__),
        ("/v3/groups/{}/update", group_module.GroupBody.__struct_fields__),
        ("/v3/groups/{}/join", JOIN),
        ("/v3/groups/{}/join/x", JOIN),
        ("/v3/groups/{}/memberships/mute_all", DURATION),
        ("/v2/groups/{}/memberships/mute", DURATION),
        ("/v3/groups/change_owners", ("requests",)),
        ("/v3/groups/join", ("group_id",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_json_is_no_fault_of_ours(ada: Person, path: str, names: tuple[str, ...]) -> None:
    path = path.format(ada.make_group(share=True))
    for name in names:
        for value in ODD:
            assert ada.ask("POST", path, json={"name": "a", name: value}).status < 500, (name, value)
