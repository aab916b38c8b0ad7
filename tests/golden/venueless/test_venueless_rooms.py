"""Entering, leaving and watching rooms; their schedule (seed `venueless-rooms`, 1.6)."""

from uuid import uuid4

import pytest
from tests.golden.placeholder import unordered
from tests.golden.venueless.world import ROOM_DENIED, UNKNOWN_ROOM, Client, Json, World, chat, room

undisturbed = pytest.mark.world(shared="undisturbed")

ROOM_COMMANDS = [
    ("room.enter", {}),
    ("room.leave", {}),
    ("room.react", {"reaction": "👏"}),
    ("room.delete", {}),
    ("room.config.get", {}),
    ("room.config.patch", {"name": "Other"}),
    ("room.schedule", {"schedule_data": {"session": 1}}),
    ("room.invite.anonymous.link", {}),
]


def count_change(room_id: str, users: str) -> Json:
    return ["world.user_count_change", {"room": room_id, "users": users}]


def enter_first(client: Client, room_id: str, *others: Client) -> None:
    """Enter an empty room; it becomes a room with few users, which the client and the others hear."""
    client.ok("room.enter", {"room": room_id})
    for hearer in (client, *others):
        assert hearer.receive() == count_change(room_id, "few")


# Finding a room


@undisturbed
@pytest.mark.parametrize(("command", "body"), ROOM_COMMANDS)
def test_a_room_that_does_not_exist(world: World, command: str, body: Json) -> None:
    admin = world.member("admin")
    for missing in ({"room": str(uuid4())}, {"room": "room_1"}, {"room": ""}, {}, {"channel": str(uuid4())}):
        assert admin.call([command, 123, {**body, **missing}]) == ["error", 123, UNKNOWN_ROOM]
    admin.silence()


@pytest.mark.parametrize(("command", "body"), ROOM_COMMANDS)
def test_a_room_that_was_deleted(world: World, command: str, body: Json) -> None:
    admin = world.member("admin")
    lounge = admin.room("Lounge")
    assert admin.call(["room.delete", 1, {"room": lounge}]) == ["success", 1, {}]
    assert admin.receive() == ["room.delete", {"id": lounge}]
    assert admin.call([command, 123, {**body, "room": lounge}]) == ["error", 123, UNKNOWN_ROOM]


@undisturbed
@pytest.mark.parametrize(("command", "body"), [row for row in ROOM_COMMANDS if row[0] != "room.leave"])
def test_a_room_that_one_may_not_see_or_change(world: World, command: str, body: Json) -> None:
    guest, backstage = world.guest(), world.member("crew").room("Backstage")
    assert guest.call([command, 123, {**body, "room": backstage}]) == ["error", 123, ROOM_DENIED]
    guest.silence()


@undisturbed
def test_leaving_needs_no_permission_and_no_entering(world: World) -> None:
    guest, backstage = world.guest(), world.member("crew").room("Backstage")
    assert guest.call(["room.leave", 123, {"room": backstage}]) == ["success", 123, {}]
    assert guest.call(["room.leave", 124, {"room": guest.room("Lounge")}]) == ["success", 124, {}]
    guest.silence()


def test_a_room_may_be_named_by_its_channel(world: World) -> None:
    guest = world.guest()
    stage, channel = guest.room("Main Stage"), guest.channel("Main Stage")
    assert guest.call(["room.enter", 1, {"channel": channel}]) == ["success", 1, {}]
    assert guest.receive() == count_change(stage, "few")
    assert guest.call(["room.leave", 2, {"channel": channel}]) == ["success", 2, {}]
    assert guest.receive() == count_change(stage, "none")


# Entering and leaving


