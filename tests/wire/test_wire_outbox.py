from collections.abc import Iterable, Iterator
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.fakes import FakeLoop

from hubbub.wire.outbox import Group, Outbox, Turn


class Box(Outbox):
    """Remembers what was handed over; `broken` stands for a transport that fails."""

    __slots__ = ("broken", "closed", "frames", "joins")

    def __init__(self, turn: Turn, *, broken: bool = False) -> None:
        super().__init__(turn)
        self.broken = broken
        self.joins: list[bytes] = []
        self.frames: list[bytes] = []
        self.closed: list[int] = []

    def transmit(self, joined: bytes, frames: Iterable[bytes]) -> None:
        if self.broken:
            raise OSError("broken")
        before = len(self.frames)
        self.frames += frames
        assert b"".join(self.frames[before:]) == joined
        self.joins.append(joined)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.flush()
        self.closed.append(code)


@pytest.fixture(autouse=True, scope="module")
def _any_group_is_large() -> Iterator[None]:
    with mock.patch("hubbub.wire.outbox.LARGE", 1):
        yield


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def turn(loop: FakeLoop) -> Turn:
    return Turn(loop.real)


def test_frames_of_one_turn_are_written_once_in_order(loop: FakeLoop, turn: Turn) -> None:
    a, b = Box(turn), Box(turn)
    a.put(b"1")
    turn.broadcast([a, b], b"2")
    b.put(b"3")
    turn.broadcast({a, b}, b"4")
    assert (a.joins, b.joins) == ([], [])
    assert len(loop.ready) == 1
    loop.turn()
    assert (a.joins, b.joins) == ([b"124"], [b"234"])
    turn.broadcast([a], b"5")
    loop.turn()
    assert a.joins == [b"124", b"5"]
    assert (a.pending, b.pending) == (None, None)


def test_equal_frames_are_joined_once(loop: FakeLoop, turn: Turn) -> None:
    boxes = [Box(turn) for _ in range(5)]
    for frame in (b"one", b"two"):
        turn.broadcast(boxes, frame)
    boxes[4].put(b"three")
    loop.turn()
    assert all(box.joins[0] is boxes[0].joins[0] for box in boxes[:4])
    assert boxes[4].joins == [b"onetwothree"]
    statistics = turn.statistics()
    assert (statistics.flushes, statistics.writes, statistics.joins, statistics.dirty) == (1, 5, 2, 0)


def test_slow_readers_miss_droppable_frames_only(loop: FakeLoop, turn: Turn) -> None:
    slow, fast = Box(turn), Box(turn)
    slow.slow = True
    turn.broadcast([slow, fast], b"reaction", droppable=True)
    turn.broadcast([slow, fast], b"message")
    loop.turn()
    assert (slow.joins, fast.joins) == ([b"message"], [b"reactionmessage"])
    assert turn.statistics().dropped == 1


@pytest.mark.parametrize("droppable", [False, True])
def test_a_broadcast_that_nobody_gets_schedules_nothing(loop: FakeLoop, turn: Turn, droppable: bool) -> None:
    box = Box(turn)
    box.slow = True
    turn.broadcast([box] if droppable else [], b"x", droppable=droppable)
    assert not loop.ready
    turn.broadcast([box], b"y")
    assert len(loop.ready) == 1


