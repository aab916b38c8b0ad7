"""Users: their own profile, finding and blocking others, who is online (1.4, 1.7)."""

import time
from uuid import uuid4

import pytest
from tests.golden.placeholder import a_uuid, anything, unordered
from tests.golden.venueless.world import PATIENCE, PROFILE_FIELDS, USER_KEYS, WORLD_DENIED, Client, Json, World

undisturbed = pytest.mark.world(shared="undisturbed")

NOT_FOUND = {"code": "user.not_found"}


def as_admins_see(client: Client, **fields: Json) -> Json:
    return {**client.user, "moderation_state": "", "token_id": None, **fields}


# Oneself


@undisturbed
def test_an_update_is_told_to_the_other_sockets_of_the_user(world: World) -> None:
    tab, other_tab, stranger = world.guest(client_id="4"), world.guest(client_id="4"), world.guest()
    body = {
        "profile": {"display_name": "Cool", "avatar": {"identicon": "x"}},
        "client_state": {"favs": [3, 4]},
        "pretalx_id": "NOT_ALLOWED",
    }
    assert tab.call(["user.update", 123, body]) == ["success", 123, {}]
    updated: Json = {
        "id": tab.id,
        "profile": {"display_name": "Cool", "avatar": {"identicon": "x"}},
        "client_state": {"favs": [3, 4]},
        "pretalx_id": None,
        "deleted": False,
        "inactive": False,
        "badges": [],
    }
    assert other_tab.receive() == ["user.updated", updated]
    for client in (tab, other_tab, stranger):
        client.silence()
    assert world.guest(client_id="4").hello["user.config"] == updated


def test_a_profile_is_replaced_as_a_whole_and_the_client_state_by_itself(world: World) -> None:
    user = world.guest(client_id="4")
    user.ok("user.update", {"profile": {"display_name": "Cool", "greeted": True}, "client_state": {"favs": [1]}})
    user.ok("user.update", {"profile": {"display_name": "Cooler"}})
    config = world.guest(client_id="4").hello["user.config"]
    assert (config["profile"], config["client_state"]) == ({"display_name": "Cooler"}, {"favs": [1]})
    user.ok("user.update", {"client_state": {"favs": [2]}})
    config = world.guest(client_id="4").hello["user.config"]
    assert (config["profile"], config["client_state"]) == ({"display_name": "Cooler"}, {"favs": [2]})


# Others


