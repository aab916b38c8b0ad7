"""Web push messages as push services and browsers read them: encrypted (RFC 8291) and signed (RFC 8292).

Bytes in, bytes out. The libraries that do this bring a second HTTP client (pywebpush) or come as source only
(http-ece); `cryptography` and PyJWT have all the parts.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
SALT_BYTES = 16
RECORD_SIZE = 4096
"""What every push service must take (RFC 8030 7.2), and what we write into the header (RFC 8188 2.1)."""
MAX_PLAIN = 3993
"""Bytes that can be sent: a record less the header (86), the tag (16) and the delimiter (1) (RFC 8291 4)."""
LAST_RECORD = b"\x02"  # the delimiter (RFC 8188 2)


def new_private_key() -> str:
    """Make a key of P-256, in base64url without padding."""
    return _write(ec.generate_private_key(CURVE).private_numbers().private_value.to_bytes(32))


@lru_cache(1024)
def public_key(private: str) -> str:
    """Give the public half of a key: 87 characters, as `applicationServerKey` of browsers. Raises ValueError."""
    return _write(point_of(_private_key(private)))


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Give the public half of a key as an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(plain: bytes, p256dh: str, auth: str, *, salt: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Encrypt what only the browser with these keys can read (RFC 8291 3.4, with `aes128gcm` of RFC 8188).

    Args:
        plain: At most MAX_PLAIN bytes.
        p256dh: The browser's public key, in base64url.
        auth: The browser's 16 secret bytes, in base64url.
        salt: 16 random bytes, never used before.
        key: A key of P-256 that is made for this message.

    Raises ValueError when there is too much, or a key is none.
    """
    if len(plain) > MAX_PLAIN:
        raise ValueError(f"at most {MAX_PLAIN} bytes can be pushed")
    theirs, ours = _read(p256dh), point_of(key)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
    secret = _derive(shared, _read(auth), b"WebPush: info\0" + theirs + ours, 32)
    content_key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_SIZE.to_bytes(4) + len(ours).to_bytes(1) + ours
    return header + AESGCM(content_key).encrypt(nonce, plain + LAST_RECORD, None)


def authorization(private: str, origin: str, subject: str, expires: datetime) -> str:
    """Write the header that says who sends (RFC 8292 3): `origin` of the push service, `subject` whom it can ask.

    `expires` is at most 24 hours from now. Raises ValueError.
    """
    claims = {"aud": origin, "exp": int(expires.timestamp()), **({"sub": subject} if subject else {})}
    token = jwt.encode(claims, _private_key(private), algorithm="ES256")
    return f"vapid t={token}, k={public_key(private)}"


@lru_cache(64)
def _private_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(_read(text)), CURVE)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _read(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _write(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
