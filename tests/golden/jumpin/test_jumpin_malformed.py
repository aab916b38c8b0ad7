"""Bad input: whatever a client sends, it alone is concerned, and nobody else hears of it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.golden.jumpin.bot import Bot, Left, check
from tests.golden.jumpin.place import Place
from tests.golden.jumpin.said import FLOOD
from tests.golden.jumpin.scene import Guest, Scene

Json = Any

FIELDS = {
    "room::join": ("room", "user", "userListId"),
    "room::users": (),
    "room::isStillJoined": ("room",),
    "room::message": ("message", "room"),
    "room::command": ("message", "room"),
    "room::handleChange": ("handle", "userId"),
    "room::changeColor": ("color",),
    "room::privateMessage": ("message", "room", "userListId"),
    "room::getIgnoreList": ("roomName",),
    "room::ignoreUser": ("userListId", "roomName"),
    "room::unignoreUser": ("id",),
    "room::setUserIsBroadcasting": ("isBroadcasting",),
    "room::setTopic": ("topic",),
    "room::operation::ban": ("user_list_id", "duration"),
    "room::operation::unban": ("banlistId", "handle"),
    "room::operation::banlist": ("user_list_id",),
    "room::operation::kick": ("user_list_id",),
    "room::operation::silence": ("user_list_id",),
    "room::operation::closeBroadcast": ("user_list_id",),
    "youtube::checkisplaying": ("notify",),
    "youtube::play": ("videoId", "title"),
    "youtube::remove": ("id",),
    "youtube::pause": (),
    "youtube::resume": (),
    "youtube::seek": ("seekTo",),
}
"""Every event that a client may send, with the fields that it may have."""
PUBLIC = {"room::message", "room::command", "room::handleChange", "room::changeColor", "room::setUserIsBroadcasting"}
"""Those that others hear of when they make sense, from anybody."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**15, max_value=10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "\x00", "\u202e", "0" * 24, "f" * 24, "__proto__", "constructor", "x" * 3000, "😀" * 300]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn, name: str) -> list[Json]:
    """Draw the arguments of an event: any number of them, with the fields that it has and with others."""
    known = FIELDS[name]
    fields: dict[str, st.SearchStrategy[Json]] = dict.fromkeys(known, VALUES)
    if name == "room::command":
        commands = ["me", "shrug", "nick", "color", "msg", "topic", "modhelp", "kick", "ban", "unban", "clear", "close"]
        message = st.fixed_dictionaries({}, optional={"command": st.sampled_from(commands) | VALUES, "value": VALUES})
        fields["message"] = message | VALUES
    body = st.fixed_dictionaries({}, optional=fields) | VALUES
    return draw(st.lists(body, max_size=2))


EVENTS = st.sampled_from(sorted(FIELDS)).flatmap(lambda name: st.tuples(st.just(name), bodies(name)))


class Ring:
    """A room with a bystander, and a troublemaker who is replaced when the server sends them away."""

    def __init__(self, scene: Scene, *, joined: bool) -> None:
        self.scene = scene
        self.bystander = scene.guest("bystander")
        self.joined = joined
        self.trouble: Guest
        self.renew()

    def renew(self) -> None:
        self.trouble = self.scene.connect()
        if self.joined:
            self.trouble.join(self.scene.name)
            self.bystander.bot.drain()

    def answers(self) -> list[list[Json]]:
        """Give what the troublemaker hears of all that they sent; each event is held against what bots know."""
        return self.trouble.bot.settle(self.scene.name)


@pytest.fixture
def ring(scene: Scene) -> Ring:
    return Ring(scene, joined=True)


@pytest.fixture
def outside(scene: Scene) -> Ring:
    return Ring(scene, joined=False)


