"""Where clients reach this dialect, as pushes and callbacks say it."""

from datetime import UTC, datetime

import pytest

from hubbub.core.model import World
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.endpoint import site_of


@pytest.mark.parametrize(
    ("domain", "url", "host", "site"),
    [
        ("", "", "", ""),
        ("", "", "localhost:8420", "http://localhost:8420/gm"),
        ("", "https://chat.example.org/", "localhost", "https://chat.example.org/gm"),
        ("pub.example.org", "", "localhost", "https://pub.example.org/gm"),
        ("pub.example.org", "http://chat.example.org", "", "http://pub.example.org/gm"),
    ],
    ids=["nothing", "host", "settings", "domain", "both"],
)
def test_a_worlds_own_domain_goes_first(domain: str, url: str, host: str, site: str) -> None:
    state = WorldState(World(id=1, name="main", title="Main", domain=domain, created=datetime.now(UTC)))
    assert site_of(state, url, "/gm", host) == site
