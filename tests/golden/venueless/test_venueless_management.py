"""Creating, deleting, configuring and ordering rooms (seed `venueless-rooms`, 1.6)."""

from itertools import pairwise
from uuid import uuid4

import pytest
from tests.golden.placeholder import a_number, a_uuid, anything, unordered
from tests.golden.venueless.world import (
    CALL,
    GUEST_ROOM_PERMISSIONS,
    OPEN,
    PAGE,
    ROLES,
    ROOM_DENIED,
    STREAM,
    WORLD_DENIED,
    Client,
    Json,
    World,
    chat,
    gather,
    room,
)

undisturbed = pytest.mark.world(shared="undisturbed")

INVALID = {"code": "config.invalid"}


def wanted(name: str, *modules: Json, **fields: Json) -> Json:
    return {"name": name, "description": f"About {name}", "modules": list(modules), **fields}


def names(configs: list[Json]) -> list[str]:
    return [config["name"] for config in configs]


def config_of(admin: Client, room_id: str) -> Json:
    return admin.ok("room.config.get", {"room": room_id})


# Creating


def test_creating_a_chat_room(world: World) -> None:
    creator, guest = world.member("creator"), world.guest()
    new, channel = a_uuid(), a_uuid()
    body = wanted("Quiet corner", {"type": "chat.native", "config": {"volatile": True, "other": "x"}})
    assert creator.call(["room.create", 123, body]) == ["success", 123, {"room": new, "channel": channel}]
    pushed = {
        "id": new,
        "name": "Quiet corner",
        "description": "About Quiet corner",
        "picture": None,
        "import_id": None,
        "pretalx_id": anything(),
        "force_join": False,
        "modules": [{"type": "chat.native", "config": {"volatile": True}, "channel_id": channel}],
        "schedule_data": None,
    }
    owners = sorted({*GUEST_ROOM_PERMISSIONS, "room:invite", "room:delete"})
    assert creator.receive() == ["room.create", {**pushed, "permissions": unordered(*owners)}]
    assert guest.receive() == ["room.create", {**pushed, "permissions": unordered(*GUEST_ROOM_PERMISSIONS)}]
    creator.silence()
    guest.silence()
    assert world.guest().rooms[-1]["name"] == "Quiet corner"
    assert world.guest().room_object("Quiet corner")["users"] == "none"


def test_a_new_chat_room_can_be_used_at_once(world: World) -> None:
    creator, guest = world.member("creator"), world.guest("Gus")
    made = creator.ok("room.create", wanted("Quiet corner", chat(volatile=False)))
    assert guest.expect("room.create")["modules"] == [{**chat(volatile=False), "channel_id": made["channel"]}]
    gather(made["channel"], guest)
    guest.say(made["channel"], "First!")


def test_a_chat_room_needs_no_settings(world: World) -> None:
    creator = world.member("creator")
    made = creator.ok("room.create", wanted("Quiet corner", {"type": "chat.native"}))
    module = creator.expect("room.create")["modules"][0]
    assert module in [{**chat(volatile=volatile), "channel_id": made["channel"]} for volatile in (True, False)]


def test_a_private_room_is_shown_to_its_creator_only(world: World) -> None:
    creator, guest = world.member("creator"), world.guest()
    made = creator.ok("room.create", wanted("Secret", chat(volatile=False), permission_preset="private"))
    assert creator.expect("room.create")["name"] == "Secret"
    guest.silence()
    assert guest.call(["room.enter", 1, {"room": made["room"]}]) == ["error", 1, ROOM_DENIED]
    assert config_of(world.member("admin"), made["room"])["trait_grants"] == {}
    assert "Secret" not in names(world.guest().rooms)


def test_a_public_room_is_open_to_everybody(world: World) -> None:
    admin = world.member("admin")
    made = admin.ok("room.create", wanted("Open", chat(volatile=False), permission_preset="public"))
    assert admin.expect("room.create")["id"] == made["room"]
    assert config_of(admin, made["room"])["trait_grants"] == OPEN


def test_the_creator_owns_the_room_and_may_delete_it(world: World) -> None:
    creator, guest = world.member("creator"), world.guest()
    made = creator.ok("room.create", wanted("Mine", chat(volatile=False)))
    for client in (creator, guest):
        assert client.expect("room.create")["id"] == made["room"]
    assert guest.call(["room.delete", 1, {"room": made["room"]}]) == ["error", 1, ROOM_DENIED]
    assert creator.call(["room.delete", 2, {"room": made["room"]}]) == ["success", 2, {}]
    for client in (creator, guest):
        assert client.receive() == ["room.delete", {"id": made["room"]}]


