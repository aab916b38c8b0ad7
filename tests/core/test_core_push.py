"""Subscribing to web push: what is taken, what is refused, and what is forgotten."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.core.house import House, Outcome

from hubbub.core.error import Code, HubbubError
from hubbub.core.event import Event, PushSubscribed, PushUnsubscribed
from hubbub.core.model import PushSubscription
from hubbub.core.push import MAX_SUBSCRIPTIONS, SubscribePush, UnsubscribePush, decode, is_private_key
from hubbub.core.user import BanUser, DeleteUser

POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
OFF_THE_CURVE = POINT[:-2] + "iw"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
ENDPOINT = "https://push.example/v1/abc"
FIELDS = {"endpoint": ENDPOINT, "p256dh": POINT, "auth": AUTH}


def command(**fields: Any) -> SubscribePush:
    return SubscribePush(**{**FIELDS, **fields})


def kept(house: House) -> list[PushSubscription]:
    return [record for record in house.cabinet.records.values() if isinstance(record, PushSubscription)]


def test_a_browser_subscribes_once(house: House) -> None:
    ada = house.person("Ada")
    outcome = house.do(command(), ada)
    made = outcome.one(PushSubscribed).subscription
    assert (made.user, made.endpoint, made.p256dh, made.auth, made.expires) == (ada, ENDPOINT, POINT, AUTH, None)
    assert kept(house) == [made]
    house.advance(timedelta(days=1))
    assert house.do(command(p256dh=POINT + "=", auth=AUTH + "=="), ada).events == []
    changed = house.do(command(auth="A" * 22), ada).one(PushSubscribed).subscription
    assert kept(house) == [changed]


def test_a_browser_belongs_to_whoever_used_it_last(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    house.do(command(), ada)
    house.do(command(), bob)
    assert [one.user for one in kept(house)] == [bob]


def test_the_oldest_browser_goes(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    house.do(command(endpoint="https://push.example/bob"), bob)
    outcomes: list[Outcome] = []
    for number in range(MAX_SUBSCRIPTIONS + 2):
        house.advance(timedelta(seconds=1))
        outcomes.append(house.do(command(endpoint=f"{ENDPOINT}/{number}"), ada))
    assert [outcome.of(PushUnsubscribed) for outcome in outcomes[:MAX_SUBSCRIPTIONS]] == [[]] * MAX_SUBSCRIPTIONS
    (gone,) = outcomes[-1].one(PushUnsubscribed).subscriptions
    assert gone.endpoint == f"{ENDPOINT}/1"
    assert sum(one.user == ada for one in kept(house)) == MAX_SUBSCRIPTIONS
    assert sum(one.user == bob for one in kept(house)) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:APA91b_-xyz",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA==",
        "https://web.push.apple.com/Qabc",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d%3d",
        "https://push.example:8443/x",
        "https://[2001:db8::1]/x",
        "https://push.example",
        "https://push.example/" + "x" * 2027,
    ],
)
def test_endpoints_that_are_good(house: House, endpoint: str) -> None:
    assert house.do(command(endpoint=endpoint), house.person("Ada")).one(PushSubscribed).subscription.user


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint": ""},
        {"endpoint": "push.example/x"},
        {"endpoint": "http://push.example/x"},
        {"endpoint": "HTTPS://push.example/x"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https:///x"},
        {"endpoint": "https://"},
        {"endpoint": "https://ada@push.example/x"},
        {"endpoint": "https://ada:secret@push.example/x"},
        {"endpoint": "https://push.example\\@127.0.0.1/x"},
        {"endpoint": "https://push.example/x#y"},
        {"endpoint": "https://push.example/x y"},
        {"endpoint": "https://push.example/x\r\nHost: y"},
        {"endpoint": "https://push.example/x\n"},
        {"endpoint": "https://push.example/\u00e4"},
        {"endpoint": "https://p\u00fcsh.example/x"},
        {"endpoint": "https://push..example/x"},
        {"endpoint": f"https://{'x' * 64}.example/x"},
        {"endpoint": "https://push.example:0/x"},
        {"endpoint": "https://push.example:65536/x"},
        {"endpoint": "https://push.example:x/x"},
        {"endpoint": "https://push.example?x"},
        {"endpoint": "https://push.example/" + "x" * 2028},
        {"p256dh": ""},
        {"p256dh": POINT[:-1]},
        {"p256dh": POINT + "A"},
        {"p256dh": POINT + "==="},
        {"p256dh": POINT.replace("_", "/")},
        {"p256dh": " " + POINT},
        {"p256dh": "A" * 87},
        {"p256dh": OFF_THE_CURVE},
        {"p256dh": "B" * 1_000_000},
        {"auth": ""},
        {"auth": "A" * 21},
        {"auth": "A" * 24},
        {"auth": "\u00e4" * 22},
        {"expires": -1.0},
        {"expires": 1e300},
        {"expires": float("nan")},
        {"expires": float("inf")},
    ],
)
def test_subscriptions_that_make_no_sense(house: House, fields: Any) -> None:
    assert house.refusal(command(**fields), house.person("Ada")) == Code.INVALID
    assert kept(house) == []


def test_when_a_subscription_ends(house: House) -> None:
    later = house.now + timedelta(days=1)
    outcome = house.do(command(expires=later.timestamp() * 1000), house.person("Ada"))
    assert outcome.one(PushSubscribed).subscription.expires == later


def test_whoever_is_kept_out_cannot_subscribe(house: House) -> None:
    ada, owner = house.person("Ada"), house.owner()
    house.cabinet.meanwhile = lambda: house.do(BanUser(user=ada), owner) and None
    assert house.refusal(command(), ada) == Code.WORLD_DENIED
    assert house.refusal(command(), ada) == Code.WORLD_DENIED
    assert kept(house) == []


def test_the_browsers_of_a_deleted_user_are_forgotten(house: House) -> None:
    ada, bob, owner = house.person("Ada"), house.person("Bob"), house.owner()
    house.do(command(), ada)
    house.do(command(endpoint="https://push.example/bob"), bob)
    assert len(house.do(DeleteUser(user=ada), owner).one(PushUnsubscribed).subscriptions) == 1
    assert [one.user for one in kept(house)] == [bob]


def test_only_the_server_forgets_a_browser_that_is_gone(house: House) -> None:
    ada, owner = house.person("Ada"), house.owner()
    made = house.do(command(), ada).one(PushSubscribed).subscription
    assert house.refusal(UnsubscribePush(subscription=made), ada) == Code.WORLD_DENIED
    assert house.refusal(UnsubscribePush(subscription=made), owner) == Code.WORLD_DENIED
    house.do(UnsubscribePush(subscription=made), operator=True)
    assert kept(house) == []
    house.do(UnsubscribePush(subscription=made), operator=True)


@pytest.mark.parametrize("kind", [PushSubscribed, PushUnsubscribed])
def test_subscriptions_are_secrets_that_no_journal_has(kind: type[Event]) -> None:
    assert kind.durable()
    assert not kind.JOURNALLED


def test_what_is_wrong_is_said_without_the_endpoint(house: House) -> None:
    with pytest.raises(HubbubError) as refused:
        house.do(command(endpoint="http://secret.example/x"), house.person("Ada"))
    assert "secret" not in str(refused.value) + str(msgspec.to_builtins(refused.value.details))


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", True),
        ("A" * 42 + "E", True),
        ("A" * 43, False),  # zero
        ("_" * 42 + "8", False),  # more than the order of the curve
        ("A" * 22, False),
        ("", False),
        (5, False),
        (["x"], False),
        ("!" * 43, False),
    ],
)
def test_what_a_private_key_is(value: object, good: bool) -> None:
    assert is_private_key(value) is good


def test_base64_that_is_none() -> None:
    assert decode("AA") == decode("AA==") == b"\0"
    assert decode("A") == decode("A=A") == decode("=") == decode("A" * 200) == b""
