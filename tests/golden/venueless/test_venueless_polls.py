"""Polls: what is answered, and who is pushed what (1.11)."""

from uuid import uuid4

import pytest
from tests.golden.placeholder import a_number, a_uuid, an_instant
from tests.golden.venueless.world import ROOM_DENIED, UNKNOWN_ROOM, Client, Json, World, chat, essence, room

POLLS = {"type": "poll", "config": {"active": True}}
OFF = {"type": "poll", "config": {"active": False}}
SETTINGS: Json = {
    "roles": {"peeker": ["room:poll.early_results"], "maker": ["room:poll.create"]},
    "grants": {"peeker": ["peeker"], "maker": ["maker"]},
    "rooms": [
        room("hall", "Hall", chat(volatile=False), POLLS),
        room("screen", "Screen", POLLS),
        room("closet", "Closet", OFF),
        room("lounge", "Lounge", chat(volatile=False)),
    ],
}
pytestmark = pytest.mark.world(**SETTINGS)
still = pytest.mark.world(shared="still", **SETTINGS)

NO_MODULE = {"code": "room.unknown", "message": "Room does not contain a matching module."}
INACTIVE = {"code": "poll.inactive"}
UNKNOWN = {"code": "poll.unknown", "message": "Unknown poll ID"}


def come(place: str, *clients: Client) -> None:
    """Let clients enter a room, and consume what that pushes."""
    for client in clients:
        client.drain()
        client.ok("room.enter", {"room": place})
    for client in clients:
        client.drain()


def make(manager: Client, place: str, *contents: str, **fields: Json) -> Json:
    """Make a poll of these options, and consume what its maker had heard before and hears because of it."""
    manager.drain()
    options = [{"content": content, "order": order} for order, content in enumerate(contents or ("Tea", "Mate"), 1)]
    poll = manager.ok("poll.create", {"room": place, "content": "Tea?", "options": options, **fields})["poll"]
    manager.drain()
    return poll


def without(poll: Json, *names: str) -> Json:
    return {name: value for name, value in poll.items() if name not in names}


def with_results(poll: Json, *votes: int, **changes: Json) -> Json:
    ids = [option["id"] for option in poll["options"]]
    return {**poll, "results": dict(zip(ids, votes, strict=True)), **changes}


def pushed(poll: Json) -> Json:
    return ["poll.created_or_updated", {"poll": poll}]


def listed(client: Client, place: str) -> Json:
    return client.ok("poll.list", {"room": place})


def silent(*clients: Client) -> None:
    for client in clients:
        client.silence()


# From the draft to the archive


