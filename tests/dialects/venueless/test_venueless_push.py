"""Web push as this dialect's clients meet it: the key, the command, the switch."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.web.site import Site, open_site

from hubbub.core.push import SubscribePush
from hubbub.dialects.venueless.call import RefusedError
from hubbub.dialects.venueless.decode import find
from hubbub.dialects.venueless.encode import VenuelessEncoder, vapid_public_key
from hubbub.wire.web_push import public_key

NAME = "user.web_push.subscribe"
KEYS = {"p256dh": "p", "auth": "a"}


def test_what_a_browser_writes_is_read() -> None:
    given = {"endpoint": "https://e", "keys": {**KEYS, "more": 1}, "expirationTime": 5, "subscriptionId": "x"}
    expected = SubscribePush(endpoint="https://e", p256dh="p", auth="a", expires=5)
    assert find(NAME).read({"subscription": given}) == expected
    assert find(NAME).read({"subscription": {**given, "expirationTime": None}}) == msgspec.structs.replace(
        expected, expires=None
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        5,
        {"subscription": None},
        {"subscription": "x"},
        {"subscription": []},
        {"subscription": {}},
        {"subscription": {"keys": KEYS}},
        {"subscription": {"endpoint": 5, "keys": KEYS}},
        {"subscription": {"endpoint": "https://e"}},
        {"subscription": {"endpoint": "https://e", "keys": {}}},
        {"subscription": {"endpoint": "https://e", "keys": {"p256dh": 5, "auth": "a"}}},
        {"subscription": {"endpoint": "https://e", "keys": KEYS, "expirationTime": "tomorrow"}},
    ],
)
def test_what_makes_no_sense_is_invalid_input(body: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        find(NAME).read(body)
    assert (refused.value.code, refused.value.message, refused.value.details) == ("invalid_input", "", None)


def test_clients_get_the_public_key_and_nobody_the_private_one(site: Site) -> None:
    private = site.world.world.config["vapid_private_key"]
    encoder = VenuelessEncoder(site.world, site.application.turn, site.community.clock)
    guest = site.world.users[site.guest("ada")]
    shown = encoder.world_config(guest)
    assert msgspec.json.decode(bytes(shown))["world"]["vapid_public_key"] == public_key(private)
    assert private not in bytes(shown).decode()
    assert private not in str(encoder.settings())


@pytest.mark.parametrize("key", [None, "", "A", "rubbish!", 5, [], {}, "\u00e4" * 43])
def test_a_key_that_is_none_keeps_nobody_out(site: Site, key: object) -> None:
    world = msgspec.structs.replace(site.world.world, config={"vapid_private_key": key})
    assert vapid_public_key(world) == ""


def test_a_world_without_a_key_gets_one_at_the_next_start(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        assert site.application.push
        site.add_world("old", config={})
        assert "vapid_private_key" not in site.community.worlds["old"].world.config
    with open_site(tmp_path) as site:
        given = site.community.worlds["old"].world.config["vapid_private_key"]
        assert len(public_key(given)) == 87
        main = site.world.world.config["vapid_private_key"]
    with open_site(tmp_path, push=False) as site:
        assert site.application.push is None
        assert site.community.worlds["old"].world.config["vapid_private_key"] == given
        assert site.world.world.config["vapid_private_key"] == main
