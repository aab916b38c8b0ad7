"""Where requests come from: networks and browsers, as far as bans need to know them."""

import hashlib
from ipaddress import ip_address, ip_network

import msgspec

_IPV6_NETWORK = 64  # what one household gets (RFC 6177 leaves it to the provider; shorter ones would hit neighbours)


class Origin(msgspec.Struct, frozen=True):
    """Where a connection or request comes from; what is not known is empty.

    `address` is an IPv4 address or an IPv6 network, as `network_of` gives it; `client` a digest of what the browser
    keeps and sends each time, as `client_of` gives it.
    """

    address: str = ""
    client: str = ""


NOWHERE = Origin()


def network_of(address: str) -> str:
    """Give what bans hold of an address; empty for this machine itself, as a proxy here stands for everybody."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    if found.is_loopback or found.is_unspecified:
        return ""
    if found.version == 4:
        return str(found)
    return str(ip_network((found, _IPV6_NETWORK), strict=False))


def client_of(secret: str) -> str:
    """Give the digest of what a browser keeps; empty when it keeps nothing."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest() if secret else ""
