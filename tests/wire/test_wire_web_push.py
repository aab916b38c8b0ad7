"""Web push messages: as in the RFCs' own examples, and as a browser reads them."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hubbub.wire.web_push import (
    CURVE,
    MAX_PLAIN,
    RECORD_SIZE,
    authorization,
    encrypt,
    new_private_key,
    point_of,
    public_key,
)

# RFC 8291, section 5 and appendix A
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SENDER_PUBLIC = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
BROWSER_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def read(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(read(text)), CURVE)


def test_the_example_of_rfc_8291() -> None:
    body = encrypt(PLAIN, BROWSER_PUBLIC, AUTH, salt=read(SALT), key=private(SENDER_PRIVATE))
    assert body == read(BODY)
    padded = encrypt(PLAIN, BROWSER_PUBLIC + "=", AUTH + "==", salt=read(SALT), key=private(SENDER_PRIVATE))
    assert padded == body


def test_as_much_as_fits_is_one_record() -> None:
    key = private(SENDER_PRIVATE)
    body = encrypt(b"x" * MAX_PLAIN, BROWSER_PUBLIC, AUTH, salt=read(SALT), key=key)
    assert len(body) == RECORD_SIZE
    with pytest.raises(ValueError, match="at most"):
        encrypt(b"x" * (MAX_PLAIN + 1), BROWSER_PUBLIC, AUTH, salt=read(SALT), key=key)


def test_a_public_key_is_that_of_the_private_one() -> None:
    assert public_key(SENDER_PRIVATE) == SENDER_PUBLIC
    made = new_private_key()
    assert (len(made), len(public_key(made))) == (43, 87)
    assert read(public_key(made)) == point_of(private(made))
    assert made != new_private_key()
    for wrong in ("", "AA", "rubbish!", "_" * 43):
        with pytest.raises(ValueError, match=r"."):
            public_key(wrong)


def test_who_sends_is_signed() -> None:
    header = authorization(SENDER_PRIVATE, "https://push.example", "https://chat.example", NOW + timedelta(hours=1))
    token, key = header.removeprefix("vapid t=").split(", k=")
    assert key == SENDER_PUBLIC
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT"}
    claims = jwt.decode(
        token,
        private(SENDER_PRIVATE).public_key(),
        algorithms=["ES256"],
        audience="https://push.example",
        options={"verify_exp": False},
    )
    expires = int(NOW.timestamp()) + 3600
    assert claims == {"aud": "https://push.example", "sub": "https://chat.example", "exp": expires}
    nobody = authorization(SENDER_PRIVATE, "https://push.example", "", NOW).removeprefix("vapid t=").split(",")[0]
    assert "sub" not in jwt.decode(nobody, options={"verify_signature": False})
