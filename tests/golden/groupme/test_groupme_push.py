"""Push (protocols/groupme.md 3): who hears what, on which channel, and who may not."""

from datetime import timedelta

import pytest
from tests.golden.groupme.ear import Ear
from tests.golden.groupme.person import Person
from tests.golden.jumpin.place import Place

from hubbub.core.account import RevokeToken
from hubbub.core.chat import DeleteMessage, EditMessage, PostMessage, ReactToMessage
from hubbub.core.direct import SendDirect
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.joining import AddMembers, NewMember, RemoveMember
from hubbub.core.model import Message, Room
from hubbub.core.reading import MarkRead

HEART = "\u2764\ufe0f"


class Pub:
    """A group of Ada and Bob."""

    def __init__(self, place: Place, ada: Person, bob: Person) -> None:
        self.place, self.ada, self.bob = place, ada, bob
        room: Room = place.do(CreateGroup(settings=GroupSettings(name="Pub")), user=ada.number)
        self.room = room.id
        self.add(bob)

    @property
    def channel(self) -> str:
        return f"/group/{self.room}"

    def add(self, person: Person) -> None:
        member = NewMember(user=person.number, nickname=person.name)
        self.place.do(AddMembers(room=self.room, members=(member,)), user=self.ada.number)

    def say(self, person: Person, body: str = "Hello") -> Message:
        found: Message = self.place.do(PostMessage(room=self.room, body=body), user=person.number)
        return found

    def like(self, person: Person, message: Message, *, off: bool = False) -> None:
        command = ReactToMessage(room=self.room, number=message.number, reaction=HEART, delete=off, single=True)
        self.place.do(command, user=person.number)


@pytest.fixture
def pub(groupme_place: Place, ada: Person, bob: Person) -> Pub:
    return Pub(groupme_place, ada, bob)


# On the channel of a user


def test_what_is_said_in_a_group_comes_to_everybody_there_and_to_who_said_it(pub: Pub) -> None:
    with Ear(pub.ada) as own, Ear(pub.bob) as other:
        message = pub.say(pub.ada)
        for ear, who in ((own, pub.ada), (other, pub.bob)):
            data = ear.hear("line.create", f"/user/{who.id}")
            assert data["alert"] == "Ada: Hello"
            assert isinstance(data["received_at"], int)
            subject = data["subject"]
            assert subject["text"] == "Hello"
            assert (subject["group_id"], subject["parent_id"]) == (str(pub.room), str(pub.room))
            assert (subject["user_id"], subject["sender_type"], subject["system"]) == (pub.ada.id, "user", False)
            assert subject["id"] == str(10**17 + message.number)
            assert subject["location"] == {"lat": "", "lng": "", "name": None}
            assert subject["picture_url"] is None
            assert not {"favorited_by", "platform"} & subject.keys()
            ear.silence()


def test_what_is_said_between_two_comes_to_both_and_to_nobody_else(
    groupme_place: Place, ada: Person, bob: Person, cleo: Person
) -> None:
    with Ear(ada) as own, Ear(bob) as other, Ear(cleo) as third:
        groupme_place.do(SendDirect(user=bob.number, body="Psst"), user=ada.number)
        for ear in (own, other):
            subject = ear.hear("direct_message.create")["subject"]
            assert (subject["text"], subject["sender_id"], subject["recipient_id"]) == ("Psst", ada.id, bob.id)
            assert subject["chat_id"] == "+".join(sorted((ada.id, bob.id), key=int))
            assert not {"conversation_id", "group_id", "system", "platform"} & subject.keys()
            ear.silence()
        third.silence()


def test_who_likes_is_told_to_the_author_and_on_the_channel_of_the_group(pub: Pub) -> None:
    message = pub.say(pub.ada)
    with Ear(pub.ada) as author, Ear(pub.bob, pub.channel) as watcher:
        pub.like(pub.bob, message)
        data = author.hear("like.create")
        assert data["alert"] == "Bob liked your message"
        subject = data["subject"]
        assert subject["user_id"] == pub.bob.id
        assert subject["user_reaction"] == {"type": "unicode", "code": HEART}
        assert subject["reactions"] == [{"type": "unicode", "code": HEART, "user_ids": [pub.bob.id]}]
        assert subject["line"]["favorited_by"] == [pub.bob.id]
        assert watcher.hear("favorite", pub.channel)["subject"]["line"]["id"] == subject["line"]["id"]
        pub.like(pub.bob, message, off=True)
        assert watcher.hear("favorite")["subject"]["reactions"] == []
        author.silence()
        pub.like(pub.ada, message)
        assert watcher.hear("favorite")["subject"]["user_id"] == pub.ada.id
        author.silence()


def test_who_is_added_is_told_and_hears_what_is_said_from_then_on(pub: Pub, cleo: Person) -> None:
    with Ear(cleo) as ear:
        pub.say(pub.ada, "Before")
        pub.add(cleo)
        data = ear.hear("membership.create")
        assert data["alert"] == "You've been added to Pub"
        assert data["subject"]["group_id"] == str(pub.room)
        pub.say(pub.ada, "After")
        assert ear.hear("line.create")["subject"]["text"] in ("After", "Ada added Cleo to the group")