def test_entering_and_leaving(world: World) -> None:
    ada, bob = world.guest(), world.guest()
    stage = ada.room("Main Stage")
    assert ada.call(["room.enter", 123, {"room": stage}]) == ["success", 123, {}]
    assert ada.receive() == count_change(stage, "few")
    assert bob.receive() == count_change(stage, "few")
    assert bob.call(["room.enter", 124, {"room": stage}]) == ["success", 124, {}]
    assert bob.call(["room.leave", 125, {"room": stage}]) == ["success", 125, {}]
    ada.silence()
    assert ada.call(["room.leave", 126, {"room": stage}]) == ["success", 126, {}]
    assert ada.receive() == count_change(stage, "none")
    assert bob.receive() == count_change(stage, "none")
    ada.silence()
    bob.silence()


def test_entering_twice_on_one_socket_is_one_visit(world: World) -> None:
    guest = world.guest()
    stage = guest.room("Main Stage")
    enter_first(guest, stage)
    assert guest.call(["room.enter", 124, {"room": stage}]) == ["success", 124, {}]
    guest.silence()
    assert guest.call(["room.leave", 125, {"room": stage}]) == ["success", 125, {}]
    assert guest.receive() == count_change(stage, "none")


def test_a_socket_that_goes_has_left_its_rooms(world: World) -> None:
    guest, watcher = world.guest(), world.guest()
    stage, lounge = guest.room("Main Stage"), guest.room("Lounge")
    enter_first(guest, stage, watcher)
    enter_first(guest, lounge, watcher)
    guest.close()
    gone = [watcher.receive(), watcher.receive()]
    assert gone == unordered(count_change(stage, "none"), count_change(lounge, "none"))
    watcher.silence()


def test_user_counts_are_none_few_up_to_ten_and_many(world: World) -> None:
    crowd = [world.guest() for _ in range(11)]
    watcher = world.guest()
    stage = watcher.room("Main Stage")
    everyone = [*crowd, watcher]
    enter_first(crowd[0], stage, *everyone[1:])
    for visitor in crowd[1:10]:
        visitor.ok("room.enter", {"room": stage})
    watcher.silence()
    assert world.guest().room_object("Main Stage")["users"] == "few"
    crowd[10].ok("room.enter", {"room": stage})
    for client in everyone:
        assert client.receive() == count_change(stage, "many")
    assert world.guest().room_object("Main Stage")["users"] == "many"
    crowd[0].ok("room.leave", {"room": stage})
    for client in everyone:
        assert client.receive() == count_change(stage, "few")
    watcher.silence()


def test_the_tabs_of_one_user_are_one_visitor(world: World) -> None:
    watcher = world.guest()
    stage = watcher.room("Main Stage")
    tabs = [world.guest(client_id="tabs") for _ in range(11)]
    enter_first(tabs[0], stage, *tabs[1:], watcher)
    for tab in tabs[1:]:
        assert tab.call(["room.enter", 1, {"room": stage}]) == ["success", 1, {}]
    watcher.silence()
    for tab in tabs[:-1]:
        assert tab.call(["room.leave", 2, {"room": stage}]) == ["success", 2, {}]
    watcher.silence()
    assert tabs[-1].call(["room.leave", 3, {"room": stage}]) == ["success", 3, {}]
    assert watcher.receive() == count_change(stage, "none")


def test_user_counts_are_for_those_who_see_the_room(world: World) -> None:
    crew, other_crew = world.member("crew"), world.member("crew")
    guest, nobody = world.guest(), world.connect()
    backstage = crew.room("Backstage")
    viewers = crew.ok("room.enter", {"room": backstage})["viewers"]
    assert viewers == [crew.user]
    assert crew.receive() == count_change(backstage, "few")
    assert other_crew.receive() == count_change(backstage, "few")
    guest.silence()
    nobody.silence()


# Viewers