def test_a_broken_transport_does_not_keep_frames_from_others(
    loop: FakeLoop, turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    boxes = [Box(turn), Box(turn, broken=True), Box(turn)]
    turn.broadcast(boxes, b"secret")
    loop.turn()
    assert [box.joins for box in boxes] == [[b"secret"], [], [b"secret"]]
    assert "transport failed" in caplog.text
    assert "secret" not in caplog.text


def test_a_flush_within_the_turn_keeps_the_order(loop: FakeLoop, turn: Turn) -> None:
    box = Box(turn)
    box.put(b"1")
    box.flush()
    box.put(b"2")
    box.close()
    assert box.joins == [b"1", b"2"]
    loop.turn()
    assert box.joins == [b"1", b"2"]


def test_overflows_are_counted_and_closed(turn: Turn) -> None:
    box = Box(turn)
    box.overflow()
    assert box.closed == [1013]
    assert turn.statistics().overflows == 1


def test_a_group_shares_one_list(loop: FakeLoop, turn: Turn) -> None:
    boxes = [Box(turn) for _ in range(3)]
    group: Group[int] = Group(turn)
    for place, box in enumerate(boxes):
        group.add(box, place)
    for frame in (b"one", b"two", b"three"):
        group.broadcast(frame)
    assert [box.pending for box in boxes] == [None] * 3
    loop.turn()
    assert [box.frames for box in boxes] == [[b"one", b"two", b"three"]] * 3
    assert boxes[0].joins[0] is boxes[2].joins[0]
    group.broadcast(b"next turn")
    loop.turn()
    assert [box.frames[-1] for box in boxes] == [b"next turn"] * 3


@settings(max_examples=400)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(0, 3)),
            st.tuples(st.just("broadcast"), st.integers(0, 1)),
            st.tuples(st.just("droppable"), st.integers(0, 1)),
            st.tuples(st.just("add"), st.integers(0, 7)),
            st.tuples(st.just("discard"), st.integers(0, 7)),
            st.tuples(st.just("slow"), st.integers(0, 3)),
            st.tuples(st.just("flush"), st.integers(0, 3)),
            st.tuples(st.just("turn"), st.just(0)),
        ),
        max_size=60,
    )
)
def test_groups_keep_everybodys_order(steps: list[tuple[str, int]]) -> None:
    """Whatever happens within a turn, each outbox gets what it would get if every frame were put one by one."""
    loop = FakeLoop()
    turn = Turn(loop.real)
    boxes = [Box(turn) for _ in range(4)]
    groups: list[Group[None]] = [Group(turn), Group(turn)]
    expected: list[list[bytes]] = [[] for _ in boxes]
    members: list[set[int]] = [set(), set()]
    for count, (step, which) in enumerate(steps):
        frame = str(count).encode()
        match step:
            case "put":
                boxes[which].put(frame)
                expected[which].append(frame)
            case "broadcast" | "droppable":
                droppable = step == "droppable"
                groups[which].broadcast(frame, droppable=droppable)
                for member in members[which]:
                    if not (droppable and boxes[member].slow):
                        expected[member].append(frame)
            case "add":
                groups[which // 4].add(boxes[which % 4], None)
                members[which // 4].add(which % 4)
            case "discard":
                groups[which // 4].discard(boxes[which % 4])
                members[which // 4].discard(which % 4)
            case "slow":
                boxes[which].slow = not boxes[which].slow
            case "flush":
                boxes[which].flush()
            case _:
                loop.turn()
    loop.turn()
    assert [box.frames for box in boxes] == expected
    assert turn.statistics().dirty == 0


def test_a_small_group_is_not_shared(loop: FakeLoop, turn: Turn) -> None:
    boxes = [Box(turn) for _ in range(3)]
    group: Group[None] = Group(turn)
    for box in boxes:
        group.add(box, None)
    with mock.patch("hubbub.wire.outbox.LARGE", 4):
        group.broadcast(b"one")
        assert [box.pending for box in boxes] == [[b"one"]] * 3
        loop.turn()
    assert [box.frames for box in boxes] == [[b"one"]] * 3


def test_a_slow_reader_that_missed_the_only_frame_is_sent_the_next(loop: FakeLoop, turn: Turn) -> None:
    box = Box(turn)
    group: Group[None] = Group(turn)
    group.add(box, None)
    box.slow = True
    group.broadcast(b"missed", droppable=True)
    loop.turn()
    box.slow = False
    box.put(b"direct")
    loop.turn()
    group.broadcast(b"to all")
    loop.turn()
    assert box.frames == [b"direct", b"to all"]
    assert turn.statistics().dropped == 1
