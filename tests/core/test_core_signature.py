"""Signed words of the world to itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from hubbub.core.error import Code, HubbubError
from hubbub.core.model import World
from hubbub.core.signature import MAX_TOKEN, first_secret, read, secrets_of, sign

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
OLD = {"issuer": "any", "audience": "demo", "secret": "an old secret, long enough for anybody " * 2}
NEW = {"issuer": "any", "audience": "demo", "secret": "a new secret, long enough for anybody " * 2}


def world(*secrets: Any, identity: int = 1) -> World:
    return World(id=identity, name="w", title="W", config={"JWT_secrets": list(secrets)}, created=NOW)


def refusal(here: World, purpose: str, token: str, now: datetime = NOW) -> Code:
    with pytest.raises(HubbubError) as caught:
        read(here, purpose, token, now)
    return caught.value.code


def encoded(secret: dict[str, str] = NEW, algorithm: str = "HS256", **body: Any) -> str:
    full = {"aud": "hubbub:1:door", "exp": LATER.timestamp(), **body}
    return jwt.encode({name: value for name, value in full.items() if value is not None}, secret["secret"], algorithm)


def test_what_is_signed_can_be_read_until_its_end() -> None:
    token = sign(world(NEW), "door", {"room": 7}, LATER)
    body = read(world(NEW), "door", token, LATER - timedelta(seconds=1))
    assert body["room"] == 7
    assert refusal(world(NEW), "door", token, LATER) == Code.TOKEN_EXPIRED


def test_a_token_is_good_for_one_purpose_in_one_world() -> None:
    token = sign(world(NEW), "door", {}, LATER)
    assert refusal(world(NEW), "window", token) == Code.TOKEN_INVALID
    assert refusal(world(NEW, identity=2), "door", token) == Code.TOKEN_INVALID


def test_the_first_secret_signs_and_all_are_believed() -> None:
    old = sign(world(OLD), "door", {"n": 1}, LATER)
    new = sign(world(NEW, OLD), "door", {"n": 2}, LATER)
    assert read(world(NEW, OLD), "door", old, NOW)["n"] == 1
    assert read(world(NEW), "door", new, NOW)["n"] == 2
    assert refusal(world(OLD), "door", new) == Code.TOKEN_INVALID
    assert refusal(world(NEW, OLD), "door", old, LATER) == Code.TOKEN_EXPIRED


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "a.b.c",
        "x" * (MAX_TOKEN + 1),
        "\ud800.\0.é",
        jwt.encode({"aud": "hubbub:1:door", "exp": LATER.timestamp()}, "", "none"),
        encoded(algorithm="HS512"),
        encoded(exp=None),
        encoded(aud=None),
        encoded(aud="demo"),
        encoded(exp="soon"),
        encoded(exp=[1]),
        encoded(exp={}),
        encoded(OLD),
    ],
)
def test_what_is_not_of_this_world_is_nothing(token: str) -> None:
    assert refusal(world(NEW), "door", token) == Code.TOKEN_INVALID


def test_the_ticket_system_s_tokens_are_no_keys() -> None:
    """It has the same secret, and its tokens have another audience."""
    theirs = encoded(iss="any", aud="demo", uid="7")
    assert refusal(world(NEW), "door", theirs) == Code.TOKEN_INVALID


def test_what_is_too_long_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign(world(NEW), "door", {"padding": "x" * MAX_TOKEN}, LATER)
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: pytest.fail("was looked at"))
    assert refusal(world(NEW), "door", token) == Code.TOKEN_INVALID


@pytest.mark.parametrize(
    "secrets",
    [
        None,
        "secret",
        [],
        ["secret"],
        [{}],
        [{**NEW, "secret": ""}],
        [{**NEW, "issuer": 7}],
        [{"secret": "s" * 32, "issuer": "any"}],
    ],
)
def test_without_a_whole_secret_nothing_is_signed_or_believed(secrets: Any) -> None:
    here = World(id=1, name="w", title="W", config={"JWT_secrets": secrets}, created=NOW)
    assert secrets_of(here) == []
    for call in (lambda: first_secret(here), lambda: sign(here, "door", {}, LATER)):
        with pytest.raises(HubbubError) as caught:
            call()
        assert caught.value.code == Code.CONFIG_INVALID
    assert refusal(here, "door", encoded()) == Code.TOKEN_INVALID


def test_broken_secrets_do_not_hide_whole_ones() -> None:
    assert secrets_of(world("x", {}, NEW, {**OLD, "audience": None}, OLD)) == [NEW, OLD]


def test_a_short_secret_signs_without_a_warning() -> None:
    short = {**NEW, "secret": "short"}
    assert read(world(short), "door", sign(world(short), "door", {"n": 1}, LATER), NOW)["n"] == 1
