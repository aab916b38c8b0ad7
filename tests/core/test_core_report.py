"""Telling the organisers of somebody."""

from datetime import timedelta
from typing import Any

import pytest
from tests.core.house import House

from hubbub.core.error import Code
from hubbub.core.event import Audited
from hubbub.core.report import MAX_DESCRIPTION, MAX_REASON, ReportVisitor


def report(house: House, visit: int, **more: Any) -> ReportVisitor:
    return ReportVisitor(**{"room": house.lounge, "visit": visit, "reason": "rude", **more})


@pytest.fixture
def ada(house: House) -> int:
    return house.person("Ada")


@pytest.fixture
def bob(house: House) -> int:
    """The visit of somebody in the lounge."""
    house.arrive(house.person("Bob"), house.lounge)
    return next(iter(house.state.presence.visits[house.lounge].values())).id


def test_organisers_read_it_in_the_audit_log(house: House, ada: int, bob: int) -> None:
    outcome = house.do(report(house, bob, description="He shouts."), ada)
    (audited,) = outcome.of(Audited)
    assert len(outcome.events) == 1, "nobody else is told"
    assert (audited.entry.user, audited.entry.type) == (ada, "room.user.reported")
    about = {"handle": "Bob", "room": house.lounge, "reason": "rude", "description": "He shouts."}
    assert audited.entry.data.items() >= about.items()
    assert house.user(audited.entry.data["object"]).display_name == "Bob"


def test_who_has_left_can_still_be_reported_for_a_day(house: House, ada: int, bob: int) -> None:
    (visit,) = house.state.presence.visits[house.lounge].values()
    (session,) = visit.sessions
    house.log_out(visit.user, session)
    house.do(report(house, bob), ada)
    house.advance(timedelta(days=1, minutes=1))
    assert house.refusal(report(house, bob), ada) == Code.VISIT_UNKNOWN


def test_what_makes_no_sense_is_refused(house: House, ada: int, bob: int) -> None:
    (visit,) = house.state.presence.visits[house.lounge].values()
    assert house.refusal(report(house, bob), visit.user) == Code.SELF_ACTION
    assert house.refusal(report(house, bob, room=house.stage), ada) == Code.VISIT_UNKNOWN
    assert house.refusal(report(house, 5), ada) == Code.VISIT_UNKNOWN
    assert house.refusal(report(house, bob, room=house.office), ada) == Code.ROOM_DENIED
    assert house.refusal(report(house, bob, reason=" ")) == Code.UNAUTHENTICATED
    for wrong in ({"reason": " "}, {"reason": "x" * (MAX_REASON + 1)}, {"description": "x" * (MAX_DESCRIPTION + 1)}):
        assert house.refusal(report(house, bob, **wrong), ada) == Code.INVALID
    house.do(report(house, bob, reason="x" * MAX_REASON, description="x" * MAX_DESCRIPTION), ada)
