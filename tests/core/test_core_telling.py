"""What is said of changes that come through the commands of other dialects (docs/system-messages.md)."""

from typing import Any

import pytest
from tests.core.house import House, Outcome

from hubbub.core.chat import JoinChat
from hubbub.core.event import MessagePosted
from hubbub.core.model import Message
from hubbub.core.moderator import AppointModerator, DismissModerator
from hubbub.core.room import RoomSettings, UpdateRoom


@pytest.fixture
def olga(house: House) -> int:
    """Who runs the lounge, where talk lasts."""
    one = house.person("Olga", "admin")
    house.grant(one, "room_owner", house.lounge)
    return one


def said(outcome: Outcome) -> list[Message]:
    return [event.message for event in outcome.events if isinstance(event, MessagePosted)]


def test_a_new_name_is_said_whichever_command_gives_it(house: House, olga: int) -> None:
    given: dict[str, Any] = {"name": "Den", "description": "Quiet", "picture": "https://example.org/a.png"}
    messages = said(house.do(UpdateRoom(room=house.lounge, settings=RoomSettings(**given)), olga))
    assert [(one.event["type"], one.event["value"]) for one in messages if one.event] == [
        ("group.name_change", "Den"),
        ("group.topic_change", "Quiet"),
        ("group.avatar_change", "https://example.org/a.png"),
    ]
    assert messages[0].body == "Olga changed the group's name to Den"
    assert {one.sender for one in messages} == {olga}
    assert said(house.do(UpdateRoom(room=house.lounge, settings=RoomSettings(**given)), olga)) == []
    sorting = RoomSettings(sorting_priority=7)
    assert said(house.do(UpdateRoom(room=house.lounge, settings=sorting), olga)) == []


def test_the_operator_is_somebody(house: House) -> None:
    (message,) = said(house.do(UpdateRoom(room=house.lounge, settings=RoomSettings(name="Den")), operator=True))
    assert (message.sender, message.body) == (None, "Somebody changed the group's name to Den")


def test_where_talk_does_not_last_nothing_is_said(house: House, olga: int) -> None:
    for room in (house.stage, house.shed):
        assert said(house.do(UpdateRoom(room=room, settings=RoomSettings(name="Den")), olga)) == []


def test_a_member_who_helps_to_run_it_is_named(house: House, olga: int) -> None:
    ada = house.person("Ada")
    assert said(house.do(AppointModerator(room=house.lounge, user=ada), olga)) == []  # does not belong to it
    house.do(DismissModerator(room=house.lounge, user=ada), olga)
    house.do(JoinChat(room=house.lounge), ada, session=1)
    (made,) = said(house.do(AppointModerator(room=house.lounge, user=ada), olga))
    assert made.body == "Olga made Ada an admin"
    assert made.event
    assert (made.event["role"], made.event["member"]) == ("admin", {"user": ada, "nickname": "Ada"})
    assert said(house.do(AppointModerator(room=house.lounge, user=ada), olga)) == []
    (unmade,) = said(house.do(DismissModerator(room=house.lounge, user=ada), olga))
    assert unmade.body == "Olga made Ada a member again"
