"""The state: records in, indexes out; equal whether it was loaded, followed or made here."""

from typing import Any

import msgspec
import pytest
from tests.core.house import START, WORLD, House, copy_of, picture

from hubbub.core import state as state_module
from hubbub.core.event import (
    Event,
    GrantGiven,
    GrantTaken,
    MessagePosted,
    UserUpdated,
    VisitOpened,
    WorldUpdated,
    event_types,
)
from hubbub.core.model import RECORDS, Grant, Invite, LoginCode, Member, Message, Record, Room, User
from hubbub.core.presence import Visit
from hubbub.core.state import NONCES_KEPT


def message(house: House, **fields: Any) -> Message:
    return Message(**{"id": house.new_id(), "world": WORLD, "room": house.lounge, "sender": 7, "at": START, **fields})


def test_ids_by_which_users_log_in_follow_their_records(house: House) -> None:
    ada = house.person("Ada", client_id="c", token_id="t", login="ada")
    changed = msgspec.structs.replace(house.user(ada), client_id="d", token_id=None)
    house.happen(UserUpdated(world=WORLD, user=changed))
    assert house.state.by_client_id == {"d": ada}
    assert house.state.by_token_id == {}
    assert house.state.by_login == {"ada": ada}


def test_an_ephemeral_event_leaves_no_trace(house: House) -> None:
    before = picture(house.state)
    visit = Visit(id=1, room=house.stage, user=7, entered=START, handle="Ada", color="red", sessions=set())
    house.state.apply(VisitOpened(world=WORLD, room=house.stage, user=7, visit=visit, first=True))
    assert picture(house.state) == before


def test_only_what_may_be_erased_is(house: House) -> None:
    with pytest.raises(TypeError, match="a User is never erased"):
        house.state.drop(User(id=1, world=WORLD, created=START))


def test_secrets_and_new_messages_are_not_kept(house: House) -> None:
    before = picture(house.state)
    house.state.put(LoginCode(digest="d", world=WORLD, claims={}, expires=START))
    house.state.put(message(house))
    assert picture(house.state) == before
    assert house.state.changed == {}


def test_the_last_word_is_not_the_system_s(house: House) -> None:
    for number, kind in ((5, "text"), (6, "system"), (3, "text")):
        event = MessagePosted(world=WORLD, room=house.lounge, message=message(house, kind=kind, number=number))
        house.state.committed(event)
    assert house.state.last_number == 6
    assert house.state.last_said == {house.lounge: 5}


def test_a_loaded_state_tells_every_member_of_what_is_unread(house: House) -> None:
    ada = house.person("Ada")
    house.state.put(Member(room=house.lounge, user=ada, world=WORLD, joined=START))
    assert dict(copy_of(house.state).unread) == {house.lounge: {ada: None}}


def test_a_copy_is_equal_and_keeps_who_is_here(house: House) -> None:
    ada = house.person("Ada", client_id="c")
    house.grant(ada, "moderator", house.lounge)
    invite = Invite(code="c", world=WORLD, room=house.stage, by=ada, created=START, expires=START)
    house.state.put(invite)
    assert picture(copy_of(house.state)) == picture(house.state)
    house.connect(ada)
    house.state.load([])
    assert house.state.users == {}
    assert house.state.presence.online(ada)


def test_roles_are_given_once_and_in_order(house: House) -> None:
    for role in ("b", "a", "b"):
        house.grant(7, role)
    assert house.state.granted_roles(7, 0) == ("b", "a")
    taken = Grant(world=WORLD, user=7, role="b")
    house.happen(GrantTaken(world=WORLD, grant=taken))
    house.happen(GrantTaken(world=WORLD, grant=taken))
    assert house.state.granted_roles(7, 0) == ("a",)
    assert house.state.granted_roles(8, 0) == ()
    assert 8 not in house.state.roles


def test_what_people_see_has_a_version(house: House) -> None:
    seen = [house.state.version]
    house.happen(WorldUpdated(world=WORLD, config=msgspec.structs.replace(house.state.world, title="New")))
    seen.append(house.state.version)
    house.add_room("New", [], {})
    seen.append(house.state.version)
    assert seen == sorted(set(seen))
    house.person("Ada")
    assert house.state.version == seen[-1]


def test_who_sees_the_same_has_the_same_key(house: House) -> None:
    def key(user: int) -> object:
        return house.state.access_key(house.user(user), house.now)

    ada, bob, eve = house.person("Ada"), house.person("Bob"), house.person("Eve", "staff")
    assert key(ada) == key(bob) != key(eve)
    house.happen(GrantGiven(world=WORLD, grant=Grant(world=WORLD, user=bob, role="moderator")))
    assert key(ada) != key(bob)


def test_only_the_newest_nonces_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NONCES_KEPT >= 1000
    monkeypatch.setattr(state_module, "NONCES_KEPT", 2)
    for nonce in ("a", "b", "c"):
        house.state.remember_nonce(message(house, nonce=nonce))
    house.state.remember_nonce(message(house, nonce=None))
    assert list(house.state.nonces) == [(7, "b"), (7, "c")]


def test_only_the_newest_changes_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "CHANGED_KEPT", 2)
    made = [message(house, number=number) for number in (1, 2, 3)]
    for one in (made[0], made[1], made[0], made[2]):
        house.state.put(one)
    assert list(house.state.changed) == [made[0].id, made[2].id]


def test_permission_sets_do_not_pile_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "PERMISSION_SETS_KEPT", 3)
    for count in range(20):
        assert house.permissions(house.person(f"P{count}", f"trait {count}"))
    assert len(house.state._permissions) <= 4


def test_modules_of_a_room() -> None:
    modules: Any = ({"type": "poll", "config": {"active": True}}, {"type": "chat.native", "config": "rubbish"}, {})
    room = Room(id=1, world=WORLD, created=START, modules=modules)
    assert room.module("poll") == {"active": True}
    assert room.module("chat.native") == {}
    assert room.module("question") is None
    assert room.chat
    assert not room.volatile
    assert Room(id=1, world=WORLD, created=START, kind="direct").chat


# What is declared


@pytest.mark.parametrize("kind", event_types().values(), ids=event_types())
def test_events_name_fields_that_hold_records(kind: type[Event]) -> None:
    hints = msgspec.inspect.type_info(kind)
    assert isinstance(hints, msgspec.inspect.StructType)
    fields = {field.name: field.type for field in hints.fields}
    assert len({*kind.WRITES, *kind.ERASES}) == len(kind.WRITES) + len(kind.ERASES)
    for name in (*kind.WRITES, *kind.ERASES):
        assert records_in(fields[name]), f"{kind.__name__}.{name} holds no records"
    named = {name for name, held in fields.items() if records_in(held)}
    if kind.durable():
        assert named == {*kind.WRITES, *kind.ERASES}, "a record that is neither written nor erased"


def records_in(held: Any) -> list[type[Record]]:
    """List the record types that a field may hold, itself or in a tuple."""
    match held:
        case msgspec.inspect.StructType(cls=cls):
            return [cls] if cls in RECORDS else []
        case msgspec.inspect.UnionType(types=types):
            return [record for one in types for record in records_in(one)]
        case msgspec.inspect.VarTupleType(item_type=item):
            return records_in(item)
        case _:
            return []


@pytest.mark.parametrize("record", RECORDS)
def test_records_have_their_keys(record: type[Record]) -> None:
    assert record.KEY
    assert set(record.KEY) <= set(record.__struct_fields__)
    assert "world" in record.__struct_fields__ or record.__name__ == "World"