def test_creating_a_stage_keeps_the_stream_address_only(world: World) -> None:
    admin = world.member("admin")
    stream = {"type": "livestream.native", "config": {"hls_url": "https://cdn.example/2.m3u8", "other": 1}}
    made = admin.ok("room.create", wanted("Second stage", stream))
    assert made == {"room": a_uuid(), "channel": None}
    modules = [{"type": "livestream.native", "config": {"hls_url": "https://cdn.example/2.m3u8"}}]
    assert admin.expect("room.create")["modules"] == modules
    assert config_of(admin, made["room"])["module_config"] == modules


def test_creating_a_call_takes_the_defaults_of_the_world(world: World) -> None:
    admin = world.member("admin")
    made = admin.ok("room.create", wanted("Call", CALL))
    assert made == {"room": a_uuid(), "channel": None}
    assert admin.expect("room.create")["modules"] == [{"type": "call.bigbluebutton", "config": {}}]
    defaults = [{"type": "call.bigbluebutton", "config": {"record": False}}]
    assert config_of(admin, made["room"])["module_config"] == defaults


def test_creating_an_empty_room_is_for_those_who_may_update_rooms(world: World) -> None:
    creator, admin = world.member("creator"), world.member("admin")
    assert creator.refused("room.create", wanted("Empty"))["code"] == "room.invalid.denied"
    made = admin.ok("room.create", wanted("Empty"))
    assert made == {"room": a_uuid(), "channel": None}
    assert admin.expect("room.create")["modules"] == []


@undisturbed
@pytest.mark.parametrize("module", [CALL, STREAM])
def test_each_kind_of_room_has_its_own_permission(world: World, module: Json) -> None:
    creator = world.member("creator")
    assert creator.refused("room.create", wanted("Not allowed", module))["code"] == "room.invalid.denied"
    assert "Not allowed" not in names(world.member("admin").rooms)


@undisturbed
def test_who_may_create_nothing_at_all(world: World) -> None:
    guest, admin = world.guest(), world.member("admin")
    command = ["room.create", 1, wanted("Not allowed", chat(volatile=False))]
    assert guest.call(command) == ["error", 1, WORLD_DENIED]
    admin.silence()


@undisturbed
@pytest.mark.parametrize("modules", [[{"type": "weird.module"}], [PAGE], [{"type": "weird.module"}, PAGE]])
def test_unknown_kinds_of_rooms(world: World, modules: list[Json]) -> None:
    admin = world.member("admin")
    assert admin.refused("room.create", wanted("Weird", *modules))["code"] == "room.invalid.invalid"


@undisturbed
@pytest.mark.parametrize("name", ["Lounge", "LOUNGE", "lounge", "Backstage"])
def test_a_name_that_is_taken(world: World, name: str) -> None:
    creator, guest = world.member("creator"), world.guest()
    assert creator.refused("room.create", wanted(name, chat(volatile=False)))["code"] == "room.invalid.name_taken"
    guest.silence()


def test_the_name_of_a_deleted_room_is_free(world: World) -> None:
    admin = world.member("admin")
    admin.ok("room.delete", {"room": admin.room("Lounge")})
    admin.expect("room.delete")
    admin.ok("room.create", wanted("Lounge", chat(volatile=False)))
    assert admin.expect("room.create")["name"] == "Lounge"


def test_a_new_room_is_the_last(world: World) -> None:
    admin = world.member("admin")
    highest = max(config["sorting_priority"] for config in admin.ok("room.config.list", {}))
    made = admin.ok("room.create", wanted("Aardvarks", chat(volatile=False)))
    admin.expect("room.create")
    assert config_of(admin, made["room"])["sorting_priority"] == highest + 1
    assert names(admin.ok("room.config.list", {}))[-1] == "Aardvarks"


# Deleting


def test_deleting_a_room_is_told_to_everybody(world: World) -> None:
    """Even to those who could not see it; only a socket without a login hears nothing."""
    admin, guest, stranger = world.member("admin"), world.guest(), world.connect()
    backstage = world.member("crew").room("Backstage")
    assert admin.call(["room.delete", 123, {"room": backstage}]) == ["success", 123, {}]
    for client in (admin, guest):
        assert client.receive() == ["room.delete", {"id": backstage}]
    stranger.silence()
    assert "Backstage" not in names(world.member("crew").rooms)
    assert "Backstage" not in names(admin.ok("room.config.list", {}))


@undisturbed
def test_a_guest_may_not_delete(world: World) -> None:
    guest, other = world.guest(), world.guest()
    assert guest.call(["room.delete", 1, {"room": guest.room("Lounge")}]) == ["error", 1, ROOM_DENIED]
    other.silence()


