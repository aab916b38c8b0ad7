"""What is left of deleted messages, and reactions of which each user has one (protocols/groupme.md 1.3, 2.4)."""

from typing import Any

import pytest
from tests.core.house import House, Outcome

from hubbub.core.chat import (
    DeleteMessage,
    DeleteMessageById,
    EditMessage,
    JoinChat,
    PostMessage,
    ReactToMessage,
    deletion_actor,
)
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import DirectChanged, MessagePosted, MessageReacted
from hubbub.core.model import Message

DELETED = "A message was deleted."


@pytest.fixture
def people(house: House) -> dict[str, int]:
    """Give Ada, Bob and Mo, a moderator, who talk in the lounge."""
    users = {"Ada": house.person("Ada"), "Bob": house.person("Bob"), "Mo": house.person("Mo", "moderator")}
    for user in users.values():
        house.do(JoinChat(room=house.lounge), user)
    return users


def say(house: House, user: int) -> Message:
    found: Message = house.do(PostMessage(room=house.lounge, body="Oops", attachments=({"url": "/a"},)), user).result
    return found


@pytest.mark.parametrize(("who", "actor"), [("Ada", "sender"), ("Mo", "admin"), ("", "system")])
def test_a_deletion_is_one_message_that_says_so(house: House, people: dict[str, int], who: str, actor: str) -> None:
    message, by = say(house, people["Ada"]), people.get(who, 0)
    outcome = house.do(DeleteMessage(room=house.lounge, number=message.number), by, operator=not by)
    posted = outcome.one(MessagePosted)
    assert posted.message.event == {
        "type": "message.deleted",
        "user": by,
        "nickname": who or "Somebody",
        "message": message.id,
        "number": message.number,
        "author": people["Ada"],
        "actor": actor,
    }
    assert (posted.message.body, posted.message.sender, posted.message.deleted) == (DELETED, by or None, True)
    assert posted.message.replaces == message.number
    left = posted.original
    assert (left.body, left.attachments, left.deleted, left.deleted_by, left.edited) == ("", (), True, by, house.now)
    assert deletion_actor(left.sender, left.deleted_by) == actor


def test_the_first_to_delete_is_remembered(house: House, people: dict[str, int]) -> None:
    number = say(house, people["Ada"]).number
    for who in ("Ada", "Mo"):
        outcome = house.do(DeleteMessage(room=house.lounge, number=number), people[who])
    assert outcome.one(MessagePosted).original.deleted_by == people["Ada"]
    again = house.do(DeleteMessage(room=house.lounge, number=number, once=True), people["Ada"])
    assert (again.result.deleted, again.events) == (True, [])


def test_what_was_liked_stays_liked(house: House, people: dict[str, int]) -> None:
    number = say(house, people["Ada"]).number
    house.do(ReactToMessage(room=house.lounge, number=number, reaction="👍"), people["Bob"])
    outcome = house.do(DeleteMessage(room=house.lounge, number=number), people["Ada"])
    assert outcome.one(MessagePosted).original.reactions == {"👍": (people["Bob"],)}


def test_by_id_it_is_the_same(house: House, people: dict[str, int]) -> None:
    message = say(house, people["Ada"])
    outcome = house.do(DeleteMessageById(room=house.lounge, message=message.id), people["Ada"])
    assert outcome.result.event["actor"] == "sender"
    assert outcome.one(MessagePosted).original.deleted_by == people["Ada"]


def test_in_a_direct_conversation_too(house: House, people: dict[str, int]) -> None:
    room = house.do(OpenDirect(users=(people["Bob"],)), people["Ada"]).result.room.id
    number = house.do(PostMessage(room=room, body="Oops"), people["Ada"]).result.number
    assert house.refusal(DeleteMessage(room=room, number=number), people["Bob"]) == Code.CHAT_DENIED
    outcome = house.do(DeleteMessage(room=room, number=number), people["Ada"])
    assert outcome.result.body == DELETED
    assert outcome.one(DirectChanged).message.deleted_by == people["Ada"]


def test_an_edit_says_nothing_but_the_new_text(house: House, people: dict[str, int]) -> None:
    number = say(house, people["Ada"]).number
    edit = house.do(EditMessage(room=house.lounge, number=number, body="New"), people["Ada"]).result
    assert (edit.body, edit.event) == ("New", None)


# One reaction of each user


def react(house: House, user: int, number: int, sign: str, **fields: Any) -> Outcome:
    return house.do(ReactToMessage(room=house.lounge, number=number, reaction=sign, **fields), user)


def test_a_new_reaction_takes_the_place_of_the_old(house: House, people: dict[str, int]) -> None:
    ada, bob = people["Ada"], people["Bob"]
    number = say(house, ada).number
    for sign in ("👍", "🦄"):
        react(house, bob, number, sign)
    react(house, ada, number, "👍", single=True)
    outcome = react(house, bob, number, "❤️", single=True)
    assert outcome.one(MessageReacted).message.reactions == {"👍": (ada,), "❤️": (bob,)}
    assert react(house, bob, number, "❤️", single=True).events == []
    assert list(react(house, ada, number, "❤️", single=True).result.reactions) == ["❤️"]


@pytest.mark.parametrize("sign", ["", "👍", "🦄"])
def test_taking_it_back_takes_whichever_it_is(house: House, people: dict[str, int], sign: str) -> None:
    ada, bob = people["Ada"], people["Bob"]
    number = say(house, ada).number
    react(house, ada, number, "👍")
    react(house, bob, number, "👍", single=True)
    outcome = react(house, bob, number, sign, single=True, delete=True)
    assert outcome.result.reactions == {"👍": (ada,)}
    assert react(house, bob, number, sign, single=True, delete=True).events == []


def test_a_reaction_is_still_an_emoji(house: House, people: dict[str, int]) -> None:
    number = say(house, people["Ada"]).number
    for sign, fields in (("", {"single": True}), ("", {"delete": True}), ("x", {"single": True})):
        command = ReactToMessage(room=house.lounge, number=number, reaction=sign, **fields)
        assert house.refusal(command, people["Bob"]) == Code.REACTION_UNKNOWN