def test_who_is_removed_hears_nothing_more(pub: Pub) -> None:
    with Ear(pub.bob, f"/user/{pub.bob.id}", pub.channel) as ear:
        pub.place.do(RemoveMember(room=pub.room, user=pub.bob.number), user=pub.ada.number)
        pub.say(pub.ada)
        ear.silence()
        assert not ear.subscribe(f"/group/{pub.room}")["successful"]


def test_pings_come_while_somebody_listens(pub: Pub) -> None:
    with Ear(pub.ada) as ear:
        pub.place.move(timedelta(seconds=31))
        assert ear.hear("ping") == {"type": "ping"}


# On the channels of groups and conversations


def test_what_is_deleted_or_edited_is_told_on_the_channel_of_the_group(pub: Pub) -> None:
    first, second = pub.say(pub.ada, "One"), pub.say(pub.ada, "Two")
    with Ear(pub.bob, pub.channel) as ear:
        pub.place.do(EditMessage(room=pub.room, number=first.number, body="Won"), user=pub.ada.number)
        subject = ear.hear("message.update", pub.channel)["subject"]
        assert (subject["id"], subject["text"]) == (str(10**17 + first.number), "Won")
        pub.place.do(DeleteMessage(room=pub.room, number=second.number), user=pub.ada.number)
        subject = ear.hear("message.deleted", pub.channel)["subject"]
        assert (subject["id"], subject["text"]) == (str(10**17 + second.number), "This message was deleted")
        assert subject["deletion_actor"] == "sender"
        assert subject["deleted_at"].startswith("2026-")
        ear.silence()


def test_who_is_writing_is_told_to_all_who_watch(pub: Pub) -> None:
    with Ear(pub.ada, pub.channel) as own, Ear(pub.bob, pub.channel) as other:
        data = {"type": "typing", "user_id": pub.ada.id, "started": 1}
        assert own.publish(pub.channel, data)["successful"]
        for ear in (own, other):
            heard = ear.hear("typing", pub.channel)
            assert (heard["user_id"], set(heard)) == (pub.ada.id, {"type", "user_id", "started"})


def test_who_has_read_or_writes_between_two_is_told_there(groupme_place: Place, ada: Person, bob: Person) -> None:
    message = groupme_place.do(SendDirect(user=bob.number, body="Psst"), user=ada.number)
    channel = "/direct_message/" + "_".join(sorted((ada.id, bob.id), key=int))
    with Ear(ada, channel) as ear, Ear(bob, channel) as other:
        groupme_place.do(MarkRead(room=message.room, number=message.number), user=bob.number)
        subject = ear.hear("read_receipt.create", channel)["subject"]
        assert (subject["message_id"], subject["user_id"]) == (str(10**17 + message.number), bob.id)
        other.hear("read_receipt.create")
        other.publish(channel, {"type": "typing", "user_id": bob.id, "started": 1})
        assert ear.hear("typing", channel)["user_id"] == bob.id
        react = ReactToMessage(room=message.room, number=message.number, reaction=HEART, single=True)
        groupme_place.do(react, user=bob.number)
        assert ear.hear("favorite", channel)["subject"]["user_id"] == bob.id


# Who may not


def test_nobody_listens_to_what_is_not_theirs(pub: Pub, cleo: Person) -> None:
    pair = "_".join(sorted((pub.ada.id, pub.bob.id), key=int))
    with Ear(cleo) as ear:
        for channel in (
            f"/user/{pub.ada.id}",
            f"/group/{pub.room}",
            f"/direct_message/{pair}",
            f"/direct_message/{cleo.id}_{cleo.id}",
            "/user/",
            "/user/x",
            "/group/0",
            "/foo",
            "/user/*",
            "/**",
        ):
            answer = ear.subscribe(channel)
            assert not answer["successful"], channel
            assert answer["error"].split(":")[0] in ("401", "403", "405"), answer
        refused = ear.publish(f"/group/{pub.room}", {"type": "typing"})
        assert not refused["successful"]
        pub.say(pub.ada)
        ear.silence()


@pytest.mark.parametrize(
    "ext", [None, {}, {"access_token": "x"}, {"access_token": 7}, 7, {"access_token": "x" * 9999}], ids=str
)
def test_without_a_good_token_there_is_no_channel(ada: Person, ext: object) -> None:
    with Ear(ada, "") as ear:
        answer = ear.call("/meta/subscribe", subscription=f"/group/{ada.id}", ext=ext)
        assert not answer["successful"]


def test_a_token_of_somebody_else_does_not_change_whose_the_connection_is(ada: Person, bob: Person) -> None:
    with Ear(ada) as ear:
        ear.token = bob.token
        assert not ear.subscribe(f"/user/{bob.id}")["successful"]


def test_a_revoked_token_ends_the_connection(pub: Pub) -> None:
    with Ear(pub.bob) as ear:
        pub.place.do(RevokeToken(token=pub.bob.token))
        ear.ended()


def test_nothing_is_left_of_who_has_gone(pub: Pub) -> None:
    with Ear(pub.ada), Ear(pub.bob, pub.channel):
        pass
    pub.place.until(lambda: not pub.place.application.hub.statistics()["sessions"])