def test_the_chat_of_a_deleted_room_is_gone(world: World) -> None:
    admin, ada = world.member("admin"), world.guest("Ada")
    lounge = ada.channel("Lounge")
    ada.ok("chat.join", {"channel": lounge})
    ada.expect("chat.event")
    admin.ok("room.delete", {"room": admin.room("Lounge")})
    ada.expect("room.delete")
    message = {"channel": lounge, "event_type": "channel.message", "content": {"type": "text", "body": "Hello?"}}
    assert ada.refused("chat.send", message)["code"] == "room.unknown"
    assert ada.refused("chat.fetch", {"channel": lounge, "count": 10, "before_id": 100})["code"] == "room.unknown"


# Reading and changing the configuration


@undisturbed
def test_reading_the_configuration_of_a_room(world: World) -> None:
    admin = world.member("admin")
    stage = admin.room("Main Stage")
    assert admin.call(["room.config.get", 123, {"room": stage}]) == [
        "success",
        123,
        {
            "id": stage,
            "trait_grants": {"viewer": [], "participant": []},
            "module_config": [STREAM, chat(volatile=True)],
            "picture": None,
            "name": "Main Stage",
            "description": "About Main Stage",
            "sorting_priority": a_number(),
            "pretalx_id": 130,
            "force_join": False,
            "schedule_data": None,
        },
    ]


@undisturbed
def test_reading_all_configurations(world: World) -> None:
    admin = world.member("admin")
    configs = admin.ok("room.config.list", {})
    assert names(configs) == ["About", "Main Stage", "Workshop", "Lounge", "Backstage"]
    priorities = [config["sorting_priority"] for config in configs]
    assert all(earlier < later for earlier, later in pairwise(priorities))
    assert configs[1] == config_of(admin, admin.room("Main Stage"))
    assert configs[2]["module_config"] == [CALL]
    assert configs[4]["trait_grants"] == {"participant": ["crew"], "moderator": ["crew"]}


@undisturbed
def test_guests_may_not_read_or_change_configurations(world: World) -> None:
    guest, other = world.guest(), world.guest()
    lounge = guest.room("Lounge")
    assert guest.call(["room.config.get", 1, {"room": lounge}]) == ["error", 1, ROOM_DENIED]
    assert guest.call(["room.config.patch", 2, {"room": lounge, "name": "Mine"}]) == ["error", 2, ROOM_DENIED]
    assert guest.call(["room.config.list", 3, {}]) == ["error", 3, WORLD_DENIED]
    assert guest.call(["room.config.reorder", 4, [lounge]]) == ["error", 4, WORLD_DENIED]
    other.silence()


def test_changing_a_room_shows_everybody_the_world_as_they_may_see_it(world: World) -> None:
    admin, guest, stranger = world.member("admin"), world.guest(), world.connect()
    lounge = admin.room("Lounge")
    before = config_of(admin, lounge)
    after = {**before, "name": "Library", "description": "Books"}
    assert admin.call(["room.config.patch", 123, {"room": lounge, "name": "Library", "description": "Books"}]) == [
        "success",
        123,
        after,
    ]
    assert config_of_updated(guest, "Library")["description"] == "Books"
    guest_world = {**guest.hello["world.config"], "rooms": anything()}
    admin_world = {**admin.hello["world.config"], "rooms": anything()}
    assert admin.receive() == ["world.updated", {**admin_world, "permissions": unordered(*admin.permissions)}]
    stranger.silence()
    assert config_of(admin, lounge) == after
    again = world.guest()
    assert again.hello["world.config"] == {**guest_world, "rooms": again.rooms}
    assert names(again.rooms) == ["About", "Main Stage", "Workshop", "Library"]


def config_of_updated(client: Client, name: str) -> Json:
    """Return a room as the next `world.updated` shows it; the push has the form of `world.config`."""
    update = client.expect("world.updated")
    assert update.keys() == {"world", "permissions", "rooms"}
    assert update["world"].keys() == client.hello["world.config"]["world"].keys()
    assert all(shown.keys() == client.rooms[0].keys() for shown in update["rooms"])
    return next(shown for shown in update["rooms"] if shown["name"] == name)


