"""Mentions: who is told, and whom the sender learns not to have reached (1.9)."""

from uuid import uuid4

import pytest
from tests.golden.placeholder import anything
from tests.golden.venueless.world import Client, Json, World, chat, essence, gather, room


def send(client: Client, channel: str, body: str) -> Json:
    """Post a text and return the event of the reply; what it makes the sender hear is left to be heard."""
    message = {"channel": channel, "event_type": "channel.message", "content": {"type": "text", "body": body}}
    return client.ok("chat.send", message)["event"]


def test_a_member_who_is_mentioned_is_notified(world: World) -> None:
    ada, bob, carl = world.guest("Ada"), world.guest("Bob"), world.guest("Carl")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob, carl)
    for client in (bob, carl):
        client.ok("chat.unsubscribe", {"channel": lounge})
    event = send(ada, lounge, f"Hello @{bob.id}!")
    assert ada.expect("chat.event")["event_id"] == event["event_id"]
    pushes = bob.expect_all("chat.notification", "chat.unread_pointers")
    assert pushes["chat.unread_pointers"] == {lounge: event["event_id"]}
    notification = pushes["chat.notification"]
    assert notification.keys() == {"event", "sender"}
    assert essence(notification["event"]) == essence(event)
    assert {key: notification["sender"][key] for key in ada.user} == ada.user
    assert carl.expect("chat.unread_pointers") == {lounge: event["event_id"]}
    for client in (ada, bob, carl):
        client.silence()


def test_notifications_are_counted_until_the_message_is_read(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob", "bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    bob.ok("chat.unsubscribe", {"channel": lounge})
    first, second = (ada.say(lounge, f"Hello @{bob.id} {word}") for word in ("once", "twice"))
    bob.expect_all("chat.notification", "chat.unread_pointers", "chat.notification")
    assert world.guest(client_id="bob").hello["chat.notification_counts"] == {lounge: 2}
    bob.ok("chat.mark_read", {"channel": lounge, "id": first["event_id"]})
    assert bob.expect("chat.notification_counts") == {lounge: 1}
    bob.ok("chat.mark_read", {"channel": lounge, "id": second["event_id"]})
    assert bob.expect("chat.notification_counts") == {}
    assert world.guest(client_id="bob").hello["chat.notification_counts"] == {}


def test_mentioned_profiles_come_with_the_event(world: World) -> None:
    ada, bob, reader = world.guest("Ada"), world.guest("Bob"), world.guest()
    stage = ada.channel("Main Stage")
    ada.ok("chat.join", {"channel": stage})
    reader.ok("chat.subscribe", {"channel": stage})
    send(ada, stage, f"Hello @{bob.id}!")
    assert reader.expect("chat.event")["users"] == {ada.id: ada.user, bob.id: bob.user}


def test_the_sender_is_warned_of_who_is_no_member(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada)
    event = send(ada, lounge, f"Hello @{bob.id}!")
    pushes = ada.expect_all("chat.mention_warning", "chat.event")
    assert pushes["chat.mention_warning"] == {
        "channel": lounge,
        "event_id": event["event_id"],
        "missed_users": anything(),
    }
    missed = pushes["chat.mention_warning"]["missed_users"]
    assert [user["id"] if isinstance(user, dict) else user for user in missed] == [bob.id]
    ada.silence()
    bob.silence()


def test_in_a_volatile_room_every_reader_can_be_mentioned(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    stage = ada.channel("Main Stage")
    ada.ok("chat.join", {"channel": stage})
    event = send(ada, stage, f"Hello @{bob.id}!")
    assert ada.expect("chat.event")["event_id"] == event["event_id"]
    assert bob.expect("chat.notification")["event"]["event_id"] == event["event_id"]
    ada.silence()
    bob.silence()


@pytest.mark.world(
    rooms=[
        room("lounge", "Lounge", chat(volatile=False)),
        room("crew", "Crew", chat(volatile=True), trait_grants={"participant": ["crew"]}),
    ]
)
def test_who_may_not_read_a_volatile_room_is_not_mentioned_in_it(world: World) -> None:
    crew, bob = world.member("crew", name="Cleo"), world.guest("Bob")
    channel = crew.channel("Crew")
    crew.ok("chat.join", {"channel": channel})
    send(crew, channel, f"Hello @{bob.id}!")
    crew.expect_all("chat.mention_warning", "chat.event")
    crew.silence()
    bob.silence()


def test_fifty_mentions_are_too_many(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    bob.ok("chat.unsubscribe", {"channel": lounge})
    event = send(ada, lounge, f"Hello @{bob.id} " + " ".join(f"@{uuid4()}" for _ in range(60)))
    assert ada.expect("chat.event")["event_id"] == event["event_id"]
    assert bob.expect("chat.unread_pointers") == {lounge: event["event_id"]}
    ada.silence()
    bob.silence()


def test_mentioning_nobody_known_and_oneself(world: World) -> None:
    ada, bob = world.guest("Ada"), world.guest("Bob")
    lounge = ada.channel("Lounge")
    gather(lounge, ada, bob)
    event = send(ada, lounge, f"@{uuid4()} @{ada.id} @nobody @ {bob.id}")
    assert ["chat.event", event["event_id"]] in [[push[0], push[1].get("event_id")] for push in ada.drain()]
    pushes = bob.expect_all("chat.event", "chat.unread_pointers")
    assert essence(pushes["chat.event"]) == essence(event)
    bob.silence()