USUAL = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@USUAL
@given(events=st.lists(EVENTS, min_size=1, max_size=6))
def test_in_a_room_nonsense_costs_nobody_anything(ring: Ring, events: list[tuple[str, list[Json]]]) -> None:
    """Who sends it is answered in the documented forms, stays connected and can go on talking."""
    for name, arguments in events:
        ring.trouble.bot.send(name, *arguments)
    for event in ring.answers():
        if event[0] == "client::error":
            assert event[1]["error"] != "ERR_SRV" or "silenced" in event[1]["message"], (events, event)
    for event in ring.bystander.bot.drain():
        assert PUBLIC & {name for name, _ in events} or event[0].startswith("youtube"), (events, event)
    ring.scene.place.move(timedelta(seconds=11))
    ring.trouble.bot.send("room::message", {"message": "still here"})
    assert [event[1]["message"] for event in ring.answers() if event[0] == "room::message"] == ["still here"]
    assert ring.bystander.bot.drain()[-1][1]["message"] == "still here"


@USUAL
@given(events=st.lists(EVENTS, min_size=1, max_size=6))
def test_before_joining_nobody_hears_anything(outside: Ring, events: list[tuple[str, list[Json]]]) -> None:
    for name, arguments in events:
        outside.trouble.bot.send(name, *arguments)
    for event in outside.answers():
        assert event[0] in ("client::error", "client::forceDisconnect"), (events, event)
    outside.bystander.bot.silence()
    assert outside.scene.room.id in outside.scene.place.state.presence.visits


@USUAL
@given(
    text=st.text(max_size=60) | st.sampled_from(['["room::message"', "[", "[]", '[["room::message"]]', "[null]", "7"])
)
def test_packets_that_are_no_events(outside: Ring, text: str) -> None:
    """The connection is ended, or nothing happens; others hear nothing in either case."""
    outside.trouble.bot.send_packet("42" + text)
    try:
        assert outside.trouble.bot.drain() == []
    except Left:
        outside.renew()
    outside.bystander.bot.silence()


@pytest.mark.parametrize("name", [*FIELDS, "room::nonsense"])
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("NaN", id="NaN"),
        pytest.param("Infinity", id="Infinity"),
        pytest.param("1e400", id="1e400"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="deep"),
        pytest.param("[" * 70 + "]" * 70, id="deeper than allowed"),
        pytest.param('"\\ud83d"', id="half a pair"),
        pytest.param("1" * 5000, id="5000 digits"),
        pytest.param('"' + "\\u0000" * 50 + '"', id="NUL"),
        pytest.param("{" + ",".join(f'"{n}":{n}' for n in range(5000)) + "}", id="many keys"),
    ],
)
def test_numbers_and_texts_that_hurt(scene: Scene, name: str, raw: str) -> None:
    """One who relays them would end other people's clients: they are refused, or made harmless."""
    ada = scene.guest()
    bob = scene.guest()
    field = (FIELDS.get(name) or ("x",))[0]
    bob.bot.send_packet(f'42["{name}",{{"{field}":{raw}}}]')
    try:
        bob.bot.settle(scene.name)
    except Left:
        scene.here.remove(bob)
        scene.gone(bob)
    for event in ada.bot.drain():
        assert len(json.dumps(event)) < 3000
    ada.bot.send("room::message", {"message": "fine"})
    assert ada.bot.settle(scene.name)[-1][1]["message"] == "fine"


