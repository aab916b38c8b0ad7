"""What operators choose for this dialect."""

import re

import msgspec

MAX_ADDRESS = 300
"""Characters of an address that a token is sent to."""

_REST = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
_CALLBACK = re.compile(
    rf"https?://(?:[A-Za-z0-9.-]{{1,253}}|\[[0-9A-Fa-f:]{{2,39}}\])(?::[0-9]{{1,5}})?{_REST}"
    rf"|[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:{_REST}"
)
"""Of the web, or of a scheme that is a domain turned around, as apps have (RFC 8252 7.1). No fragment, no user name."""
_LOOPBACK = re.compile(rf"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{{1,5}})?{_REST}")


class GroupmeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the groupme dialect."""

    applications: dict[str, str] = {}
    """The apps that may ask people for an access token, by their client_id: the address that it is sent to."""


def is_callback(address: str) -> bool:
    """Tell whether a token can be sent to an address at all."""
    return len(address) <= MAX_ADDRESS and _CALLBACK.fullmatch(address) is not None


def is_loopback(address: str) -> bool:
    """Tell whether an address is on the computer where it is opened, as programs have it (RFC 8252 7.3)."""
    return len(address) <= MAX_ADDRESS and _LOOPBACK.fullmatch(address) is not None
