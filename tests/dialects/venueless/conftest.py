from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.web.site import Site, open_site

from hubbub.core.permission import ALL
from hubbub.core.world import UpdateWorld

ROLES = {
    "attendee": ["world:view"],
    "participant": ["world:view", "room:view", "room:chat.read"],
    "api": sorted(ALL),
    "reader": ["world:api"],
    "editor": ["world:api", "room:update"],
}
GRANTS = {"attendee": [], "api": ["api"], "reader": ["reader"], "editor": ["editor"]}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        site.do(UpdateWorld(roles={**site.world.world.roles, **ROLES}, trait_grants=GRANTS))
        yield site
