"""Writing to one person, wherever they are."""

import pytest
from tests.core.house import House

from hubbub.core.chat import MAX_BODY
from hubbub.core.direct import SendDirect
from hubbub.core.error import Code
from hubbub.core.event import ConversationOpened, DirectPosted


@pytest.fixture
def ada(house: House) -> int:
    return house.person("Ada")


@pytest.fixture
def bob(house: House) -> int:
    return house.person("Bob")


def test_the_first_message_opens_the_conversation_and_the_next_ones_use_it(house: House, ada: int, bob: int) -> None:
    first = house.do(SendDirect(user=bob, body="Hi"), ada)
    assert set(first.one(DirectPosted).users) == {ada, bob}
    assert first.one(ConversationOpened).room == first.result.room
    second = house.do(SendDirect(user=ada, body="Hello"), bob)
    assert second.result.room == first.result.room
    assert not second.of(ConversationOpened)
    assert [(said.sender, said.body) for said in house.cabinet.said() if said.kind == "text"] == [
        (ada, "Hi"),
        (bob, "Hello"),
    ]


def test_who_wants_no_private_messages_gets_none(house: House, ada: int, bob: int) -> None:
    house.change_user(bob, preferences={"private_messages": False})
    assert house.refusal(SendDirect(user=bob, body="Hi"), ada) == Code.PRIVATE_DENIED
    house.do(SendDirect(user=ada, body="Hi"), bob)


def test_to_whom_nobody_writes(house: House, ada: int, bob: int) -> None:
    assert house.refusal(SendDirect(user=ada, body="Hi"), ada) == Code.SELF_ACTION
    assert house.refusal(SendDirect(user=5, body="Hi"), ada) == Code.USER_UNKNOWN
    for kind in ("kiosk", "anon", "system"):
        other = house.person("X", kind=kind)
        assert house.refusal(SendDirect(user=other, body="Hi"), ada) == Code.PRIVATE_DENIED
    house.change_user(bob, deleted=True)
    assert house.refusal(SendDirect(user=bob, body="Hi"), ada) == Code.USER_UNKNOWN


def test_only_with_the_permission(house: House, ada: int, bob: int) -> None:
    del house.state.world.trait_grants["talker"]
    assert house.refusal(SendDirect(user=bob, body="Hi"), ada) == Code.WORLD_DENIED
    assert house.refusal(SendDirect(user=bob, body="Hi")) == Code.UNAUTHENTICATED


@pytest.mark.parametrize(("body", "code"), [("", Code.MESSAGE_EMPTY), ("x" * (MAX_BODY + 1), Code.TOO_LARGE)])
def test_what_cannot_be_said_opens_nothing(house: House, ada: int, bob: int, body: str, code: Code) -> None:
    assert house.refusal(SendDirect(user=bob, body=body), ada) == code
    assert not [room for room in house.state.rooms.values() if room.kind == "direct"]
