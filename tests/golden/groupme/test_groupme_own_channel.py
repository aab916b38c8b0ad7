"""What is said comes on a user's own channel: to whom it does, to whom not, and what it costs when nobody listens."""

from collections.abc import Iterator
from unittest import mock

import pytest
from tests.golden.groupme.ear import Ear
from tests.golden.groupme.person import Person

from hubbub.dialects.groupme.view import View


@pytest.fixture
def group(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


@pytest.fixture
def written() -> Iterator[mock.Mock]:
    """Count the messages that are written for clients."""
    with mock.patch.object(View, "_content", autospec=True, side_effect=View._content) as content:
        yield content


def unsubscribe(ear: Ear, channel: str) -> None:
    assert ear.call("/meta/unsubscribe", subscription=channel)["successful"]


def test_who_is_on_the_channel_of_the_group_alone_is_not_told_what_is_said(
    ada: Person, bob: Person, group: str
) -> None:
    with Ear(ada) as own, Ear(bob, f"/group/{group}") as other:
        ada.say(group, "Hello")
        own.hear("line.create", f"/user/{ada.id}")
        other.silence()
        other.subscribe(f"/user/{bob.id}")
        ada.say(group, "Again")
        assert other.hear("line.create", f"/user/{bob.id}")["subject"]["text"] == "Again"


def test_who_leaves_the_own_channel_hears_nothing_until_they_come_back(ada: Person, bob: Person, group: str) -> None:
    channel = f"/user/{bob.id}"
    with Ear(bob) as ear:
        unsubscribe(ear, channel)
        ada.say(group, "One")
        ear.silence()
        assert ear.subscribe(channel)["successful"]
        ada.say(group, "Two")
        assert ear.hear("line.create", channel)["subject"]["text"] == "Two"


def test_leaving_another_channel_changes_nothing(ada: Person, bob: Person, group: str) -> None:
    with Ear(bob, f"/user/{bob.id}", f"/group/{group}") as ear:
        unsubscribe(ear, f"/group/{group}")
        ada.say(group, "One")
        ear.hear("line.create", f"/user/{bob.id}")


def test_the_own_channel_has_one_name(bob: Person) -> None:
    with Ear(bob, "") as ear:
        assert not ear.subscribe(f"/user/0{bob.id}")["successful"]
        assert ear.subscribe(f"/user/{bob.id}")["successful"]


def test_a_message_is_written_once_for_all_who_listen(ada: Person, bob: Person, group: str, written: mock.Mock) -> None:
    with Ear(ada) as own, Ear(bob, f"/user/{bob.id}", f"/group/{group}") as other:
        message = ada.say(group, "Hello")
        own.hear("line.create")
        other.hear("line.create")
        # Once more for the answer to who said it.
        assert written.call_count == 2
        written.reset_mock()
        bob.post(f"/v3/messages/{group}/{message['id']}/like")
        own.hear("like.create")
        other.hear("favorite")
        assert written.call_count == 1


def test_nothing_is_written_that_nobody_listens_to(ada: Person, bob: Person, group: str, written: mock.Mock) -> None:
    pair = "_".join(sorted((ada.id, bob.id), key=int))
    with Ear(ada, f"/group/{group}"), Ear(bob, f"/direct_message/{pair}"):
        message = ada.say(group, "Hello")
        assert written.call_count == 1
    with Ear(ada), Ear(bob):
        written.reset_mock()
        # Nobody watches the group, and its author is not told of their own like.
        ada.post(f"/v3/messages/{group}/{message['id']}/like")
        assert written.call_count == 0
