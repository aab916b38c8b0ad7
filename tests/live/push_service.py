"""A push service on this machine, and a browser that subscribes to it: what is pushed is decrypted and checked."""

import asyncio
import ssl
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from hubbub.core.push import SubscribePush

HOST = "push.test"
SILENCE = 0
"""A status that stands for no answer at all."""


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def data(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """Keys of a subscription. It decrypts by hand, as RFC 8291 and 8188 say, and not with the code under test."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = b"sixteen bytes ok"

    def subscription(self, endpoint: str, **fields: Any) -> SubscribePush:
        return SubscribePush(endpoint=endpoint, p256dh=text(self.public), auth=text(self.auth), **fields)

    def decrypt(self, body: bytes) -> bytes:
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(body) <= size <= 4096
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        # RFC 8291 3.4, line by line
        key_info = b"WebPush: info\0" + self.public + sender
        ikm = digest(digest(self.auth, shared, sha256), key_info + b"\1", sha256)
        prk = digest(salt, ikm, sha256)
        key = digest(prk, b"Content-Encoding: aes128gcm\0\1", sha256)[:16]
        nonce = digest(prk, b"Content-Encoding: nonce\0\1", sha256)[:12]
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain[-1:] == b"\2"
        return plain[:-1]


class Taken(msgspec.Struct):
    """A push as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    def claims(self, audience: str, key: str, now: datetime) -> dict[str, Any]:
        """Check the signature (RFC 8292), and that it is good now and not for too long."""
        scheme, _, rest = self.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        token, _, public = rest.removeprefix("t=").partition(", k=")
        assert public == key
        found: dict[str, Any] = jwt.decode(
            token,
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data(public)),
            algorithms=["ES256"],
            audience=audience,
            options={"verify_exp": False},
        )
        assert now < datetime.fromtimestamp(found["exp"], UTC) <= now + timedelta(hours=24)
        return found


class PushService:
    """Answer with the next of `statuses`, then with 201; `headers` go with each answer."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.headers: Sequence[str] = ()
        self.answer = b""
        self.taken: list[Taken] = []
        self.connections = 0
        self.port = 0
        self.trust = ssl.create_default_context()

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.port}"

    def endpoint(self, name: str = "abc") -> str:
        return f"{self.origin}/push/{name}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {name.lower(): value for line in head[1:-2] for name, value in [line.split(": ", 1)]}
                body = await reader.readexactly(int(headers["content-length"]))
                assert method == "POST"
                self.taken.append(Taken(path, headers, body))
                status = self.statuses.pop(0) if self.statuses else 201
                if status == SILENCE:
                    await reader.read()  # until the client has had enough
                    break
                lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(self.answer)}", *self.headers, "", ""]
                writer.write("\r\n".join(lines).encode() + self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def push_service(folder: Path) -> AsyncIterator[PushService]:
    service = PushService()
    certificate = folder / "service.pem"
    certificate.write_bytes(_certificate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    service.trust = ssl.create_default_context(cafile=certificate)
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.get_running_loop().create_task(service.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def _certificate() -> bytes:
    """Make a key and a certificate of the host that is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + made.public_bytes(Encoding.PEM)
