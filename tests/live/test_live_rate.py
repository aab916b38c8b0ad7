"""Rate limits: token buckets on a clock that is turned by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.core.error import Code, Limited
from hubbub.live.rate import DEFAULT_RATES, Buckets, Rate

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RATES = {"slow": Rate(2, 3), "never": Rate(0, 1)}


def taken(buckets: Buckets, name: str, now: datetime) -> bool:
    try:
        buckets.take(name, RATES, now)
    except Limited:
        return False
    return True


def test_a_burst_and_then_so_many_a_second() -> None:
    buckets = Buckets()
    assert [taken(buckets, "slow", NOW) for _ in range(4)] == [True, True, True, False]
    assert not taken(buckets, "slow", NOW + 0.4 * SECOND)
    assert taken(buckets, "slow", NOW + 0.5 * SECOND)
    assert [taken(buckets, "slow", NOW + 60 * SECOND) for _ in range(4)] == [True, True, True, False]


def test_whoever_is_refused_learns_when_to_come_back() -> None:
    buckets = Buckets()
    for _ in range(3):
        buckets.take("slow", RATES, NOW)
    with pytest.raises(Limited) as caught:
        buckets.take("slow", RATES, NOW + SECOND / 10)
    assert caught.value.code == Code.TOO_MANY
    assert caught.value.temporary
    assert caught.value.retry_after == 0.4 * SECOND
    assert taken(buckets, "slow", NOW + SECOND / 2)


def test_classes_and_connections_do_not_share() -> None:
    one, other = Buckets(), Buckets()
    assert [taken(one, "never", NOW), taken(one, "slow", NOW), taken(other, "never", NOW)] == [True] * 3


def test_a_class_that_is_not_listed_is_not_limited() -> None:
    buckets = Buckets()
    assert all(taken(buckets, "free", NOW) for _ in range(10_000))


def test_a_rate_of_nothing_never_comes_back() -> None:
    """Once a division by zero."""
    buckets = Buckets()
    assert taken(buckets, "never", NOW)
    with pytest.raises(Limited) as caught:
        buckets.take("never", RATES, NOW + 3600 * SECOND)
    assert caught.value.retry_after is None


def test_a_clock_that_steps_back_gives_nothing() -> None:
    buckets = Buckets()
    for _ in range(3):
        buckets.take("slow", RATES, NOW)
    assert not taken(buckets, "slow", NOW - 60 * SECOND)


@given(st.lists(st.floats(0, 2, allow_nan=False), max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    buckets, now, count = Buckets(), NOW, 0
    for pause in pauses:
        now += timedelta(seconds=pause)
        count += taken(buckets, "slow", now)
    assert count <= 3 + 2 * (now - NOW).total_seconds() + 1e-6


def test_the_defaults_are_above_what_a_person_does() -> None:
    often = {name: rate for name, rate in DEFAULT_RATES.items() if name != "found"}
    assert all(rate.burst >= 50 and rate.per_second >= 10 for rate in often.values())
    assert DEFAULT_RATES["found"].burst >= 100  # who moves in may make many groups in one day