def test_moderators_see_who_comes_and_goes(world: World) -> None:
    moderator, ada, bob = world.member("moderator", name="Mo"), world.guest("Ada"), world.guest()
    stage = moderator.room("Main Stage")
    assert moderator.call(["room.enter", 1, {"room": stage}]) == ["success", 1, {"viewers": [moderator.user]}]
    for client in (moderator, ada, bob):
        assert client.receive() == count_change(stage, "few")
    assert ada.call(["room.enter", 2, {"room": stage}]) == ["success", 2, {}]
    assert moderator.receive() == ["room.viewer.added", {"user": ada.user}]
    assert bob.call(["room.enter", 3, {"room": stage}]) == ["success", 3, {}]
    assert moderator.receive() == ["room.viewer.added", {"user": bob.user}]
    assert ada.call(["room.leave", 4, {"room": stage}]) == ["success", 4, {}]
    assert moderator.receive() == ["room.viewer.removed", {"user_id": ada.id}]
    bob.close()
    assert moderator.receive() == ["room.viewer.removed", {"user_id": bob.id}]
    for client in (moderator, ada):
        client.silence()


def test_a_moderator_who_comes_later_gets_everyone_once(world: World) -> None:
    moderator, ada, tab = world.member("moderator", name="Mo"), world.guest("Ada", "ada"), world.guest(client_id="ada")
    stage = moderator.room("Main Stage")
    enter_first(ada, stage, moderator, tab)
    tab.ok("room.enter", {"room": stage})
    viewers = moderator.ok("room.enter", {"room": stage})["viewers"]
    assert viewers == unordered(ada.user, moderator.user)
    moderator.silence()
    again = moderator.ok("room.enter", {"room": stage})["viewers"]
    assert again == unordered(ada.user, moderator.user)
    assert moderator.drain() in ([], [["room.viewer.added", {"user": moderator.user}]])


def test_a_moderator_outside_the_room_hears_nothing_of_it(world: World) -> None:
    moderator, outside = world.member("moderator"), world.member("moderator")
    guest = world.guest()
    stage = guest.room("Main Stage")
    enter_first(moderator, stage, outside, guest)
    guest.ok("room.enter", {"room": stage})
    assert moderator.receive() == ["room.viewer.added", {"user": guest.user}]
    outside.silence()
    moderator.ok("room.leave", {"room": stage})
    guest.ok("room.leave", {"room": stage})
    for client in (moderator, outside, guest):
        assert client.receive() == count_change(stage, "none")
        client.silence()


@pytest.mark.parametrize("oldest_first", [True, False])
@pytest.mark.parametrize("by_disconnecting", [True, False])
def test_a_viewer_is_removed_with_the_last_tab(world: World, oldest_first: bool, by_disconnecting: bool) -> None:
    moderator = world.member("moderator", name="Mo")
    tabs = [world.guest(client_id="tabs") for _ in range(3)]
    stage = moderator.room("Main Stage")
    enter_first(moderator, stage, *tabs)
    for tab in tabs:
        assert tab.call(["room.enter", 1, {"room": stage}]) == ["success", 1, {}]
        assert moderator.receive() == ["room.viewer.added", {"user": tabs[0].user}]
    leaving = tabs if oldest_first else tabs[::-1]
    for tab in leaving[:-1]:
        if by_disconnecting:
            tab.close()
        else:
            tab.ok("room.leave", {"room": stage})
        moderator.silence()
    leaving[-1].ok("room.leave", {"room": stage})
    assert moderator.receive() == ["room.viewer.removed", {"user_id": tabs[0].id}]
    moderator.silence()


def test_a_viewer_who_leaves_twice_is_removed_once(world: World) -> None:
    moderator, guest = world.member("moderator"), world.guest()
    stage = moderator.room("Main Stage")
    enter_first(moderator, stage, guest)
    guest.ok("room.enter", {"room": stage})
    assert moderator.expect("room.viewer.added") == {"user": guest.user}
    guest.ok("room.leave", {"room": stage})
    guest.ok("room.leave", {"room": stage})
    assert moderator.expect("room.viewer.removed") == {"user_id": guest.id}
    moderator.silence()


# Schedule