def test_the_life_of_a_poll(world: World) -> None:
    mo, other, ada, bob = world.member("moderator"), world.member("moderator"), world.guest(), world.guest()
    hall = mo.room("Hall")
    come(hall, mo, other, ada, bob)
    outside = world.member("moderator")
    poll_id, tea, mate = a_uuid(), a_uuid(), a_uuid()
    poll: Json = {
        "id": poll_id,
        "content": "Tea or mate?",
        "state": "draft",
        "timestamp": an_instant(),
        "room_id": hall,
        "is_pinned": False,
        "options": [{"id": tea, "content": "Tea", "order": 1}, {"id": mate, "content": "Mate", "order": 2}],
    }
    body = {
        "room": hall,
        "content": "Tea or mate?",
        "options": [{"content": "Mate", "order": 2}, {"content": "Tea", "order": 1}],
        "state": "draft",
    }
    reply = mo.call(["poll.create", 123, body])
    assert reply[:2] == ["success", 123]
    drafted = reply[2]["poll"]
    assert drafted == {**poll, "results": drafted["results"]}
    assert drafted["results"] == {tea.value: 0, mate.value: 0}
    for manager in (mo, other):
        assert manager.receive() == pushed(drafted)
    assert (listed(ada, hall), listed(other, hall)) == ([], [drafted])

    opened = {**drafted, "state": "open"}
    assert mo.call(["poll.update", 124, {"room": hall, "id": poll_id.value, "state": "open"}]) == [
        "success",
        124,
        {"poll": opened},
    ]
    for manager in (mo, other):
        assert manager.receive() == pushed(opened)
    for guest in (ada, bob):
        assert guest.receive() == pushed(without(opened, "results"))
    assert listed(ada, hall) == [without(opened, "results")]

    vote = {"room": hall, "id": poll_id.value, "options": [mate.value]}
    voted = with_results(opened, 0, 1)
    assert ada.call(["poll.vote", 125, vote]) == ["success", 125, {"poll": voted}]
    for client in (ada, mo, other):
        assert client.receive() == pushed(voted)
    silent(ada, mo, other, bob)
    assert listed(ada, hall) == [{**voted, "answers": [mate.value]}]
    assert listed(bob, hall) == [without(voted, "results")]
    assert listed(mo, hall) == [voted]

    bob.ok("poll.vote", {**vote, "options": [tea.value]})
    for client in (ada, bob, mo, other):
        assert client.receive() == pushed(with_results(opened, 1, 1))
    ada.ok("poll.vote", {**vote, "options": [tea.value]})
    final = with_results(opened, 2, 0)
    for client in (ada, bob, mo, other):
        assert client.receive() == pushed(final)

    closed = {**final, "state": "closed"}
    late = world.guest()
    come(hall, late)
    silent(ada, bob)
    for manager in (mo, other):
        assert manager.expect("room.viewer.added")["user"]["id"] == late.id
    assert mo.ok("poll.update", {"room": hall, "id": poll_id.value, "state": "closed"}) == {"poll": closed}
    for client in (ada, bob, mo, other, late):
        assert client.receive() == pushed(closed)
    assert listed(late, hall) == [closed]

    archived = {**closed, "state": "archived"}
    mo.ok("poll.update", {"room": hall, "id": poll_id.value, "state": "archived", "is_pinned": False})
    for client in (ada, bob, mo, other, late):
        assert client.receive() == pushed(archived)
    assert (listed(ada, hall), listed(mo, hall)) == ([], [archived])

    assert mo.call(["poll.delete", 126, {"room": hall, "id": poll_id.value}]) == ["success", 126, {"poll": poll_id}]
    for manager in (mo, other):
        assert manager.receive() == ["poll.deleted", {"room": hall, "id": poll_id}]
    silent(ada, bob, mo, other, late, outside)
    assert listed(mo, hall) == []


