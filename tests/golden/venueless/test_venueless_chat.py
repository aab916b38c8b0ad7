"""Group chat in rooms: joining, reading, writing, editing, reacting, read pointers (1.9)."""

import sys
import time
from uuid import uuid4

import pytest
from tests.golden.placeholder import a_number, an_instant, anything, unordered
from tests.golden.venueless.world import (
    PATIENCE,
    ROOM_DENIED,
    UNKNOWN_ROOM,
    Client,
    Json,
    World,
    chat,
    essence,
    gather,
    room,
)

undisturbed = pytest.mark.world(shared="undisturbed")

UNKNOWN_CHANNEL = {"code": "chat.unknown", "message": "Unknown channel ID"}
NOT_A_MEMBER = {"code": "chat.denied"}
READ_ONLY: Json = {"viewer": []}


def text(body: str) -> Json:
    return {"type": "text", "body": body}


def post(channel: str, content: Json, **fields: Json) -> Json:
    return {"channel": channel, "event_type": "channel.message", "content": content, **fields}


def member_event(number: Json, channel: str, user: Json, membership: str) -> Json:
    return {
        "event_id": number,
        "channel": channel,
        "sender": user["id"],
        "timestamp": an_instant(),
        "event_type": "channel.member",
        "content": {"membership": membership, "user": user},
        "edited": None,
        "replaces": None,
        "reactions": {},
    }


def message_event(number: Json, channel: str, sender: Client, content: Json, **fields: Json) -> Json:
    return {
        "event_id": number,
        "channel": channel,
        "sender": sender.id,
        "timestamp": an_instant(),
        "event_type": "channel.message",
        "content": content,
        "edited": None,
        "replaces": None,
        "reactions": {},
        **fields,
    }


def pushed_event(client: Client) -> Json:
    """Return the next `chat.event`; it names the profiles that came with it."""
    event = client.expect("chat.event")
    assert isinstance(event["users"], dict)
    return essence(event)


def fetch(client: Client, channel: str, count: int = 100, before_id: int = sys.maxsize) -> list[Json]:
    reply = client.ok("chat.fetch", {"channel": channel, "count": count, "before_id": before_id})
    assert reply.keys() == {"results", "users"}
    return [essence(event) for event in reply["results"]]


def numbers(events: list[Json]) -> list[int]:
    return [event["event_id"] for event in events]


# Joining and leaving


def test_join_talk_and_leave(world: World) -> None:
    """A conversation of two from the first event of a world to the leaving, as a transcript."""
    ada, bob = world.guest("Ada"), world.guest("Bob")
    lounge = ada.channel("Lounge")
    nothing_yet: Json = {"state": None, "next_event_id": 1, "unread_pointer": 0, "members": []}
    assert ada.call(["chat.join", 123, {"channel": lounge}]) == ["success", 123, nothing_yet]
    assert pushed_event(ada) == member_event(1, lounge, ada.user, "join")

    after_ada = {"state": None, "next_event_id": 2, "unread_pointer": 0, "members": [ada.user]}
    assert bob.call(["chat.join", 124, {"channel": lounge}]) == ["success", 124, after_ada]
    assert pushed_event(bob) == member_event(2, lounge, bob.user, "join")
    assert pushed_event(ada) == member_event(2, lounge, bob.user, "join")

    reply = ada.call(["chat.send", 125, post(lounge, text("Hello"))])
    hello = message_event(3, lounge, ada, text("Hello"))
    assert reply[:2] == ["success", 125]
    assert reply[2].keys() == {"event"}
    assert essence(reply[2]["event"]) == hello
    assert pushed_event(ada) == hello
    heard = bob.expect_all("chat.event", "chat.unread_pointers")
    assert essence(heard["chat.event"]) == hello
    assert heard["chat.unread_pointers"] == {lounge: 3}

    assert bob.call(["chat.leave", 126, {"channel": lounge}]) == ["success", 126, {}]
    bob.silence()
    assert pushed_event(ada) == member_event(4, lounge, bob.user, "leave")
    assert bob.call(["chat.send", 127, post(lounge, text("Bye"))]) == ["error", 127, NOT_A_MEMBER]
    ada.say(lounge, "Bye")
    bob.silence()
    ada.silence()


