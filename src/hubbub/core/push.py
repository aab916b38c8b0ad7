"""Web push: where browsers that are not connected are told of mentions and direct messages. See live/push.py."""

import binascii
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.event import PushSubscribed, PushUnsubscribed
from hubbub.core.model import PushSubscription

MAX_SUBSCRIPTIONS = 20
"""Browsers of one user; one more, and the oldest goes."""
MAX_ENDPOINT = 2048
"""Characters of a URL; those of the known push services have 150 to 600."""
MAX_KEY = 128
"""Characters of a key; the longer one has 88 with its padding."""

POINT_BYTES = 65  # an uncompressed point of P-256 (RFC 8291 3.1)
AUTH_BYTES = 16  # RFC 8291 3.2
PRIVATE_BYTES = 32

ENDPOINT = re.compile(
    r"https://(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[!\"$-~]*)?"
)
"""A host, a port and a path in printable ASCII: no name or password, no fragment, nothing that two parsers might
read in two ways."""
BASE64 = re.compile(r"([A-Za-z0-9_-]+)={0,2}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253_402_300_799_000
"""The end of the year 9999, in milliseconds since 1970."""


class SubscribePush(Command, frozen=True, kw_only=True):
    """Have a browser of one's own told of mentions and direct messages while one is not connected.

    Keys are base64url, with or without padding; `expires` is in milliseconds since 1970, as browsers give it. Doing it
    again is doing it once.
    """

    endpoint: str
    p256dh: str
    auth: str
    expires: float | None = None


class UnsubscribePush(Command, frozen=True, kw_only=True):
    """Forget a browser that its push service says is gone. The server itself does that."""

    subscription: PushSubscription


@handles(SubscribePush, "world:view", rate="configure", events=(PushSubscribed, PushUnsubscribed))
async def do_subscribe(act: Act, command: SubscribePush) -> None:
    """Check everything, then remember the browser, and forget the oldest over the limit."""
    endpoint = _checked_endpoint(command.endpoint)
    new = PushSubscription(
        world=act.state.world.id,
        digest=hashlib.sha256(endpoint.encode()).hexdigest(),
        user=act.actor.id,
        endpoint=endpoint,
        p256dh=_checked_point(command.p256dh),
        auth=encode(_checked_bytes("auth", command.auth, AUTH_BYTES)),
        created=act.now,
        expires=_checked_expiry(command.expires),
    )
    await act.archive.settle()
    known = await act.archive.push_subscriptions(new.user)
    check(act, command)  # the world may have changed while we looked
    if any(_same(new, old) for old in known):
        return
    others = [old for old in known if old.digest != new.digest]
    act.emit(PushSubscribed, subscription=new)
    if gone := others[: max(0, len(others) + 1 - MAX_SUBSCRIPTIONS)]:
        act.emit(PushUnsubscribed, subscriptions=tuple(gone))


@handles(UnsubscribePush, "world:users.manage", rate="configure", events=(PushUnsubscribed,))
def do_unsubscribe(act: Act, command: UnsubscribePush) -> None:
    """Forget it, whether it is still there or not."""
    if not act.operator:
        act.deny()
    act.emit(PushUnsubscribed, subscriptions=(command.subscription,))


def _same(new: PushSubscription, old: PushSubscription) -> bool:
    return (new.digest, new.p256dh, new.auth, new.expires) == (old.digest, old.p256dh, old.auth, old.expires)


def _checked_endpoint(text: str) -> str:
    found = ENDPOINT.fullmatch(text) if len(text) <= MAX_ENDPOINT else None
    if not found or not 0 < int(found["port"] or 443) <= 65_535:
        raise invalid("endpoint", f"an https URL of at most {MAX_ENDPOINT} characters")
    return text


def _checked_point(text: str) -> str:
    """Give a public key as we keep it. One that is not on the curve gives secrets away."""
    point = _checked_bytes("p256dh", text, POINT_BYTES)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise invalid("p256dh", "not a point of P-256") from None
    return encode(point)


def _checked_bytes(field: str, text: str, length: int) -> bytes:
    found = decode(text)
    if len(found) != length:
        raise invalid(field, f"{length} bytes in base64url")
    return found


def _checked_expiry(milliseconds: float | None) -> datetime | None:
    if milliseconds is None:
        return None
    if not 0 <= milliseconds <= LAST:
        raise invalid("expirationTime", "milliseconds since 1970")
    return EPOCH + timedelta(milliseconds=int(milliseconds))


# Keys as text


def encode(data: bytes) -> str:
    """Write bytes in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Read base64url, with or without padding; nothing when it is none or longer than any key."""
    found = BASE64.fullmatch(text) if len(text) <= MAX_KEY else None
    try:
        return urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)) if found else b""
    except binascii.Error:
        return b""


def is_private_key(value: object) -> bool:
    """Tell whether a setting is a private key of P-256: a number from 1 to the order of the curve, in base64url."""
    data = decode(value) if isinstance(value, str) else b""
    if len(data) != PRIVATE_BYTES:
        return False
    try:
        ec.derive_private_key(int.from_bytes(data), ec.SECP256R1())
    except ValueError:
        return False
    return True
