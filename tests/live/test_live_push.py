"""Web push: those who are not connected are told, once, and nobody else is held up or let in by it."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.live.push_service import HOST, SILENCE, Browser, PushService, push_service
from tests.live.scene import Scene, scene

from hubbub.core.chat import PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.model import PushSubscription
from hubbub.core.push import SubscribePush
from hubbub.core.state import WorldState
from hubbub.core.user import BanUser
from hubbub.core.world import ReplaceWorld, UpdateWorld
from hubbub.dialects.venueless.id import Kind, render
from hubbub.dialects.venueless.push import MAX_BODY, write_notification
from hubbub.live import push
from hubbub.live.egress import Egress, look_up, usual_trust
from hubbub.live.push import REST, RETRIES, UNSUBSCRIBED_FOR, PushSender
from hubbub.live.world import ensure_push_keys
from hubbub.wire.web_push import public_key

pytestmark = pytest.mark.anyio
PATIENCE = timedelta(seconds=10)


class Post:
    """A scene with a push service, a sender, and Ada, who mentions Bob, whose only browser is not connected."""

    def __init__(self, here: Scene, service: PushService, sender: PushSender) -> None:
        self.here = here
        self.service = service
        self.sender = sender
        self.browser = Browser()

    async def furnish(self) -> None:
        self.ada = await self.here.talker("Ada")
        self.bob = await self.leaves("Bob", self.browser.subscription(self.service.endpoint()))

    async def leaves(self, name: str, *subscriptions: SubscribePush) -> int:
        """Let somebody join the lounge, subscribe and go."""
        client = await self.here.talker(name)
        for subscription in subscriptions:
            await client.do(subscription)
        user = client.user
        await client.leave()
        return user

    async def mention(self, user: int = 0, body: str = "Come here") -> Any:
        said = await self.ada.do(PostMessage(room=self.here.lounge, body=body, mentions=(user or self.bob,)))
        await self.sender.settle()
        return said

    async def wait(self, delay: timedelta) -> None:
        self.here.clock.advance(delay)
        await self.sender.settle()

    async def subscriptions(self, user: int = 0) -> list[PushSubscription]:
        await self.here.settle()
        return await self.here.store.push_subscriptions(user or self.bob)

    def counts(self) -> dict[str, int]:
        """Give the counts that are not zero."""
        return {name: count for name, count in self.sender.statistics().items() if count}

    def read(self) -> Any:
        """Give what was pushed last, as the browser reads it."""
        return json.loads(self.browser.decrypt(self.service.taken[-1].body))


def here_only(*hosts: str) -> Callable[[str, int], list[str]]:
    return lambda host, _port: ["127.0.0.1"] if host in (HOST, *hosts) else look_up(host, 0)


@asynccontextmanager
async def post(folder: Path, *, patience: timedelta = PATIENCE, egress: Egress | None = None) -> AsyncIterator[Post]:
    async with push_service(folder) as service, scene() as here:
        await ensure_push_keys(here.community)
        sender = PushSender(
            here.community,
            write_notification,
            subject="https://chat.example",
            trust=service.trust,
            egress=egress or Egress(allow_private=True, lookup=here_only("push2.test")),
            patience=patience,
        )
        await sender.open()
        opened = Post(here, service, sender)
        try:
            await opened.furnish()
            yield opened
        finally:
            await sender.close()


# What is sent


async def test_a_mention_reaches_a_browser_that_is_not_connected(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        said = await it.mention(body="Come here")
        (taken,) = it.service.taken
        assert it.read() == {
            "type": "chat.notification",
            "channel": render(it.here.lounge, Kind.CHANNEL),
            "event_id": said.number,
            "sender": "Ada",
            "body": "Come here",
        }
        assert taken.path == "/push/abc"
        expected = {
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": "86400",
            "urgency": "high",
            "host": f"{HOST}:{it.service.port}",
        }
        assert {name: taken.headers[name] for name in expected} == expected
        private = it.here.state.world.config["vapid_private_key"]
        claims = taken.claims(it.service.origin, public_key(private), it.here.clock())
        assert claims["sub"] == "https://chat.example"
        assert it.counts() == {"sent": 1}
        await it.mention()
        assert it.service.connections == 1, "a connection is used again"
        assert it.service.taken[0].body[:86] != it.service.taken[1].body[:86], "salt and key are new each time"


async def test_a_direct_message_reaches_a_browser_that_is_not_connected(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        grants = {**it.here.state.world.trait_grants, "participant": []}
        await it.here.community.call(it.here.state, UpdateWorld(trait_grants=grants), operator=True)
        opened = await it.ada.do(OpenDirect(users=(it.bob,)))
        await it.ada.do(PostMessage(room=opened.room.id, body="Hello you"))
        await it.sender.settle()
        assert it.read()["channel"] == render(opened.room.id, Kind.CHANNEL)
        assert it.read()["body"] == "Hello you"


async def test_what_a_notification_says_is_short_and_names_people(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        await it.mention(body=f"@{render(it.bob, Kind.USER)} and @{render(it.bob, Kind.CHANNEL)}: hi")
        assert it.read()["body"] == f"@Bob and @{render(it.bob, Kind.CHANNEL)}: hi"
        await it.mention(body="\U0001f600" * 5000)
        assert it.read()["body"] == "\U0001f600" * (MAX_BODY - 1) + "…"
        await it.mention(body="\x01" * 20_000)
        assert len(it.service.taken[-1].body) <= 4096


async def test_whoever_is_connected_gets_no_push(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        back = await it.here.client("Bob")
        await it.mention()
        assert it.service.taken == []
        await back.leave()
        await it.mention()
        assert len(it.service.taken) == 1


async def test_every_browser_of_a_user_is_told_and_nobody_elses(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        ends = it.here.clock() + timedelta(hours=1)
        eve = await it.leaves("Eve", Browser().subscription(it.service.endpoint("eve")))
        await it.leaves(
            "Bob",
            Browser().subscription(it.service.endpoint("phone")),
            Browser().subscription(it.service.endpoint("old"), expires=ends.timestamp() * 1000),
        )
        await it.mention()
        assert sorted(taken.path for taken in it.service.taken) == ["/push/abc", "/push/old", "/push/phone"]
        it.here.clock.advance(timedelta(hours=2))
        it.service.taken.clear()
        await it.mention()
        assert sorted(taken.path for taken in it.service.taken) == ["/push/abc", "/push/phone"]
        assert len(await it.subscriptions(eve)) == 1


async def test_whoever_subscribes_is_told_from_then_on(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        eve = await it.leaves("Eve")
        await it.mention(eve)
        assert it.service.taken == []
        await it.leaves("Eve", Browser().subscription(it.service.endpoint("eve")))
        await it.mention(eve)
        assert [taken.path for taken in it.service.taken] == ["/push/eve"]


async def test_what_another_process_stored_is_found_within_a_minute(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        eve = await it.leaves("Eve")
        await it.mention(eve)
        await it.leaves("Eve", Browser().subscription(it.service.endpoint("eve")))
        it.sender._unsubscribed[eve] = it.here.clock() + UNSUBSCRIBED_FOR  # it heard nothing of that
        await it.mention(eve)
        assert it.service.taken == []
        it.here.clock.advance(UNSUBSCRIBED_FOR)
        await it.mention(eve)
        assert [taken.path for taken in it.service.taken] == ["/push/eve"]


async def test_what_is_no_longer_theirs_to_read_is_not_sent_again(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        it.service.statuses = [500]
        await it.mention()
        await it.here.community.call(it.here.state, BanUser(user=it.bob), operator=True)
        await it.wait(RETRIES[0])
        assert len(it.service.taken) == 1


# What comes of it


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(tmp_path: Path, status: int) -> None:
    async with post(tmp_path) as it:
        it.service.statuses = [status]
        await it.mention()
        assert await it.subscriptions() == []
        await it.mention()
        assert len(it.service.taken) == 1
        assert it.counts() == {"gone": 1}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_that_is_busy_is_asked_again(tmp_path: Path, status: int) -> None:
    async with post(tmp_path) as it:
        it.service.statuses = [status]
        await it.mention()
        assert it.counts() == {"retrying": 1}
        await it.wait(RETRIES[0] - timedelta(milliseconds=1))
        assert len(it.service.taken) == 1
        await it.wait(timedelta(milliseconds=1))
        assert len(it.service.taken) == 2
        assert it.counts() == {"sent": 1}
        assert len(await it.subscriptions()) == 1


async def test_a_service_says_how_long_to_wait(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        it.service.statuses, it.service.headers = [429, 429], ["Retry-After: 90"]
        await it.mention()
        await it.wait(timedelta(seconds=89))
        assert len(it.service.taken) == 1
        it.service.headers = ["Retry-After: 86400"]
        await it.wait(timedelta(seconds=1))
        assert len(it.service.taken) == 2
        assert it.counts() == {"failed": 1}


async def test_a_service_that_stays_broken_is_given_up(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        it.service.statuses = [500] * 10
        await it.mention()
        for delay in RETRIES:
            await it.wait(delay)
        await it.wait(timedelta(days=1))
        assert len(it.service.taken) == 1 + len(RETRIES)
        assert it.counts() == {"failed": 1}
        assert len(await it.subscriptions()) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 413])
async def test_what_is_refused_is_not_tried_again_and_redirects_lead_nowhere(tmp_path: Path, status: int) -> None:
    async with post(tmp_path) as it:
        it.service.statuses, it.service.headers = [status], [f"Location: {it.service.endpoint('elsewhere')}"]
        await it.mention()
        await it.wait(timedelta(days=1))
        assert [taken.path for taken in it.service.taken] == ["/push/abc"]
        assert it.counts() == {"failed": 1}
        assert len(await it.subscriptions()) == 1


async def test_a_service_that_does_not_answer_is_left_alone_for_a_while(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        other = f"https://push2.test:{it.service.port}/x"
        eve = await it.leaves("Eve", Browser().subscription(other))
        it.sender._patience = timedelta(milliseconds=100)
        it.service.statuses = [SILENCE]
        await it.mention()
        assert it.counts() == {"retrying": 1}
        it.sender._patience = PATIENCE
        taken = len(it.service.taken)
        await it.wait(RETRIES[0])
        await it.mention()
        assert len(it.service.taken) == taken, "it rests"
        it.sender._resting["push2.test"] = it.here.clock() - timedelta(seconds=1)
        await it.mention(eve)
        assert "push2.test" in it.sender._resting, "another host is tried; its certificate is wrong"
        it.service.statuses.clear()
        await it.wait(REST)
        await it.mention()
        assert it.counts()["sent"] >= 1


async def test_a_long_answer_is_not_read(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        it.service.answer = b"x" * 5_000_000
        await it.mention()
        assert it.counts() == {"sent": 1}
        it.service.answer = b"x" * 1000
        await it.mention()
        await it.mention()
        assert it.service.connections == 2


async def test_a_certificate_must_be_the_hosts(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        eve = await it.leaves("Eve", Browser().subscription(f"https://push2.test:{it.service.port}/x"))
        await it.mention(eve)
        assert it.service.taken == []
        assert it.counts() == {"retrying": 1}


def test_certificates_are_checked_unless_a_test_says_whose() -> None:
    trust = usual_trust()
    assert (trust.verify_mode, trust.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert trust is usual_trust()


# What nobody can do with it


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", HOST])
async def test_an_endpoint_is_no_way_into_the_operators_network(
    tmp_path: Path, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with post(tmp_path, egress=Egress(lookup=lambda h, p: ["127.0.0.1"] if h == HOST else look_up(h, p))) as it:
        eve = await it.leaves("Eve", Browser().subscription(f"https://{host}:{it.service.port}/secret"))
        with caplog.at_level(logging.DEBUG):
            await it.mention(eve)
        assert (it.service.connections, it.service.taken) == (0, [])
        if host == "[::1]" and "refused" not in it.counts():
            pytest.skip("this machine has no IPv6")
        assert it.counts() == {"refused": 1}
        assert len(await it.subscriptions(eve)) == 1, "a name server that lies for a moment costs no subscription"
        assert "secret" not in caplog.text


async def test_endpoints_and_keys_are_never_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with post(tmp_path) as it:
        with caplog.at_level(logging.INFO):
            for status in (201, 410, 500, 403, SILENCE):
                it.service.statuses = [status]
                it.sender._patience = timedelta(milliseconds=100) if status == SILENCE else PATIENCE
                await it.leaves("Bob", it.browser.subscription(it.service.endpoint("capability")))
                await it.mention()
        assert HOST in caplog.text
        assert "capability" not in caplog.text
        assert it.here.state.world.config["vapid_private_key"] not in caplog.text


async def test_a_full_queue_loses_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "MAX_QUEUED", 3)
    async with post(tmp_path) as it:
        said = [it.ada.execute(PostMessage(room=it.here.lounge, body=f"{i}", mentions=(it.bob,))) for i in range(10)]
        await asyncio.gather(*said)
        await it.sender.settle()
        counts = it.counts()
        assert counts["sent"] + counts["dropped"] == 10
        assert counts["dropped"] > 0
        assert it.read()["body"] == "9"


async def test_there_is_a_limit_to_what_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "MAX_RETRYING", 2)
    async with post(tmp_path) as it:
        it.service.statuses = [500] * 5
        for _ in range(5):
            await it.mention()
        assert it.counts() == {"retrying": 2, "dropped": 3}


async def test_nobody_waits_for_a_dead_service(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        it.service.statuses = [SILENCE] * 20
        for number in range(20):
            assert await it.ada.do(PostMessage(room=it.here.lounge, body=str(number), mentions=(it.bob,)))
        assert it.counts().keys().isdisjoint({"sent", "failed"})


async def test_a_fault_of_ours_costs_one_push(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with post(tmp_path) as it:

        def broken(state: WorldState, event: object) -> dict[str, Any]:
            raise KeyError(it.service.endpoint())

        monkeypatch.setattr(it.sender, "_write", broken)
        await it.mention()
        monkeypatch.setattr(it.sender, "_write", write_notification)
        await it.mention()
        assert it.counts() == {"failed": 1, "sent": 1}
        assert "could not be made: KeyError" in caplog.text
        assert "/push/abc" not in caplog.text


async def test_a_store_that_cannot_be_read_costs_one_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with post(tmp_path) as it:

        async def unreadable(user: int) -> list[PushSubscription]:
            raise TimeoutError

        with monkeypatch.context() as patch:
            patch.setattr(it.here.store, "push_subscriptions", unreadable)
            await it.mention()
        await it.mention()
        assert it.counts() == {"failed": 1, "sent": 1}


# The key


async def test_a_world_gets_a_key_once(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        before = it.here.state.world
        assert before.config["vapid_private_key"]
        await ensure_push_keys(it.here.community)
        assert it.here.state.world is before
        audit = await it.here.store.audit(before.id)
        assert "vapid_private_key" in str(audit)
        assert before.config["vapid_private_key"] not in str(audit)


@pytest.mark.parametrize("key", [None, ""])
async def test_without_a_key_nothing_is_sent(tmp_path: Path, key: str | None) -> None:
    async with post(tmp_path) as it:
        it.here.state.world.config["vapid_private_key"] = key
        await it.mention()
        assert it.service.taken == []
        assert it.counts() == {"failed": 1}


async def test_a_world_that_begins_anew_forgets_its_browsers(tmp_path: Path) -> None:
    async with post(tmp_path) as it:
        world = it.here.state.world
        command = ReplaceWorld(title="New", roles=world.roles, trait_grants={}, config=world.config, rooms=())
        await it.here.community.call(it.here.state, command, operator=True)
        assert await it.subscriptions() == []