def test_half_a_pair_is_made_whole_before_others_hear_it(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    ada.bot.send_packet('42["room::message",{"message":"a\\ud83d b \\ude00 \\ud83d\\ude00"}]')
    assert bob.bot.expect("room::message")["message"] == "a\ufffd b \ufffd 😀"


# Floods


def test_who_sends_faster_than_things_can_be_done_is_sent_away(scene: Scene) -> None:
    """Each of these is stored, so that they wait for one another; the others hear what was done, and that is all."""
    ada, bob = scene.guest(), scene.guest()
    for number in range(1000):
        try:
            bob.bot.send("room::command", {"message": {"command": "me", "value": f"{number}"}})
        except Exception:
            break
    try:
        heard = bob.bot.settle(scene.name)
        assert len(heard) == 1000
    except Left:
        scene.here.remove(bob)
        scene.gone(bob)
    lines = [
        event[1]["message"] for event in ada.bot.drain() if event[0] == "room::status" and "*" in event[1]["message"]
    ]
    assert lines == [f"* {bob.handle} {number}" for number in range(len(lines))]
    scene.place.until(
        lambda: scene.place.state.presence.visit(scene.room.id, bob.somebody.id) is None or bob in scene.here
    )


def test_a_flood_of_messages_is_refused_and_stays_with_its_author(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    for _ in range(150):
        bob.bot.send("room::message", {"message": "spam"})
    heard = bob.bot.settle(scene.name)
    assert [event[0] for event in heard] == ["room::message"] * 6 + ["client::error"] * 144
    assert {event[1]["message"] for event in heard[6:]} == {FLOOD}
    assert len(ada.bot.drain()) == 6


# Secrets


@pytest.fixture
def crowd(scene: Scene) -> Iterator[list[Guest]]:
    yield [scene.moderator(), scene.guest(), scene.member(), scene.guest(polling=True)]


def test_a_sid_is_in_nothing_that_others_receive(scene: Scene, crowd: list[Guest]) -> None:
    """It is all that somebody needs to read along, so whoever it belongs to is the only one who has it."""
    mod, bob, carol, _ = crowd
    for guest in crowd:
        guest.bot.send("room::message", {"message": "hello"})
        guest.bot.send("room::users")
        guest.bot.send("room::changeColor")
        guest.bot.send("room::setUserIsBroadcasting", {"isBroadcasting": True})
        guest.bot.send("room::privateMessage", {"message": "psst", "userListId": bob.id})
        guest.bot.send("room::ignoreUser", {"userListId": carol.id})
        guest.bot.send("youtube::checkisplaying", {"notify": True})
        guest.bot.settle(scene.name)
    mod.bot.send("room::operation::closeBroadcast", {"user_list_id": carol.id})
    mod.bot.send("room::operation::ban", {"user_list_id": carol.id})
    mod.bot.send("room::operation::banlist")
    mod.bot.settle(scene.name)
    scene.sent_away(carol)
    for guest in crowd:
        if guest is not carol:
            guest.bot.drain()
    sids = {guest.bot.sid for guest in crowd}
    assert len(sids) == len(crowd)
    for guest in crowd:
        text = "".join(guest.bot.heard)
        assert text.count("room::message") >= 1
        assert [sid for sid in sids if sid in text] == []


def test_made_up_ids_are_nobodys(place: Place, scene: Scene) -> None:
    """Ids carry what they are of: one of a user, a room or a ban is none of a visit, nor is one digit off."""
    mod, bob = scene.moderator(), scene.member()
    wrong = [bob.user["user_id"], mod.user["operator_id"], bob.id[:-1], bob.id + "0", bob.id[:8], " " + bob.id]
    wrong += [bob.id[:at] + ("0" if bob.id[at] != "0" else "1") + bob.id[at + 1 :] for at in range(24)]
    for identity in wrong:
        mod.bot.send("room::operation::kick", {"user_list_id": identity})
    heard = mod.bot.settle(scene.name)
    assert {event[1]["error"] for event in heard} == {"NotFoundError"}
    assert len(heard) == len(wrong)
    mod.bot.send("room::operation::kick", {"user_list_id": bob.id.upper()})
    assert mod.bot.settle(scene.name)[0][0] == "room::status"
    scene.sent_away(bob)
    assert isinstance(bob.bot, Bot)


def test_the_whitelist_can_fail() -> None:
    """One key more than bots know is an error of this suite."""
    body = {"message": "x", "timestamp": "2026-03-01T12:00:00.000Z", "id": "0" * 12, "room": "y"}
    with pytest.raises(AssertionError):
        check(["room::message", body])
    with pytest.raises(AssertionError):
        check(["room::nonsense", {}])