@undisturbed
def test_fetching_one_user(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest()
    assert bob.call(["user.fetch", 14, {"id": ada.id}]) == [
        "success",
        14,
        {
            "id": ada.id,
            "profile": {"display_name": "Ada"},
            "pretalx_id": None,
            "deleted": False,
            "inactive": False,
            "badges": [],
        },
    ]
    assert bob.call(["user.fetch", 15, {"id": str(uuid4())}]) == ["error", 15, NOT_FOUND]


@undisturbed
def test_fetching_many_users_leaves_out_the_unknown(world: World) -> None:
    ada, bob, speaker = world.guest("Ada"), world.guest(), world.member(name="Sue", pretalx_id="SUE123")
    ids = [ada.id, str(uuid4()), speaker.id]
    assert bob.ok("user.fetch", {"ids": ids}) == {ada.id: ada.user, speaker.id: speaker.user}
    assert bob.ok("user.fetch", {"ids": []}) == {}
    assert bob.ok("user.fetch", {"ids": [ada.id] * 100}) == {ada.id: ada.user}
    assert bob.ok("user.fetch", {"pretalx_ids": ["SUE123", "NOBODY"]}) == {"SUE123": speaker.user}


@undisturbed
def test_who_manages_users_sees_more(world: World) -> None:
    admin, ada, bob = world.member("admin"), world.guest("Ada"), world.member(uid="ticket-7", name="Bob")
    assert admin.ok("user.fetch", {"id": ada.id}) == as_admins_see(ada)
    assert admin.ok("user.fetch", {"ids": [bob.id]}) == {bob.id: as_admins_see(bob, token_id="ticket-7")}
    assert ada.ok("user.fetch", {"id": bob.id}) == bob.user


def test_listing_all_users(world: World) -> None:
    admin, ada, nameless = world.member("admin", uid="boss"), world.guest("Ada"), world.guest()
    assert ada.call(["user.list", 14, {}]) == ["error", 14, WORLD_DENIED]
    reply = admin.call(["user.list", 15, {}])
    assert reply[:2] == ["success", 15]
    assert reply[2].keys() == {"results"}
    everybody = [as_admins_see(admin, token_id="boss"), as_admins_see(ada), as_admins_see(nameless)]
    assert reply[2]["results"] == unordered(*everybody)


@pytest.mark.world(roles={"lister": ["world:view", "world:users.list"]}, grants={"lister": ["lister"]})
def test_listing_users_without_managing_them_shows_less(world: World) -> None:
    lister, ada = world.member("lister"), world.guest("Ada")
    assert lister.ok("user.list", {})["results"] == unordered(lister.user, ada.user)


def search(client: Client, term: str, page: int = 1, **fields: Json) -> Json:
    return client.ok("user.list.search", {"search_term": term, "page": page, **fields})


def found(user: Client) -> Json:
    return {key: user.user[key] for key in USER_KEYS if key != "deleted"}


@pytest.mark.world(settings={"user_list": {"search_min_chars": 3, "page_size": 2}})
def test_searching_for_users(world: World) -> None:
    seeker = world.guest()
    ada, alan, grace = world.guest("Ada Example"), world.guest("Alan Example"), world.member(name="Grace Hopper")
    assert seeker.call(["user.list.search", 14, {"search_term": "Hopper", "page": 1}]) == [
        "success",
        14,
        {"results": [found(grace)], "isLastPage": True},
    ]
    assert search(seeker, "hopper")["results"] == [found(grace)]
    assert search(seeker, "example") == {"results": unordered(found(ada), found(alan)), "isLastPage": True}
    assert search(seeker, "nobody") == {"results": [], "isLastPage": True}
    assert search(seeker, "") == {"results": [], "isLastPage": True}
    assert search(seeker, "Ho") == {"results": [], "isLastPage": True}


@pytest.mark.world(settings={"user_list": {"search_min_chars": 0, "page_size": 2}})
def test_search_results_come_in_pages_without_the_nameless(world: World) -> None:
    seeker = world.guest()
    users = [world.guest(f"Foo {number}") for number in range(5)]
    pages = [search(seeker, "Foo", page) for page in (1, 2, 3)]
    assert [len(page["results"]) for page in pages] == [2, 2, 1]
    assert [page["isLastPage"] for page in pages] == [False, False, True]
    seen = [user["id"] for page in pages for user in page["results"]]
    assert sorted(seen) == sorted(user.id for user in users)
    assert search(seeker, "Foo", 4) == {"results": [], "isLastPage": True}
    everybody = [user["id"] for number in (1, 2, 3) for user in search(seeker, "", number)["results"]]
    assert sorted(everybody) == sorted(seen)


def test_searching_in_profile_fields(world: World) -> None:
    seeker = world.guest()
    fields = {PROFILE_FIELDS[0]["id"]: "Acme Rockets", PROFILE_FIELDS[1]["id"]: "Dear diary"}
    ada = world.connect().authenticate({"token": world.token(profile={"display_name": "Ada", "fields": fields})})
    assert [user["id"] for user in search(seeker, "rockets")["results"]] == [ada.id]
    assert search(seeker, "diary") == {"results": [], "isLastPage": True}


@undisturbed
def test_blocking_and_unblocking(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    assert ada.call(["user.list.blocked", 1, {}]) == ["success", 1, {"users": []}]
    assert ada.call(["user.block", 2, {"id": bob.id}]) == ["success", 2, {}]
    assert ada.call(["user.list.blocked", 3, {}]) == ["success", 3, {"users": [bob.user]}]
    assert ada.call(["user.block", 4, {"id": bob.id}]) == ["success", 4, {}]
    assert ada.ok("user.list.blocked", {}) == {"users": [bob.user]}
    assert bob.ok("user.list.blocked", {}) == {"users": []}
    bob.silence()
    assert ada.call(["user.unblock", 5, {"id": bob.id}]) == ["success", 5, {}]
    assert ada.ok("user.list.blocked", {}) == {"users": []}


@undisturbed
@pytest.mark.parametrize("verb", ["block", "unblock"])
def test_whom_one_cannot_block(world: World, verb: str) -> None:
    ada = world.guest("Ada")
    assert ada.call([f"user.{verb}", 1, {"id": ada.id}]) == ["error", 1, {"code": f"user.{verb}.self"}]
    assert ada.call([f"user.{verb}", 2, {"id": str(uuid4())}]) == ["error", 2, NOT_FOUND]


def test_who_is_online(world: World) -> None:
    ada, bob, tab = world.guest(), world.guest(client_id="bob"), world.guest(client_id="bob")
    assert ada.ok("user.online_status", {"ids": [bob.id, ada.id]}) == {bob.id: True, ada.id: True}
    bob.close()
    assert ada.ok("user.online_status", {"ids": [bob.id]}) == {bob.id: True}
    tab.close()
    deadline = time.monotonic() + PATIENCE
    while ada.ok("user.online_status", {"ids": [bob.id]}) != {bob.id: False}:
        assert time.monotonic() < deadline, "still online after both sockets closed"


@undisturbed
def test_subscribing_to_web_push(world: World) -> None:
    guest = world.guest()
    point = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM="
    keys = {"auth": "tBHItJI5svbpez7KI4CCXg==", "p256dh": point}
    subscription = {"endpoint": "https://push.example/v1/abc", "expirationTime": None, "keys": keys}
    assert guest.call(["user.web_push.subscribe", 1, {"subscription": subscription}]) == ["success", 1, {}]
    assert guest.call(["user.web_push.subscribe", 2, {"subscription": subscription}]) == ["success", 2, {}]
    assert guest.call(["user.web_push.subscribe", 3, {"subscription": {"keys": keys}}]) == [
        "error",
        3,
        {"code": "invalid_input"},
    ]


@undisturbed
def test_connecting_a_social_network_needs_to_know_which_and_the_way_back(world: World) -> None:
    guest = world.guest()
    assert guest.refused("user.social.connect", {"network": "twitter"})["code"] == "user.social.return_url_required"
    body = {"network": "nowhere", "return_url": "https://app.example/"}
    assert guest.refused("user.social.connect", body)["code"] == "user.social.unknown"


# Administration


def test_an_admin_updates_somebody_else(world: World) -> None:
    admin, ada, bob = world.member("admin"), world.guest("Ada"), world.guest()
    body = {"id": ada.id, "profile": {"display_name": "Ada L."}, "pretalx_id": "ADA123"}
    assert bob.call(["user.admin.update", 1, body]) == ["error", 1, WORLD_DENIED]
    assert admin.call(["user.admin.update", 2, body]) == ["success", 2, {}]
    pushed = ada.expect("user.updated")
    changed = {**ada.user, "profile": {"display_name": "Ada L."}, "pretalx_id": "ADA123"}
    assert {key: pushed[key] for key in USER_KEYS} == changed
    assert bob.ok("user.fetch", {"id": ada.id}) == changed
    bob.silence()


def test_kiosks(world: World) -> None:
    admin, guest = world.member("admin"), world.guest()
    kiosk = a_uuid()
    profile = {"display_name": "Hall 1", "room_id": admin.room("Main Stage")}
    assert guest.call(["user.kiosk.create", 1, {"profile": profile}]) == ["error", 1, WORLD_DENIED]
    assert admin.call(["user.kiosk.create", 2, {"profile": profile}]) == ["success", 2, {"user": kiosk}]
    fetched = admin.ok("user.kiosk.fetch", {"id": kiosk.value})
    assert fetched == {
        "id": kiosk,
        "profile": profile,
        "pretalx_id": None,
        "deleted": False,
        "inactive": True,
        "badges": [],
        "client_state": anything(),
        "moderation_state": "",
        "token_id": anything(),
        "token": anything(),
    }
    assert [user["id"] for user in admin.ok("user.list", {"type": "kiosk"})["results"]] == [kiosk.value]
    assert kiosk.value not in [user["id"] for user in admin.ok("user.list", {})["results"]]
    assert search(guest, "Hall 1") == {"results": [], "isLastPage": True}
    assert guest.call(["user.kiosk.fetch", 3, {"id": kiosk.value}]) == ["error", 3, WORLD_DENIED]
    assert admin.call(["user.kiosk.fetch", 4, {"id": str(uuid4())}]) == ["error", 4, NOT_FOUND]