def test_event_ids_are_one_sequence_for_all_channels_of_a_world(world: World) -> None:
    crew = world.member("crew", name="Cleo")
    lounge, backstage = crew.channel("Lounge"), crew.channel("Backstage")
    gather(lounge, crew)
    gather(backstage, crew)
    ids = [crew.say(channel, "x")["event_id"] for channel in (lounge, backstage, lounge, backstage)]
    assert ids == [3, 4, 5, 6]
    assert crew.ok("chat.subscribe", {"channel": lounge})["next_event_id"] == 7


def test_joining_is_told_to_the_other_sockets_of_the_user(world: World) -> None:
    tab, other_tab, stranger = world.guest("Ada", "ada"), world.guest(client_id="ada"), world.guest()
    lounge = tab.channel("Lounge")
    tab.ok("chat.join", {"channel": lounge})
    tab.expect("chat.event")
    assert other_tab.receive() == ["chat.channels", {"channels": [{"id": lounge, "unread_pointer": 0}]}]
    message = tab.say(lounge, "Hello")
    assert world.guest(client_id="ada").hello["chat.channels"] == [
        {"id": lounge, "unread_pointer": message["event_id"]}
    ]
    other_tab.silence()
    tab.ok("chat.leave", {"channel": lounge})
    assert other_tab.receive() == ["chat.channels", {"channels": []}]
    assert world.guest(client_id="ada").hello["chat.channels"] == []
    for client in (tab, other_tab, stranger):
        client.silence()