def test_the_schedule_is_told_to_everybody_in_the_room(world: World) -> None:
    moderator, inside, outside = world.member("moderator"), world.guest(), world.guest()
    stage = moderator.room("Main Stage")
    enter_first(moderator, stage, inside, outside)
    inside.ok("room.enter", {"room": stage})
    assert moderator.expect("room.viewer.added") == {"user": inside.user}
    command = ["room.schedule", 123, {"room": stage, "schedule_data": {"session": 1, "title": "Opening"}}]
    assert moderator.call(command) == ["success", 123, {}]
    for client in (moderator, inside):
        assert client.receive() == [
            "room.schedule",
            {"room": stage, "schedule_data": {"session": 1, "title": "Opening"}},
        ]
        client.silence()
    outside.silence()
    assert world.guest().room_object("Main Stage")["schedule_data"] == {"session": 1, "title": "Opening"}


def test_a_moderator_need_not_be_in_the_room_to_schedule_it(world: World) -> None:
    moderator, inside = world.member("moderator"), world.guest()
    stage = moderator.room("Main Stage")
    enter_first(inside, stage, moderator)
    moderator.ok("room.schedule", {"room": stage, "schedule_data": {"computeSession": True}})
    assert inside.expect("room.schedule") == {"room": stage, "schedule_data": {"computeSession": True}}
    moderator.silence()


@pytest.mark.parametrize("cleared", [{"schedule_data": {}}, {"schedule_data": None}, {}])
def test_the_schedule_can_be_cleared(world: World, cleared: Json) -> None:
    moderator, inside = world.member("moderator"), world.guest()
    stage = moderator.room("Main Stage")
    moderator.ok("room.schedule", {"room": stage, "schedule_data": {"session": 1}})
    enter_first(inside, stage, moderator)
    assert moderator.call(["room.schedule", 1, {"room": stage, **cleared}]) == ["success", 1, {}]
    assert inside.receive() == ["room.schedule", {"room": stage, "schedule_data": None}]
    assert world.guest().room_object("Main Stage")["schedule_data"] is None


@undisturbed
def test_unknown_schedule_data(world: World) -> None:
    moderator = world.member("moderator")
    stage = moderator.room("Main Stage")
    body = {"room": stage, "schedule_data": {"session": 1, "speaker": "Ada"}}
    assert moderator.call(["room.schedule", 1, body]) == [
        "error",
        1,
        {"code": "room.unknown_schedule_data", "message": "Unknown schedule data"},
    ]
    assert world.guest().room_object("Main Stage")["schedule_data"] is None


def test_a_guest_may_not_schedule(world: World) -> None:
    guest, other = world.guest(), world.guest()
    stage = guest.room("Main Stage")
    enter_first(other, stage, guest)
    body = {"room": stage, "schedule_data": {"session": 1}}
    assert guest.call(["room.schedule", 1, body]) == ["error", 1, ROOM_DENIED]
    other.silence()


@pytest.mark.world(rooms=[room("lounge", "Lounge", chat(volatile=False))])
def test_the_example_of_the_seed(world: World) -> None:
    """The documented conversation, line by line, in a world of one room."""
    moderator = world.member("moderator")
    room_1 = moderator.room("Lounge")
    assert moderator.call(["room.enter", 123, {"room": room_1}]) == ["success", 123, {"viewers": [moderator.user]}]
    assert moderator.receive() == count_change(room_1, "few")
    assert moderator.call(["room.schedule", 123, {"room": room_1, "schedule_data": {"session": 1}}]) == [
        "success",
        123,
        {},
    ]
    assert moderator.receive() == ["room.schedule", {"room": room_1, "schedule_data": {"session": 1}}]
    assert moderator.call(["room.react", 123, {"room": room_1, "reaction": "👏"}]) == ["success", 123, {}]
    assert moderator.receive() == ["room.reaction", {"room": room_1, "reactions": {"👏": 1}}]
    assert moderator.call(["room.leave", 123, {"room": room_1}]) == ["success", 123, {}]
    assert moderator.receive() == count_change(room_1, "none")