def test_an_open_poll_is_deleted_before_everybody(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    hall = mo.room("Hall")
    come(hall, mo, ada)
    poll = make(mo, hall, state="open")
    assert ada.receive() == pushed(without(poll, "results"))
    mo.ok("poll.delete", {"room": hall, "id": poll["id"]})
    for client in (mo, ada):
        assert client.receive() == ["poll.deleted", {"room": hall, "id": poll["id"]}]


def test_a_poll_may_be_open_from_the_start(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    hall = mo.room("Hall")
    come(hall, mo, ada)
    body = {"room": hall, "content": "Tea?", "options": [{"content": "Tea", "order": 1}], "state": "open"}
    poll = mo.ok("poll.create", body)["poll"]
    assert poll["state"] == "open"
    assert mo.receive() == pushed(poll)
    assert ada.receive() == pushed(without(poll, "results"))


def test_without_a_state_it_is_a_draft(world: World) -> None:
    mo, screen = world.member("moderator"), world.member("moderator").room("Screen")
    for fields in ({}, {"state": None}):
        assert make(mo, screen, **fields)["state"] == "draft"


def test_a_poll_goes_back_to_the_draft_and_out_of_the_archive(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    come(screen, mo, ada)
    poll = make(mo, screen, state="open")
    ada.drain()
    for state in ("draft", "archived", "open"):
        mo.ok("poll.update", {"room": screen, "id": poll["id"], "state": state})
        assert mo.receive() == pushed({**poll, "state": state})
        if state == "archived":
            ada.silence()
        else:
            told = {**poll, "state": state}
            assert ada.receive() == pushed(without(told, "results") if state == "open" else told)


# In the chat


def test_a_poll_that_opens_is_said_in_the_chat_once(world: World) -> None:
    mo, ada, bob = world.member("moderator", name="Mo"), world.guest("Ada"), world.guest()
    hall, channel = mo.room("Hall"), mo.channel("Hall")
    poll = make(mo, hall)
    ada.ok("chat.subscribe", {"channel": channel})
    mo.ok("poll.update", {"room": hall, "id": poll["id"], "state": "open"})
    event = ada.expect("chat.event")
    assert essence(event) == {
        "event_id": a_number(),
        "channel": channel,
        "sender": mo.id,
        "timestamp": an_instant(),
        "event_type": "channel.poll",
        "content": {"poll_id": poll["id"], "state": "open"},
        "edited": None,
        "replaces": None,
        "reactions": {},
    }
    assert event["users"] == {mo.id: mo.user}
    for changes in ({"content": "Mate?"}, {"state": "closed"}, {"state": "open"}, {"state": "archived"}):
        mo.ok("poll.update", {"room": hall, "id": poll["id"], **changes})
    again = make(mo, hall, state="open")
    assert ada.expect("chat.event")["content"] == {"poll_id": again["id"], "state": "open"}
    silent(mo, ada, bob)
    fetched = ada.ok("chat.fetch", {"channel": channel, "count": 50, "before_id": event["event_id"] + 99})["results"]
    assert [(one["event_type"], one["content"]["poll_id"]) for one in fetched] == [
        ("channel.poll", poll["id"]),
        ("channel.poll", again["id"]),
    ]


def test_nothing_is_unread_because_of_a_poll(world: World) -> None:
    mo, ada = world.member("moderator", name="Mo"), world.guest("Ada")
    hall, channel = mo.room("Hall"), mo.channel("Hall")
    for client in (mo, ada):
        client.ok("chat.join", {"channel": channel})
    for client in (mo, ada):
        client.drain()
    make(mo, hall, state="open")
    assert ada.expect("chat.event")["event_type"] == "channel.poll"
    ada.silence()


def test_a_room_without_chat_says_nothing(world: World) -> None:
    mo, screen = world.member("moderator"), world.member("moderator").room("Screen")
    poll = make(mo, screen)
    mo.ok("poll.update", {"room": screen, "id": poll["id"], "state": "open"})
    mo.silence()


# Who is told


def test_only_those_who_entered_are_told(world: World) -> None:
    mo, inside, outside = world.member("moderator"), world.guest(), world.member("moderator")
    screen = mo.room("Screen")
    come(screen, mo, inside)
    left, elsewhere = world.guest(), world.guest()
    come(screen, left)
    left.ok("room.leave", {"room": screen})
    come(elsewhere.room("Hall"), elsewhere)
    for client in (inside, left, outside):
        client.drain()
    poll = make(mo, screen, state="open")
    assert inside.receive() == pushed(without(poll, "results"))
    silent(outside, left, elsewhere)


def test_who_may_see_early_results_is_told_of_votes(world: World) -> None:
    mo, peeker, ada, bob = world.member("moderator"), world.member("peeker"), world.guest(), world.guest()
    screen = mo.room("Screen")
    come(screen, peeker, ada, bob)
    poll = make(mo, screen, state="open")
    assert peeker.receive() == pushed(poll)
    for client in (ada, bob):
        assert client.receive() == pushed(without(poll, "results"))
    tea = poll["options"][0]["id"]
    ada.ok("poll.vote", {"room": screen, "id": poll["id"], "options": [tea]})
    for client in (peeker, ada):
        assert client.receive() == pushed(with_results(poll, 1, 0))
    silent(mo, bob)
    assert listed(peeker, screen) == [with_results(poll, 1, 0)]


def test_a_voter_is_told_in_every_tab_that_entered(world: World) -> None:
    mo, tab, other = world.member("moderator"), world.guest(client_id="ada"), world.guest(client_id="ada")
    screen = mo.room("Screen")
    come(screen, tab, other)
    poll = make(mo, screen, state="open")
    for client in (tab, other):
        client.drain()
    tab.ok("poll.vote", {"room": screen, "id": poll["id"], "options": [poll["options"][0]["id"]]})
    for client in (tab, other):
        assert client.receive() == pushed(with_results(poll, 1, 0))


def test_a_manager_who_voted_is_told_once(world: World) -> None:
    """The original tells them two or three times."""
    mo = world.member("moderator")
    screen = mo.room("Screen")
    come(screen, mo)
    poll = make(mo, screen, state="open")
    mo.ok("poll.vote", {"room": screen, "id": poll["id"], "options": [poll["options"][1]["id"]]})
    assert mo.receive() == pushed(with_results(poll, 0, 1))
    mo.silence()


# Voting


def test_votes_are_replaced_and_taken_back(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    poll = make(mo, screen, "Tea", "Mate", "Milk", poll_type="multi", state="open")
    tea, mate, milk = (option["id"] for option in poll["options"])
    for options, votes in (([milk, tea], (1, 0, 1)), ([mate, mate], (0, 1, 0))):
        voted = ada.ok("poll.vote", {"room": screen, "id": poll["id"], "options": options})["poll"]
        assert voted == with_results(poll, *votes)
        (seen,) = listed(ada, screen)
        assert sorted(seen["answers"]) == sorted(set(options))
    gone = ada.ok("poll.vote", {"room": screen, "id": poll["id"], "options": []})["poll"]
    assert gone == without(poll, "results")
    assert listed(ada, screen) == [gone]
    assert listed(mo, screen) == [poll]


@pytest.mark.parametrize("kind", [{}, {"poll_type": "choice"}, {"poll_type": None}])
def test_a_choice_is_one_option(world: World, kind: Json) -> None:
    mo, ada = world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    poll = make(mo, screen, state="open", **kind)
    both = [option["id"] for option in poll["options"]]
    error = ada.refused("poll.vote", {"room": screen, "id": poll["id"], "options": both})
    assert error == {"code": "poll.vote", "message": "options: only one can be chosen"}
    mo.ok("poll.update", {"room": screen, "id": poll["id"], "poll_type": "multi"})
    ada.ok("poll.vote", {"room": screen, "id": poll["id"], "options": both})


def test_votes_that_do_not_count(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    poll, other, closed = (make(mo, screen, state=state) for state in ("open", "open", "closed"))
    draft = make(mo, screen)
    for body, message in (
        ({"id": str(uuid4()), "options": []}, "Unknown poll ID"),
        ({"id": None, "options": []}, "Unknown poll ID"),
        ({"id": draft["id"], "options": [draft["options"][0]["id"]]}, "Unknown poll ID"),
        ({"id": closed["id"], "options": [closed["options"][0]["id"]]}, "This poll is not open."),
        ({"id": poll["id"], "options": [other["options"][0]["id"]]}, "There is no such option."),
        ({"id": poll["id"], "options": ["tea"]}, "There is no such option."),
    ):
        assert ada.refused("poll.vote", {"room": screen, **body}) == {"code": "poll.vote", "message": message}
    error = ada.refused("poll.vote", {"room": screen, "id": poll["id"], "options": "tea"})
    assert error["code"] == "protocol.invalid_body"
    assert listed(mo, screen)[0]["results"] == dict.fromkeys(poll["results"], 0)


# Changing


def test_options_are_added_changed_and_removed(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    come(screen, ada)
    poll = make(mo, screen, "Tea", "Mate", state="open")
    tea, mate = (option["id"] for option in poll["options"])
    ada.drain()
    ada.ok("poll.vote", {"room": screen, "id": poll["id"], "options": [tea]})
    ada.drain()
    water = a_uuid()
    options = [{"id": mate, "content": "Yerba", "order": 2}, {"content": "Water", "order": 1}]
    changed = mo.ok("poll.update", {"room": screen, "id": poll["id"], "options": options})["poll"]
    assert changed["options"] == [
        {"id": water, "content": "Water", "order": 1},
        {"id": mate, "content": "Yerba", "order": 2},
    ]
    assert changed["results"] == {water.value: 0, mate: 0}
    assert ada.receive() == pushed(without(changed, "results")), "the vote is gone with its option"
    error = mo.refused("poll.update", {"room": screen, "id": poll["id"], "options": [{"id": tea, "content": "Tea"}]})
    assert error == {"code": "poll.unknown_option", "message": "There is no such option."}
    assert mo.ok("poll.update", {"room": screen, "id": poll["id"], "content": None, "options": None}) == {
        "poll": changed
    }


def test_pinning(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    come(screen, mo, ada)
    first, second, draft = make(mo, screen, state="open"), make(mo, screen, state="closed"), make(mo, screen)
    ada.drain()
    for number, poll in enumerate((first, second)):
        pin = {"room": screen, "id": poll["id"]}
        assert mo.call(["poll.pin", number, pin]) == ["success", number, {"id": poll["id"]}]
        for client in (mo, ada):
            assert client.receive() == ["poll.pinned", pin]
    assert [poll["is_pinned"] for poll in listed(ada, screen)] == [False, True]
    mo.ok("poll.pin", {"room": screen, "id": draft["id"]})
    assert mo.receive() == ["poll.pinned", {"room": screen, "id": draft["id"]}]
    silent(ada)
    assert mo.call(["poll.unpin", 9, {"room": screen}]) == ["success", 9, {}]
    for client in (mo, ada):
        assert client.receive() == ["poll.unpinned", {"room": screen}]
    assert not any(poll["is_pinned"] for poll in listed(mo, screen))


def test_archiving_unpins(world: World) -> None:
    mo, screen = world.member("moderator"), world.member("moderator").room("Screen")
    poll = make(mo, screen, state="open")
    mo.ok("poll.pin", {"room": screen, "id": poll["id"]})
    archived = mo.ok("poll.update", {"room": screen, "id": poll["id"], "state": "archived", "is_pinned": False})
    assert archived["poll"]["is_pinned"] is False
    pinned = mo.ok("poll.update", {"room": screen, "id": poll["id"], "is_pinned": True})
    assert pinned["poll"]["is_pinned"] is True


# Who may


def requests(place: str, poll: Json) -> dict[str, Json]:
    """Write one request for each command, all of which make sense."""
    of_it = {"room": place, "id": poll["id"]}
    return {
        "poll.create": {"room": place, "content": "?", "options": [{"content": "Tea", "order": 1}]},
        "poll.update": {**of_it, "content": "?"},
        "poll.vote": {**of_it, "options": [poll["options"][0]["id"]]},
        "poll.list": {"room": place},
        "poll.pin": of_it,
        "poll.unpin": {"room": place},
        "poll.delete": of_it,
    }


def test_permissions(world: World) -> None:
    mo, ada, other = world.member("moderator"), world.guest(), world.member("moderator")
    screen = mo.room("Screen")
    asked = requests(screen, make(mo, screen, state="open"))
    for command in ("poll.create", "poll.update", "poll.pin", "poll.unpin", "poll.delete"):
        assert ada.refused(command, asked[command]) == ROOM_DENIED
    for command in ("poll.vote", "poll.list"):
        ada.ok(command, asked[command])
    for command, body in asked.items():
        other.ok(command, body)


def test_who_may_make_polls_manages_none_but_these(world: World) -> None:
    mo, maker, ada = world.member("moderator"), world.member("maker"), world.guest()
    screen = mo.room("Screen")
    come(screen, mo, ada)
    others = make(mo, screen, state="open")
    for client in (mo, ada):
        client.drain()
    own = make(maker, screen)
    assert mo.receive() == pushed(own)
    assert listed(maker, screen) == [without(others, "results"), own]
    assert (
        maker.ok("poll.update", {"room": screen, "id": own["id"], "state": "open"})["poll"]["results"] == own["results"]
    )
    for command in ("poll.update", "poll.delete"):
        assert maker.refused(command, {"room": screen, "id": others["id"]}) == ROOM_DENIED
    assert maker.refused("poll.pin", {"room": screen, "id": own["id"]}) == ROOM_DENIED
    maker.ok("poll.delete", {"room": screen, "id": own["id"]})


def test_the_silenced_do_not_vote(world: World) -> None:
    admin, mo, ada = world.member("admin"), world.member("moderator"), world.guest()
    screen = mo.room("Screen")
    poll = make(mo, screen, state="open")
    admin.ok("user.silence", {"id": ada.id})
    ada.hear("connection.reload")
    vote = {"room": screen, "id": poll["id"], "options": [poll["options"][0]["id"]]}
    assert ada.refused("poll.vote", vote) == ROOM_DENIED


@still
@pytest.mark.parametrize("command", ["poll.create", "poll.update", "poll.vote", "poll.list", "poll.delete"])
def test_where_there_are_no_polls(world: World, command: str) -> None:
    """The room comes first, then its module, then who asks, then whether it is switched on."""
    mo, ada = world.member("moderator"), world.guest()
    poll = make(mo, mo.room("Screen"), state="open")
    for place, error in ((mo.room("Lounge"), NO_MODULE), (str(uuid4()), UNKNOWN_ROOM)):
        for client in (mo, ada):
            assert client.refused(command, requests(place, poll)[command]) == error
    body = requests(mo.room("Closet"), poll)[command]
    assert mo.refused(command, body) == INACTIVE
    assert ada.refused(command, body) == (INACTIVE if command in ("poll.vote", "poll.list") else ROOM_DENIED)


@still
@pytest.mark.parametrize("command", ["poll.update", "poll.delete", "poll.pin"])
def test_a_poll_that_is_none(world: World, command: str) -> None:
    mo = world.member("moderator")
    screen, hall = mo.room("Screen"), mo.room("Hall")
    elsewhere = make(mo, hall)
    wrong: list[Json] = [elsewhere["id"], str(uuid4()), "x", 5, None, [], mo.id]
    for identity in wrong:
        assert mo.refused(command, {"room": screen, "id": identity}) == UNKNOWN
    assert mo.refused(command, {"room": screen}) == UNKNOWN


@still
@pytest.mark.parametrize(
    "fields",
    [
        {"content": None},
        {"content": 5},
        {"content": ""},
        {"content": " \n"},
        {"content": "x" * 1001},
        {"options": None},
        {"options": {}},
        {"options": []},
        {"options": ["Tea"]},
        {"options": [{"order": 1}]},
        {"options": [{"content": "", "order": 1}]},
        {"options": [{"content": 5, "order": 1}]},
        {"options": [{"content": "x" * 301, "order": 1}]},
        {"options": [{"content": "Tea", "order": "first"}]},
        {"options": [{"content": "Tea", "order": 2**31}]},
        {"options": [{"content": "Tea", "order": 1.5}]},
        {"options": [{"content": str(number), "order": number} for number in range(51)]},
        {"state": "ajar"},
        {"state": 1},
        {"poll_type": "ranked"},
    ],
)
def test_what_makes_no_poll(world: World, fields: Json) -> None:
    mo, screen = world.member("moderator"), world.guest().room("Screen")
    good = {"room": screen, "content": "?", "options": [{"content": "Tea", "order": 1}]}
    before = len(listed(mo, screen))
    assert mo.refused("poll.create", {**good, **fields})["code"] == "protocol.invalid_body"
    assert mo.refused("poll.create", [])["code"] == "protocol.invalid_body"
    assert len(listed(mo, screen)) == before


@still
def test_a_poll_without_options_or_content(world: World) -> None:
    mo, screen = world.member("moderator"), world.guest().room("Screen")
    for body in ({"content": "?"}, {"options": [{"content": "Tea", "order": 1}]}):
        assert mo.refused("poll.create", {"room": screen, **body})["code"] == "protocol.invalid_body"


# After a restart


def test_polls_are_there_for_who_comes_back(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest(client_id="ada")
    screen = mo.room("Screen")
    poll = make(mo, screen, state="open")
    vote = {"room": screen, "id": poll["id"], "options": [poll["options"][1]["id"]]}
    ada.ok("poll.vote", vote)
    ada.close()
    again = world.guest(client_id="ada")
    assert listed(again, screen) == [{**with_results(poll, 0, 1), "answers": vote["options"]}]
