from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest
from tests.golden.groupme.person import Person
from tests.golden.jumpin.place import Place

from hubbub.core.user import UpdateProfile
from hubbub.live.rate import Rate

PLENTY = dict.fromkeys(("login", "create", "configure", "found"), Rate(1000, 1_000_000))
"""Everybody here has the same address, and the clock stands."""


@pytest.fixture(scope="session")
def groupme_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give the server that most tests share; each has people of its own, and time goes only on."""
    running = Place(tmp_path_factory.mktemp("groupme"), rates=PLENTY)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def person(groupme_place: Place, http: httpx.Client) -> Callable[[str], Person]:
    """Give a function that makes somebody with an account of their own who is called so."""

    def make(name: str) -> Person:
        who = groupme_place.account()
        groupme_place.do(UpdateProfile(profile={"display_name": name}), user=who.id)
        return Person(groupme_place, http, msgspec.structs.replace(who, name=name))

    return make


@pytest.fixture
def ada(person: Callable[[str], Person]) -> Person:
    return person("Ada")


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    return person("Bob")


@pytest.fixture
def cleo(person: Callable[[str], Person]) -> Person:
    return person("Cleo")
