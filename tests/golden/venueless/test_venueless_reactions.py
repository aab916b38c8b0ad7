"""Reactions: which are allowed, how they are counted together, how often one person counts (1.6)."""

import time
from collections import Counter

import pytest
from tests.golden.venueless.world import ROOM_DENIED, Client, Json, World

undisturbed = pytest.mark.world(shared="undisturbed")

HEART = "\u2764\ufe0f"
ALLOWED = ["\U0001f44f", HEART, "\U0001f44d", "\U0001f923", "\U0001f62e"]
REFUSED: list[Json] = [
    "\u2764",
    "\U0001f44e",
    "+1",
    "hate",
    "",
    " ",
    "\U0001f44d\U0001f3fd",
    "\U0001f44f" * 2,
    None,
    5,
    [],
]
DEBOUNCE = 2.0  # seconds in which a second reaction of the same user and emoji does not count
TICK = 1.0  # seconds from the first reaction that counts to its being told
SLACK = 0.2  # seconds by which the clocks of two processes may disagree about the above


def react(client: Client, room: str, reaction: str) -> None:
    assert client.call(["room.react", 123, {"room": room, "reaction": reaction}]) == ["success", 123, {}]


def entered(world: World, *clients: Client) -> str:
    """Let the clients enter the stage, consume what that pushes, and return its id."""
    stage = clients[0].room("Main Stage")
    clients[0].ok("room.enter", {"room": stage})
    for client in clients:
        assert client.expect("world.user_count_change") == {"room": stage, "users": "few"}
    for client in clients[1:]:
        client.ok("room.enter", {"room": stage})
    return stage


def counted(client: Client, room: str, total: int) -> Counter[str]:
    """Add up the reactions that the client hears until there are as many as there must be."""
    heard: Counter[str] = Counter()
    while heard.total() < total:
        push = client.expect("room.reaction")
        assert push.keys() == {"room", "reactions"}
        assert push["room"] == room
        assert all(count > 0 for count in push["reactions"].values()), push
        heard.update(push["reactions"])
    return heard


@undisturbed
@pytest.mark.parametrize("reaction", REFUSED)
def test_an_unknown_reaction(world: World, reaction: Json) -> None:
    guest = world.guest()
    stage = guest.room("Main Stage")
    assert guest.call(["room.react", 1, {"room": stage, "reaction": reaction}]) == [
        "error",
        1,
        {"code": "room.unknown_reaction", "message": "Unknown reaction"},
    ]
    assert guest.refused("room.react", {"room": stage})["code"] == "room.unknown_reaction"


def test_the_five_reactions_count_separately(world: World) -> None:
    guest = world.guest()
    stage = entered(world, guest)
    for reaction in ALLOWED:
        react(guest, stage, reaction)
    assert counted(guest, stage, 5) == dict.fromkeys(ALLOWED, 1)
    guest.silence()


def test_the_reactions_of_many_are_told_together_and_exactly(world: World) -> None:
    crowd = [world.guest() for _ in range(6)]
    outsider = world.guest()
    stage = entered(world, *crowd, outsider)
    outsider.ok("room.leave", {"room": stage})
    for client in crowd[:4]:
        react(client, stage, "👍")
    react(crowd[4], stage, HEART)
    react(outsider, stage, HEART)  # entering is not needed
    for client in crowd:
        assert client.receive() == ["room.reaction", {"room": stage, "reactions": {"👍": 4, HEART: 2}}]
        client.silence()
    outsider.silence()


def test_a_user_counts_once_in_two_seconds_whatever_the_tab(world: World) -> None:
    tab, outside, witness = world.guest(client_id="a"), world.guest(client_id="a"), world.guest()
    stage = entered(world, tab, outside, witness)
    outside.ok("room.leave", {"room": stage})
    first = time.monotonic()
    react(tab, stage, "👍")
    react(tab, stage, "👍")
    react(outside, stage, "👍")
    react(outside, stage, HEART)
    assert counted(witness, stage, 2) == {"👍": 1, HEART: 1}
    assert counted(tab, stage, 2) == {"👍": 1, HEART: 1}
    while True:
        react(outside, stage, "👍")
        try:
            again = witness.receive(0.1)
        except TimeoutError:
            assert time.monotonic() - first < 2 * DEBOUNCE + 2, "the user never counted again"
        else:
            break
    assert again == ["room.reaction", {"room": stage, "reactions": {"👍": 1}}]
    assert time.monotonic() - first >= DEBOUNCE + TICK - SLACK


def test_a_later_tick_starts_from_zero(world: World) -> None:
    ada, bob = world.guest(), world.guest()
    stage = entered(world, ada, bob)
    react(ada, stage, "👍")
    assert counted(bob, stage, 1) == {"👍": 1}
    react(bob, stage, "👍")
    assert counted(bob, stage, 1) == {"👍": 1}
    bob.silence()


def test_who_left_hears_no_reactions(world: World) -> None:
    ada, bob = world.guest(), world.guest()
    stage = entered(world, ada, bob)
    react(ada, stage, "👍")
    bob.ok("room.leave", {"room": stage})
    assert ada.receive() == ["room.reaction", {"room": stage, "reactions": {"👍": 1}}]
    bob.silence()


def test_rooms_are_counted_apart(world: World) -> None:
    ada, bob = world.guest(), world.guest()
    stage, lounge = entered(world, ada, bob), ada.room("Lounge")
    bob.ok("room.enter", {"room": lounge})
    for client in (ada, bob):
        assert client.expect("world.user_count_change") == {"room": lounge, "users": "few"}
    react(ada, stage, "👍")
    react(ada, lounge, "👍")
    told = {}
    for _ in range(2):
        push = bob.expect("room.reaction")
        told[push["room"]] = push["reactions"]
    assert told == {stage: {"👍": 1}, lounge: {"👍": 1}}
    assert ada.expect("room.reaction") == {"room": stage, "reactions": {"👍": 1}}
    ada.silence()


@undisturbed
def test_one_may_not_react_in_a_room_that_one_may_not_see(world: World) -> None:
    guest, backstage = world.guest(), world.member("crew").room("Backstage")
    assert guest.call(["room.react", 1, {"room": backstage, "reaction": "👍"}]) == ["error", 1, ROOM_DENIED]
