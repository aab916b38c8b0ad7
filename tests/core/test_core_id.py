"""Ids: one strictly increasing integer, and how Venueless' dialect writes it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid1, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.core.id import EPOCH, MAX_ID, NODE_BITS, SERVER_NODES, TOOL_NODES, IdGenerator, created_at, node_of
from hubbub.dialects.venueless.id import Kind, parse, render

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ids = st.integers(0, MAX_ID)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@given(st.lists(st.integers(-5000, 5000), min_size=1, max_size=300))
def test_ids_rise_whatever_the_clock_does(steps: list[int]) -> None:
    clock = Hand()
    generator = IdGenerator(clock, 3)
    made = []
    for step in steps:
        clock.now += timedelta(milliseconds=step)
        made.append(generator())
    assert made == sorted(set(made))
    assert all(0 < one <= MAX_ID for one in made)


@given(st.sampled_from([*SERVER_NODES, *TOOL_NODES]), st.integers(0, 500))
def test_an_id_says_which_node_made_it(node: int, before: int) -> None:
    generator = IdGenerator(Hand(), node)
    assert {node_of(generator()) for _ in range(before + 1)} == {node}


@given(st.lists(st.tuples(st.integers(0, 2**NODE_BITS - 1), st.integers(-3, 3)), max_size=400))
def test_nodes_never_make_the_same_id(turns: list[tuple[int, int]]) -> None:
    clock = Hand()
    generators = [IdGenerator(clock, node) for node in range(2**NODE_BITS)]
    made = []
    for node, step in turns:
        clock.now += timedelta(milliseconds=step)
        made.append(generators[node]())
    assert len(set(made)) == len(made)


def test_a_millisecond_that_is_used_up_goes_on_in_the_next() -> None:
    generator = IdGenerator(lambda: NOW)
    made = [generator() for _ in range(1000)]
    assert made == sorted(set(made))
    assert created_at(made[0]) == NOW
    assert created_at(made[-1]) == NOW + timedelta(milliseconds=999 // 128)


def test_a_later_id_of_any_node_is_greater() -> None:
    earlier = max(IdGenerator(lambda: NOW, node)() for node in range(32))
    later = min(IdGenerator(lambda: NOW + timedelta(milliseconds=1), node)() for node in range(32))
    assert earlier < later


def test_ids_are_exact_in_javascript_for_69_years() -> None:
    last = EPOCH + timedelta(days=69 * 365)
    assert int(float(IdGenerator(lambda: last, 31)())) == IdGenerator(lambda: last, 31)() < 2**53


def test_servers_and_tools_are_different_nodes() -> None:
    assert sorted((*SERVER_NODES, *TOOL_NODES)) == list(range(2**NODE_BITS))


@pytest.mark.parametrize("node", [-1, 32])
def test_a_node_that_is_none(node: int) -> None:
    with pytest.raises(ValueError, match="0 to 31"):
        IdGenerator(lambda: NOW, node)


# As UUIDs


@given(ids, st.sampled_from(Kind))
def test_a_uuid_leads_back_to_its_id(identity: int, kind: Kind) -> None:
    text = render(identity, kind)
    assert parse(text, kind) == identity
    assert parse(text.upper(), kind) == identity
    assert UUID(text).version == 8
    assert str(UUID(text)) == text


@given(ids, st.sampled_from(Kind), st.sampled_from(Kind))
def test_kinds_are_never_mixed(identity: int, kind: Kind, other: Kind) -> None:
    assert (parse(render(identity, kind), other) is None) == (kind is not other)


@given(st.lists(st.tuples(ids, st.sampled_from(Kind)), unique=True, min_size=2, max_size=50))
def test_uuids_are_as_different_as_ids(things: list[tuple[int, Kind]]) -> None:
    assert len({render(*thing) for thing in things}) == len(things)


@given(st.uuids(), st.sampled_from(Kind))
def test_a_random_uuid_is_nobody(made_up: UUID, kind: Kind) -> None:
    assert parse(str(made_up), kind) is None


@given(ids, st.sampled_from(Kind), st.integers(0, 127))
def test_a_uuid_with_one_bit_changed_is_nobody(identity: int, kind: Kind, bit: int) -> None:
    changed = str(UUID(int=UUID(render(identity, kind)).int ^ 1 << bit))
    assert all(parse(changed, other) is None for other in Kind)


@given(st.text(max_size=50) | st.none() | st.integers() | st.binary() | st.lists(st.text()))
def test_what_is_no_uuid_is_nobody(rubbish: object) -> None:
    assert parse(rubbish, Kind.USER) is None


def test_other_people_s_uuids_are_nobody() -> None:
    for made_up in (UUID(int=0), UUID(int=2**128 - 1), uuid1(), uuid4()):
        assert parse(str(made_up), Kind.ROOM) is None


def test_ids_go_on_after_a_restart_with_a_clock_that_stepped_back() -> None:
    now = EPOCH + timedelta(days=900)
    before = IdGenerator(lambda: now)
    last = max(before() for _ in range(100))
    after = IdGenerator(lambda: now - timedelta(hours=1), after=now)
    assert after() > last
