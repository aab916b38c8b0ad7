"""The command line beside a running server: what it changes holds for the next command of whoever is connected."""

from copy import deepcopy

from tests.golden.venueless.world import (
    OPEN,
    ROOM_DENIED,
    WORLD_DENIED,
    Client,
    World,
    configuration,
    import_worlds,
    is_open,
    room,
)
from websockets.exceptions import ConnectionClosed


def test_a_role_granted_on_the_world(world: World) -> None:
    guest, other = world.guest(client_id="lucky"), world.guest()
    assert guest.refused("room.config.list", {}) == WORLD_DENIED
    world.grant("lucky", "admin")
    guest.drain()
    assert len(guest.ok("room.config.list", {})) == 5
    other.drain()
    assert other.refused("room.config.list", {}) == WORLD_DENIED


def test_a_role_granted_on_a_room(world: World) -> None:
    member, other = world.member(uid="lucky"), world.member()
    stage, lounge = member.room("Main Stage"), member.room("Lounge")
    body = {"schedule_data": {"title": "Mine"}}
    assert member.refused("room.schedule", {**body, "room": stage}) == ROOM_DENIED
    world.grant("lucky", "moderator", "stage")
    member.drain()
    assert member.ok("room.schedule", {**body, "room": stage}) == {}
    assert member.refused("room.schedule", {**body, "room": lounge}) == ROOM_DENIED
    other.drain()
    assert other.refused("room.schedule", {**body, "room": stage}) == ROOM_DENIED
    assert world.guest().room_object("Main Stage")["schedule_data"] == {"title": "Mine"}


def may_configure(client: Client) -> bool:
    """Tell whether the client can still read the configuration; a socket that was ended cannot."""
    try:
        client.drain()
        return bool(client.call(["world.config.get", 1, {}])[0] == "success")
    except ConnectionClosed:
        return False


def test_a_replaced_world(world: World) -> None:
    """Old rights end at once, rooms with the same id keep their addresses, new logins see the new world."""
    admin, guest = world.member("admin"), world.guest()
    about = guest.room("About")
    assert may_configure(admin)
    changed = deepcopy(world.config)
    changed["world"]["title"] = "Replaced"
    changed["trait_grants"]["admin"] = ["director"]
    changed["rooms"].append(room("annex", "Annex", trait_grants=OPEN))
    import_worlds(world.server, changed)
    assert not may_configure(admin)
    assert not may_configure(world.member("admin"))
    director = world.member("director")
    assert director.ok("world.config.get", {})["title"] == "Replaced"
    assert director.hello["world.config"]["world"]["title"] == "Replaced"
    assert director.room("About") == about
    assert director.rooms[-1]["name"] == "Annex"


def test_imported_worlds_are_open_when_the_command_has_ended(world: World) -> None:
    imported = [configuration(f"{world.id}n{number}") for number in range(50)]
    import_worlds(world.server, *imported)
    closed = [new["world"]["id"] for new in imported if not is_open(world.server, new["world"]["id"])]
    assert closed == []
