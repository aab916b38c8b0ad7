"""Where requests come from, as far as bans need to know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.core.origin import NOWHERE, Origin, client_of, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_is_one_of_ipv4_or_a_network_of_ipv6(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "", "unix:", "testclient", "1.2.3"],
)
def test_this_machine_and_what_is_no_address_are_nowhere(address: str) -> None:
    assert network_of(address) == ""


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_whoever_shares_a_network_shares_its_name(address: object, host: int) -> None:
    packed = int(address)  # type: ignore[call-overload]
    neighbour = type(address)((packed >> 64 << 64) | host)  # type: ignore[call-arg]
    if network_of(str(address)).endswith("/64") and network_of(str(neighbour)).endswith("/64"):
        assert network_of(str(address)) == network_of(str(neighbour))


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    network_of(text)
    assert len(client_of(text)) == (64 if text else 0)


def test_a_client_is_known_by_a_digest() -> None:
    assert client_of("a secret") == client_of("a secret") != client_of("another")
    assert "secret" not in client_of("a secret")
    assert client_of("\ud800")
    assert Origin(address=network_of("::1"), client=client_of("")) == NOWHERE