def test_the_update_is_filtered_for_each_user(world: World) -> None:
    admin, guest, crew = world.member("admin"), world.guest(), world.member("crew")
    lounge = admin.room("Lounge")
    admin.ok("room.config.patch", {"room": lounge, "trait_grants": {"participant": ["crew"]}})
    assert names(guest.expect("world.updated")["rooms"]) == ["About", "Main Stage", "Workshop"]
    expected = ["About", "Main Stage", "Workshop", "Lounge", "Backstage"]
    assert names(crew.expect("world.updated")["rooms"]) == expected
    assert names(admin.expect("world.updated")["rooms"]) == expected
    assert guest.refused("room.enter", {"room": lounge}) == ROOM_DENIED


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Changed"},
        {"picture": "https://cdn.example/picture.png"},
        {"trait_grants": {"viewer": [["a", "b"], "c"]}},
        {"sorting_priority": 77},
        {"force_join": True},
        {"pretalx_id": 4711},
        {"schedule_data": {"title": "Later"}},
        {"module_config": [PAGE]},
    ],
)
def test_each_field_can_be_changed(world: World, change: Json) -> None:
    admin = world.member("admin")
    about = admin.room("About")
    after = {**config_of(admin, about), **change}
    assert admin.ok("room.config.patch", {"room": about, **change}) == after
    admin.expect("world.updated")
    assert config_of(admin, about) == after


def test_the_id_of_a_room_cannot_be_changed(world: World) -> None:
    admin = world.member("admin")
    lounge = admin.room("Lounge")
    assert admin.ok("room.config.patch", {"room": lounge, "id": str(uuid4()), "name": "Library"})["id"] == lounge
    admin.expect("world.updated")
    assert config_of(admin, lounge)["name"] == "Library"


@undisturbed
@pytest.mark.parametrize(
    "change",
    [{"name": None}, {"sorting_priority": "first"}, {"trait_grants": "everybody"}, {"module_config": "chat.native"}],
)
def test_an_invalid_change_changes_nothing(world: World, change: Json) -> None:
    admin, guest = world.member("admin"), world.guest()
    lounge = admin.room("Lounge")
    before = config_of(admin, lounge)
    body = {"room": lounge, "description": "Half of it", **change}
    assert admin.call(["room.config.patch", 1, body]) == ["error", 1, INVALID]
    assert config_of(admin, lounge) == before
    guest.silence()


def test_a_room_gets_its_channel_with_its_chat(world: World) -> None:
    admin, guest = world.member("admin"), world.guest("Gus")
    about = admin.room("About")
    admin.ok("room.config.patch", {"room": about, "module_config": [PAGE, chat(volatile=False)]})
    modules = config_of_updated(guest, "About")["modules"]
    assert modules == [PAGE, {**chat(volatile=False), "channel_id": a_uuid()}]
    assert guest.ok("chat.join", {"channel": modules[1]["channel_id"]})["members"] == []


# Order


def test_reordering_rooms(world: World) -> None:
    admin, guest = world.member("admin"), world.guest()
    ids = {config["name"]: config["id"] for config in admin.ok("room.config.list", {})}
    command = ["room.config.reorder", 123, [ids["Lounge"], ids["About"], ids["Main Stage"]]]
    reply = admin.call(command)
    assert reply[:2] == ["success", 123]
    expected = ["Lounge", "About", "Main Stage", "Workshop", "Backstage"]
    assert names(reply[2]) == expected
    assert [config["sorting_priority"] for config in reply[2]] == [1, 2, 3, 4, 5]
    assert names(admin.expect("world.updated")["rooms"]) == expected
    assert names(guest.expect("world.updated")["rooms"]) == expected[:-1]
    assert admin.ok("room.config.list", {}) == reply[2]
    assert names(world.guest().rooms) == expected[:-1]


def test_rooms_not_listed_keep_their_order_behind_the_listed_ones(world: World) -> None:
    admin = world.member("admin")
    backstage = admin.room("Backstage")
    reordered = admin.ok("room.config.reorder", [backstage])
    assert names(reordered) == ["Backstage", "About", "Main Stage", "Workshop", "Lounge"]
    admin.expect("world.updated")
    reordered = admin.ok("room.config.reorder", [])
    assert names(reordered) == ["Backstage", "About", "Main Stage", "Workshop", "Lounge"]


@pytest.mark.world(roles={"owner": [*ROLES["participant"], "room:update"]}, rooms=[room("a", "A"), room("b", "B")])
def test_updating_one_room_does_not_let_one_reorder_them_all(world: World) -> None:
    admin, other = world.member("admin"), world.guest()
    grants = {**OPEN, "owner": ["owner"]}
    admin.ok("room.config.patch", {"room": admin.room("A"), "trait_grants": grants})
    owner = world.member("owner")
    assert config_of(owner, owner.room("A"))["name"] == "A"
    assert owner.refused("room.config.get", {"room": owner.room("B")}) == ROOM_DENIED
    assert owner.refused("room.config.list", {}) == WORLD_DENIED
    assert owner.refused("room.config.reorder", [owner.room("B"), owner.room("A")]) == WORLD_DENIED
    assert names(other.expect("world.updated")["rooms"]) == ["A", "B"]
    other.silence()