def test_joining_again_is_no_second_membership(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    again = bob.ok("chat.join", {"channel": lounge})
    assert again["members"] == unordered(ada.user, bob.user)
    assert again["next_event_id"] == 3
    ada.silence()
    bob.silence()


def test_a_lasting_membership_survives_the_socket(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob", "bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    bob.close()
    ada.silence()
    again = world.guest(client_id="bob")
    assert [channel["id"] for channel in again.hello["chat.channels"]] == [lounge]
    ada.say(lounge, "Still there?")
    assert again.expect("chat.unread_pointers") == {lounge: 3}
    again.silence()
    again.ok("chat.subscribe", {"channel": lounge})
    again.say(lounge, "Yes")
    assert ada.expect_all("chat.event", "chat.unread_pointers")["chat.event"]["content"] == text("Yes")


@undisturbed
def test_joining_needs_a_name(world: World) -> None:
    guest = world.guest()
    command = ["chat.join", 123, {"channel": guest.channel("Lounge")}]
    assert guest.call(command) == ["error", 123, {"code": "channel.join.missing_profile"}]
    guest.rename("Gus")
    assert guest.call(command)[0] == "success"


# Subscribing


def test_subscribing_is_listening_only(world: World) -> None:
    ada, nameless = world.guest("Ada"), world.guest()
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    assert nameless.call(["chat.subscribe", 123, {"channel": lounge}]) == [
        "success",
        123,
        {"state": None, "next_event_id": 2, "unread_pointer": 0, "members": [ada.user]},
    ]
    ada.silence()
    message = ada.say(lounge, "Hello")
    assert pushed_event(nameless) == essence(message)
    assert nameless.call(["chat.send", 124, post(lounge, text("Hello"))]) == ["error", 124, NOT_A_MEMBER]
    assert nameless.ok("chat.subscribe", {"channel": lounge})["unread_pointer"] == message["event_id"]
    assert nameless.call(["chat.unsubscribe", 125, {"channel": lounge}]) == ["success", 125, {}]
    ada.say(lounge, "Nobody hears me")
    nameless.silence()


def test_after_unsubscribing_a_member_gets_one_unread_pointer(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    assert bob.call(["chat.unsubscribe", 123, {"channel": lounge}]) == ["success", 123, {}]
    ada.silence()
    first = ada.say(lounge, "Hello")
    assert bob.receive() == ["chat.unread_pointers", {lounge: first["event_id"]}]
    second = ada.say(lounge, "Hello?")
    bob.silence()
    assert bob.call(["chat.mark_read", 124, {"channel": lounge, "id": second["event_id"]}]) == ["success", 124, {}]
    assert bob.receive() == ["chat.notification_counts", {}]
    third = ada.say(lounge, "Hello!")
    assert bob.receive() == ["chat.unread_pointers", {lounge: third["event_id"]}]
    ada.silence()
    bob.silence()


@undisturbed
@pytest.mark.parametrize("action", ["subscribe", "join", "leave", "unsubscribe", "send", "fetch", "react", "mark_read"])
def test_a_channel_that_does_not_exist(world: World, action: str) -> None:
    ada = world.guest("Ada")
    body = {**post("", text("x")), "count": 1, "before_id": 1, "event": 1, "reaction": "👍", "id": 1}
    for missing in (str(uuid4()), "room_unk"):
        assert ada.call([f"chat.{action}", 123, {**body, "channel": missing}]) == ["error", 123, UNKNOWN_ROOM]
    del body["channel"]
    expected = UNKNOWN_ROOM if action == "join" else UNKNOWN_CHANNEL
    assert ada.call([f"chat.{action}", 124, body]) == ["error", 124, expected]
    ada.silence()


@pytest.mark.parametrize("action", ["subscribe", "join", "send", "fetch", "react"])
def test_a_channel_of_a_room_that_one_may_not_see(world: World, action: str) -> None:
    crew, ada = world.member("crew", name="Cleo"), world.guest("Ada")
    backstage = crew.channel("Backstage")
    gather(backstage, crew)
    body = {**post(backstage, text("x")), "count": 1, "before_id": 9, "event": 1, "reaction": "👍"}
    assert ada.call([f"chat.{action}", 123, body]) == ["error", 123, ROOM_DENIED]
    crew.silence()


@pytest.mark.world(rooms=[room("news", "News", chat(volatile=False), trait_grants=READ_ONLY)])
def test_a_channel_that_one_may_only_read(world: World) -> None:
    moderator, ada = world.member("moderator", name="Mo"), world.guest("Ada")
    news = ada.channel("News")
    gather(news, moderator)
    message = moderator.say(news, "Welcome")
    assert ada.call(["chat.join", 1, {"channel": news}]) == ["error", 1, ROOM_DENIED]
    assert ada.call(["chat.send", 2, post(news, text("Thanks"))]) == ["error", 2, ROOM_DENIED]
    react = {"channel": news, "event": message["event_id"], "reaction": "👍"}
    assert ada.call(["chat.react", 3, react]) == ["error", 3, ROOM_DENIED]
    ada.ok("chat.subscribe", {"channel": news})
    assert fetch(ada, news)[-1] == essence(message)


# Volatile rooms


def test_a_volatile_room_tells_nobody_who_comes_and_goes(world: World) -> None:
    ada, tab, bob = world.guest("Ada", "ada"), world.guest(client_id="ada"), world.guest("Bob")
    stage = ada.channel("Main Stage")
    nothing_yet: Json = {"state": None, "next_event_id": 1, "unread_pointer": 0, "members": []}
    assert ada.call(["chat.join", 123, {"channel": stage}]) == ["success", 123, nothing_yet]
    assert tab.receive() == ["chat.channels", {"channels": []}]
    assert bob.call(["chat.join", 124, {"channel": stage}]) == ["success", 124, nothing_yet]
    for client in (ada, tab, bob):
        client.silence()
    bob.ok("chat.leave", {"channel": stage})
    ada.silence()
    message = ada.say(stage, "Hello")
    assert message["event_id"] == 1
    assert fetch(ada, stage) == [essence(message)]
    assert world.guest(client_id="ada").hello["chat.channels"] == []


def test_a_volatile_membership_ends_with_the_last_subscription(world: World) -> None:
    tabs = [world.guest("Ada", "ada"), world.guest(client_id="ada")]
    bob = world.guest("Bob")
    stage = bob.channel("Main Stage")
    bob.ok("chat.join", {"channel": stage})
    for tab in tabs:
        tab.ok("chat.join", {"channel": stage})
        for client in tabs:
            assert all(push[0] == "chat.channels" for push in client.drain())
    tabs[0].ok("chat.unsubscribe", {"channel": stage})
    tabs[0].drain()
    tabs[1].drain()
    assert tabs[0].ok("chat.send", post(stage, text("Still a member")))["event"]["content"] == text("Still a member")
    assert pushed_event(tabs[1])["content"] == text("Still a member")
    tabs[1].ok("chat.unsubscribe", {"channel": stage})
    for tab in tabs:
        tab.drain()
    assert tabs[1].refused("chat.send", post(stage, text("No more"))) == NOT_A_MEMBER
    assert tabs[0].refused("chat.send", post(stage, text("No more"))) == NOT_A_MEMBER


def test_a_volatile_membership_ends_with_the_socket(world: World) -> None:
    ada, other = world.guest("Ada", "ada"), world.guest(client_id="ada")
    stage = ada.channel("Main Stage")
    ada.ok("chat.join", {"channel": stage})
    other.expect("chat.channels")
    ada.close()
    deadline = time.monotonic() + PATIENCE
    while (reply := other.call(["chat.send", 1, post(stage, text("Am I in?"))]))[0] == "success":
        assert time.monotonic() < deadline, "still a member after the socket closed"
        other.drain()
    assert reply == ["error", 1, NOT_A_MEMBER]


def test_moderators_may_stay_in_a_volatile_room(world: World) -> None:
    """Only they may: for everybody else `volatile` changes nothing."""
    moderator, ada = world.member("moderator", uid="mo", name="Mo"), world.guest("Ada", "ada")
    stage = ada.channel("Main Stage")
    for client in (moderator, ada):
        client.ok("chat.join", {"channel": stage, "volatile": False})
        client.drain()
    assert [channel["id"] for channel in world.member("moderator", uid="mo").hello["chat.channels"]] == [stage]
    assert world.guest(client_id="ada").hello["chat.channels"] == []


# Reading


def test_fetching_a_history_in_pages(world: World) -> None:
    ada, reader = world.guest("Ada"), world.guest()
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    for number in range(2, 8):
        assert ada.say(lounge, f"line {number}")["event_id"] == number
    assert numbers(fetch(reader, lounge)) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(fetch(reader, lounge, count=3)) == [5, 6, 7]
    assert numbers(fetch(reader, lounge, count=3, before_id=5)) == [2, 3, 4]
    assert numbers(fetch(reader, lounge, count=3, before_id=2)) == [1]
    assert fetch(reader, lounge, count=3, before_id=1) == []
    assert fetch(reader, lounge, count=3, before_id=0) == []
    assert fetch(reader, lounge, before_id=4) == [
        member_event(1, lounge, ada.user, "join"),
        message_event(2, lounge, ada, text("line 2")),
        message_event(3, lounge, ada, text("line 3")),
    ]
    reader.silence()


def test_the_history_of_a_volatile_room_has_messages_only(world: World) -> None:
    moderator = world.member("moderator", name="Mo")
    stage = moderator.channel("Main Stage")
    moderator.ok("chat.join", {"channel": stage, "volatile": False})
    moderator.drain()
    moderator.say(stage, "Hello")
    assert [event["event_type"] for event in fetch(moderator, stage)] == ["channel.message"]


@pytest.mark.world(rooms=[room("all", "Everyone", chat(volatile=False), force_join=True)])
def test_the_history_of_a_forced_room_has_messages_only(world: World) -> None:
    ada = world.guest()
    everyone = ada.channel("Everyone")
    ada.rename("Ada")
    ada.expect("chat.channels")
    ada.ok("chat.subscribe", {"channel": everyone})
    ada.say(everyone, "Hello")
    assert [event["event_type"] for event in fetch(ada, everyone)] == ["channel.message"]


def test_each_socket_gets_a_profile_once_for_each_subscription(world: World) -> None:
    ada, reader = world.guest("Ada"), world.guest()
    stage = ada.channel("Main Stage")
    ada.ok("chat.join", {"channel": stage})
    reader.ok("chat.subscribe", {"channel": stage})
    ada.say(stage, "one")
    assert reader.expect("chat.event")["users"] == {ada.id: ada.user}
    ada.say(stage, "two")
    assert reader.expect("chat.event")["users"] == {}
    page = {"channel": stage, "count": 10, "before_id": sys.maxsize}
    assert reader.ok("chat.fetch", page)["users"] == {}
    reader.ok("chat.unsubscribe", {"channel": stage})
    reader.ok("chat.subscribe", {"channel": stage})
    assert reader.ok("chat.fetch", page)["users"] == {ada.id: ada.user}
    ada.say(stage, "three")
    assert reader.expect("chat.event")["users"] == {}


# Writing


@undisturbed
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"event_type": "bogus", "content": text("x")}, "chat.unsupported_event_type"),
        ({"event_type": "channel.member", "content": text("x")}, "chat.unsupported_event_type"),
        ({"event_type": "channel.message", "content": {"type": "bogus"}}, "chat.unsupported_content_type"),
        ({"event_type": "channel.message", "content": text("")}, "chat.empty"),
    ],
)
def test_messages_that_are_refused(world: World, message: Json, code: str) -> None:
    ada, bob = world.guest("Ada"), world.guest()
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    bob.ok("chat.subscribe", {"channel": lounge})
    assert ada.call(["chat.send", 123, {"channel": lounge, **message}]) == ["error", 123, {"code": code}]
    ada.silence()
    bob.silence()


