"""What two people and their clients live through, from one day to the next; and what a third does not hear."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.golden.dm.phone import NEW, OLD, Party
from tests.golden.placeholder import a_text

LINES = [(OLD, "websocket"), (OLD, "polling"), (NEW, "websocket"), (NEW, "polling")]
PICTURE = "https://cdn.example.org/starman.png"
ID = r"[0-9]{13}([0-9]{4})?"


@pytest.mark.parametrize(("version", "transport"), LINES)
def test_two_people_from_one_day_to_the_next(party: Party, version: int, transport: str) -> None:
    ada, bob, eve = party.person("Ada"), party.person("Bob"), party.person("Eve")

    # They find each other by the ids that they were given.
    assert ada.get("/users", users=bob.id).body == {"users": [bob.seen]}
    line = bob.connect(version=version, transport=transport)
    channel = ada.open(bob)
    assert line.expect("channelCreate") == {"channel_id": channel}
    assert bob.get("/dmchannels", channels=channel).body == {"dmchannels": [{"channel_id": channel, "user": ada.seen}]}

    # Bob hears at once, without having come anew; Eve, who names the channel, hears nothing.
    spy = eve.connect(channel, version=version, transport=transport)
    mine = ada.connect(channel, version=version, transport=transport)
    mine.say(channel, "hello")
    told = mine.expect("message")
    assert told == {**party.said(ada, channel, "hello"), "id": a_text(ID)}
    assert line.expect("message") == told
    line.say(channel, "hi")
    answer = line.expect("message")
    assert answer == {**party.said(bob, channel, "hi"), "id": a_text(ID)}
    assert mine.expect("message") == answer

    # She takes back what she said, and is somebody else.
    mine.emit("messageDeleted", {"channel": channel, "id": told["id"]})
    assert line.expect("messageDeleted") == mine.expect("messageDeleted") == {"channel": channel, "id": told["id"]}
    assert ada.post("/update-account", {"username": "Starman", "avatarURL": PICTURE}).status == 202
    ada.name = "Starman"
    mine.say(channel, "it is me")
    changed = line.expect("message")
    assert changed["author"] == {**ada.seen, "avatarURL": PICTURE}
    mine.expect("message")
    for number in range(60):
        mine.say(channel, f"number {number}")
        line.expect("message")
    spy.silence()

    # The day after, their tokens are over.
    party.place.move(timedelta(hours=25))
    mine.say(channel, "are you there?")
    line.silence()
    assert bob.get("/messages", channel_id=channel) == (401, None)
    for person in (ada, bob):
        assert person.log_in(secret=person.secret).status == 202
        assert person.dms == [channel]
    assert bob.contents(channel) == [f"number {number}" for number in range(10, 60)]
    assert bob.messages(channel)["messages"][0]["author"] == {**ada.seen, "avatarURL": PICTURE}
    assert bob.contents(channel, number=3) == [f"number {number}" for number in range(57, 60)]

    # Both come back, and talk on.
    mine, line = (person.connect(channel, version=version, transport=transport) for person in (ada, bob))
    line.say(channel, "good morning")
    assert mine.expect("message") == {**party.said(bob, channel, "good morning"), "id": a_text(ID)}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_sender_hears_it_once_on_every_client(party: Party, version: int) -> None:
    ada, _, channel = party.pair()
    phone, tablet, watch = ada.connect(channel), ada.connect(channel, version=version), ada.connect()
    phone.say(channel, "hello")
    told = phone.expect("message")
    assert tablet.expect("message") == told
    for line in (phone, tablet, watch):
        line.silence()


def test_who_did_not_list_the_channel_hears_what_they_say_themselves(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(), bob.connect(channel)
    mine.say(channel, "hello")
    assert mine.expect("message") == line.expect("message")
    line.say(channel, "hi")
    line.expect("message")
    mine.silence()


def test_the_creator_hears_a_new_channel_without_coming_anew(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    mine, line = ada.connect(), bob.connect()
    channel = ada.open(bob)
    line.expect("channelCreate")
    line.say(channel, "you called?")
    assert mine.expect("message")["content"] == "you called?"


def test_two_who_open_the_same_channel_at_one_moment(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(one.post, "/create-channel", {"to": other.id, "type": 1})
            for one, other in ((ada, bob), (bob, ada)) * 4
        ]
        answers = [call.result() for call in calls]
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    (channel,) = (answer.body["channel_id"] for answer in answers if answer.body)
    for person in (ada, bob):
        assert person.log_in(secret=person.secret).body["dms"] == [channel]


def test_messages_of_one_millisecond_are_told_apart_and_in_order(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel), bob.connect(channel)
    for number in range(40):  # the clock stands
        mine.say(channel, str(number))
    told = [line.expect("message") for _ in range(40)]
    assert [message["content"] for message in told] == [str(number) for number in range(40)]
    ids = [message["id"] for message in told]
    assert len(set(ids)) == 40
    assert sorted(ids) == ids
    assert all(len(one) in (13, 17) and one.isdecimal() for one in ids)
    assert [message["id"] for message in bob.messages(channel)["messages"]] == ids
    mine.emit("messageDeleted", {"channel": channel, "id": ids[7]})
    assert line.expect("messageDeleted")["id"] == ids[7]
    assert [message["id"] for message in bob.messages(channel)["messages"]] == ids[:7] + ids[8:]


@pytest.mark.parametrize("number", ["0", "51", "-1", "", "1.5", "lots", "9" * 30, "५"])
def test_a_number_of_messages_that_makes_no_sense_is_fifty(party: Party, number: str) -> None:
    ada, _, channel = party.pair()
    mine = ada.connect(channel)
    for count in range(51):
        mine.say(channel, str(count))
        mine.expect("message")
    assert len(ada.contents(channel, number=number)) == 50
    assert ada.contents(channel, number=1) == ["50"]
    assert len(ada.contents(channel, number=50)) == 50


def test_fifty_are_given_however_many_were_taken_back(party: Party) -> None:
    ada, _, channel = party.pair()
    mine = ada.connect(channel)
    ids = []
    for count in range(160):
        mine.say(channel, str(count))
        ids.append(mine.expect("message")["id"])
    for one in ids[40:]:
        mine.emit("messageDeleted", {"channel": channel, "id": one})
        mine.expect("messageDeleted")
    assert ada.contents(channel) == [str(count) for count in range(40)]


def test_what_was_said_survives_a_restart(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine = ada.connect(channel)
    mine.say(channel, "remember me")
    told = mine.expect("message")
    party.place.move(timedelta(seconds=1))  # as ids are times, no server may start before the last one ended
    party.place.restart()
    assert bob.messages(channel)["messages"] == [told]
    assert ada.log_in(secret=ada.secret).body["dms"] == [channel]