@undisturbed
def test_calls_are_for_direct_channels(world: World) -> None:
    ada = world.guest("Ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    ada.refused("chat.send", post(lounge, {"type": "call", "body": {}}))


@undisturbed
@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": "Look at this"}])
def test_sending_files(world: World, body: Json) -> None:
    ada = world.guest("Ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    files = [{"url": "https://cdn.example/a.png", "mimeType": "image/png", "name": "a.png"}]
    event = ada.ok("chat.send", post(lounge, {"type": "files", "files": files, **body}))["event"]
    assert event["content"]["type"] == "files"
    assert event["content"]["files"] == files
    assert event["content"].get("body", "") == body.get("body", "")
    assert pushed_event(ada) == essence(event)


def test_any_text_comes_back_as_it_was(world: World) -> None:
    ada = world.guest("Ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    bodies = [
        "žluťoučký kůň",
        "👩‍👩‍👧‍👦",
        'quote " and \\ and </script>',
        "two\nlines",
        "two\u2028lines",
        " padded ",
        "x" * 2000,
    ]
    for body in bodies:
        ada.say(lounge, body)
    assert [event["content"]["body"] for event in fetch(ada, lounge)[1:]] == bodies


def test_sending_twice_with_one_nonce_is_sending_once(world: World) -> None:
    ada, bob, reader = world.guest("Ada", "ada"), world.guest("Bob"), world.guest()
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    reader.ok("chat.subscribe", {"channel": lounge})
    message = post(lounge, text("Once"), nonce="n-1")
    first = ada.ok("chat.send", message)["event"]
    ada.expect("chat.event")
    bob.expect_all("chat.event", "chat.unread_pointers")
    assert essence(ada.ok("chat.send", message)["event"]) == essence(first)
    ada.silence()
    bob.silence()

    tab = world.guest(client_id="ada")
    assert essence(tab.ok("chat.send", message)["event"]) == essence(first)
    tab.silence()

    others = bob.ok("chat.send", message)["event"]
    tab.expect("chat.unread_pointers")
    assert others["event_id"] != first["event_id"]
    second = tab.ok("chat.send", {**message, "nonce": "n-2"})["event"]
    assert second["event_id"] not in {first["event_id"], others["event_id"]}
    assert [reader.expect("chat.event")["event_id"] for _ in range(3)] == numbers([first, others, second])
    reader.silence()


# Editing and deleting


EDITS = [
    ("user", "user", "text", True),
    ("user", "user", "deleted", True),
    ("user", "admin", "text", False),
    ("user", "admin", "deleted", False),
    ("admin", "user", "text", False),
    ("admin", "user", "deleted", True),
    ("admin", "admin", "text", True),
    ("admin", "admin", "deleted", True),
]


@pytest.mark.parametrize(("editor", "author", "kind", "allowed"), EDITS)
def test_who_may_edit_and_delete_whose_messages(
    world: World, editor: str, author: str, kind: str, allowed: bool
) -> None:
    """Everybody their own; a moderator may delete what others wrote, but not put words into their mouths."""
    people = {"user": world.member(name="User"), "admin": world.member("admin", name="Admin")}
    lounge = people["user"].channel("Lounge")
    gather(lounge, *people.values())
    reader = world.guest()
    reader.ok("chat.subscribe", {"channel": lounge})
    original = people[author].say(lounge, "Hello")
    assert pushed_event(reader) == essence(original)
    for client in people.values():
        client.drain()
    content = text("Goodbye") if kind == "text" else {"type": "deleted"}
    reply = people[editor].call(["chat.send", 123, post(lounge, content, replaces=original["event_id"])])
    if not allowed:
        assert reply == ["error", 123, NOT_A_MEMBER]
        reader.silence()
        assert essence(original) in fetch(reader, lounge)
        return
    edit = message_event(a_number(), lounge, people[editor], content, replaces=original["event_id"], edited=anything())
    assert reply[:2] == ["success", 123]
    assert essence(reply[2]["event"]) == edit
    for client in (people[editor], reader):
        assert pushed_event(client) == edit
    history = {event["event_id"]: event for event in fetch(world.guest(), lounge)}
    assert history[original["event_id"]] == {**essence(original), "content": content, "edited": an_instant()}


def test_a_message_of_another_channel_cannot_be_replaced(world: World) -> None:
    crew = world.member("crew", name="Cleo")
    lounge, backstage = crew.channel("Lounge"), crew.channel("Backstage")
    gather(lounge, crew)
    gather(backstage, crew)
    original = crew.say(backstage, "Secret")
    crew.refused("chat.send", post(lounge, text("Stolen"), replaces=original["event_id"]))
    assert essence(original) in fetch(crew, backstage)


def test_membership_events_cannot_be_replaced(world: World) -> None:
    ada = world.guest("Ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    ada.refused("chat.send", post(lounge, text("I was never here"), replaces=1))
    assert fetch(ada, lounge) == [member_event(1, lounge, ada.user, "join")]


# Reacting


def test_reacting_and_taking_it_back(world: World) -> None:
    ada, bob, reader = world.guest("Ada"), world.guest("Bob"), world.guest()
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    reader.ok("chat.subscribe", {"channel": lounge})
    original = ada.say(lounge, "Hello")
    for client in (bob, reader):
        client.drain()
    body = {"channel": lounge, "event": original["event_id"], "reaction": "😈"}

    def react(client: Client, reactions: Json, **fields: Json) -> None:
        expected = {**essence(original), "reactions": reactions}
        reply = client.call(["chat.react", 123, {**body, **fields}])
        assert reply[:2] == ["success", 123]
        assert essence(reply[2]) == expected
        for hearer in (ada, bob, reader):
            assert essence(hearer.expect("chat.event.reaction")) == expected
        for hearer in (ada, bob, reader):
            hearer.silence()

    react(bob, {"😈": [bob.id]})
    react(ada, {"😈": unordered(ada.id, bob.id)})
    react(ada, {"😈": unordered(ada.id, bob.id), "👍": [ada.id]}, reaction="👍")
    react(ada, {"😈": [bob.id], "👍": [ada.id]}, delete=True)
    react(bob, {"👍": [ada.id]}, delete=True)
    assert fetch(reader, lounge)[-1]["reactions"] == {"👍": [ada.id]}


def test_a_user_reacts_once_with_each_emoji(world: World) -> None:
    ada = world.guest("Ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    body = {"channel": lounge, "event": ada.say(lounge, "Hello")["event_id"], "reaction": "👍"}
    for _ in range(2):
        assert ada.ok("chat.react", body)["reactions"] == {"👍": [ada.id]}
        ada.drain()
    assert fetch(ada, lounge)[-1]["reactions"] == {"👍": [ada.id]}


@undisturbed
@pytest.mark.parametrize("reaction", ["x", "", "+1", "👍👍", "hello 👍"])
def test_only_an_emoji_is_a_reaction(world: World, reaction: Json) -> None:
    ada = world.guest("Ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    body = {"channel": lounge, "event": ada.say(lounge, "Hello")["event_id"], "reaction": reaction}
    assert ada.refused("chat.react", body)["code"] == "emoji.sadpanda"


def test_only_members_react_and_only_to_what_is_there(world: World) -> None:
    ada, bob, crew = world.guest("Ada"), world.guest("Bob"), world.member("crew", name="Cleo")
    lounge, backstage = ada.channel("Lounge"), crew.channel("Backstage")
    gather(lounge, ada)
    gather(backstage, crew)
    secret = crew.say(backstage, "Secret")
    message = ada.say(lounge, "Hello")
    body = {"channel": lounge, "event": message["event_id"], "reaction": "👍"}
    assert bob.call(["chat.react", 1, body]) == ["error", 1, NOT_A_MEMBER]
    ada.refused("chat.react", {**body, "event": 10_000})
    ada.refused("chat.react", {**body, "event": secret["event_id"]})
    crew.silence()
    assert fetch(crew, backstage)[-1] == essence(secret)


# Read pointers


def test_marking_as_read_is_told_to_all_sockets_of_the_user(world: World) -> None:
    tab, other_tab = world.guest("Ada", "ada"), world.guest(client_id="ada")
    bob = world.guest("Bob")
    lounge = tab.channel("Lounge")
    gather(lounge, tab, bob)
    other_tab.expect("chat.channels")
    message = bob.say(lounge, "Hello")
    tab.expect_all("chat.event", "chat.unread_pointers")
    assert other_tab.expect("chat.unread_pointers") == {lounge: message["event_id"]}
    body = {"channel": lounge, "id": message["event_id"]}
    assert other_tab.call(["chat.mark_read", 123, body]) == ["success", 123, {}]
    assert other_tab.receive() == ["chat.notification_counts", {}]
    assert tab.receive() == ["chat.read_pointers", {lounge: message["event_id"]}]
    assert tab.receive() == ["chat.notification_counts", {}]
    for client in (tab, other_tab, bob):
        client.silence()
    hello = world.guest(client_id="ada").hello
    assert hello["chat.channels"] == [{"id": lounge, "unread_pointer": message["event_id"]}]
    assert hello["chat.read_pointers"] == {lounge: message["event_id"]}
    assert hello["chat.notification_counts"] == {}


def test_all_read_pointers_are_told(world: World) -> None:
    tab, other_tab = world.member("crew", uid="cleo", name="Cleo"), world.member("crew", uid="cleo")
    lounge, backstage = tab.channel("Lounge"), tab.channel("Backstage")
    for channel in (lounge, backstage):
        gather(channel, tab)
        other_tab.expect("chat.channels")
    tab.ok("chat.mark_read", {"channel": lounge, "id": 1})
    assert other_tab.expect("chat.read_pointers") == {lounge: 1}
    other_tab.expect("chat.notification_counts")
    tab.expect("chat.notification_counts")
    tab.ok("chat.mark_read", {"channel": backstage, "id": 2})
    assert other_tab.expect("chat.read_pointers") == {lounge: 1, backstage: 2}


@undisturbed
@pytest.mark.parametrize("number", [{}, {"id": None}, {"id": 0}, {"id": ""}])
def test_marking_nothing_as_read(world: World, number: Json) -> None:
    account = str(uuid4())
    tab, other_tab = world.guest("Ada", account), world.guest(client_id=account)
    lounge = tab.channel("Lounge")
    gather(lounge, tab)
    other_tab.expect("chat.channels")
    command = ["chat.mark_read", 123, {"channel": lounge, **number}]
    assert tab.call(command) == ["error", 123, {"code": "chat.invalid_body"}]
    other_tab.silence()


def test_the_sender_of_a_message_gets_no_unread_pointer(world: World) -> None:
    ada, tab = world.guest("Ada", "ada"), world.guest(client_id="ada")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    tab.expect("chat.channels")
    ada.say(lounge, "Hello")
    ada.silence()
    tab.silence()
