"""Web push: users who are not connected are told of mentions and direct messages by their browsers' push services.

It hears the bus as the hub does, and costs whoever publishes one look at who is connected. Everything else is done by a
few workers from a queue; when that is full, the oldest goes. A service that does not answer is left alone for a while,
so that it keeps few of the workers busy. What is lost is lost: the notification itself is in the read states.

An endpoint is a secret (who has it can send to it) and a way out of this network that a stranger chose: only its host
is ever logged, redirects are not followed, and `egress` decides where a connection may go.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpcore
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from hubbub.core.error import HubbubError
from hubbub.core.event import Event, PushSubscribed, UserNotified
from hubbub.core.model import PushSubscription
from hubbub.core.push import MAX_SUBSCRIPTIONS, UnsubscribePush
from hubbub.core.state import WorldState
from hubbub.live.clock import Timer
from hubbub.live.community import Community
from hubbub.live.egress import AGAIN, FAULTS, Egress, PrivateAddressError, usual_trust
from hubbub.store.contract import StoreError
from hubbub.wire import web_push

logger = logging.getLogger(__name__)

WORKERS = 8
"""Pushes on their way at once: so many that do not answer, and what push may take from the server at most."""
MAX_QUEUED = 10_000
MAX_RETRYING = 1000
PATIENCE = timedelta(seconds=10)
"""For one attempt, from the lookup of the name to the end of the answer."""
CONNECT_PATIENCE = timedelta(seconds=3)
"""For one address of the several that a name may have."""
RETRIES = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5))
LONGEST_RETRY = timedelta(minutes=10)
"""Services that ask for more with Retry-After are asked no more."""
REST = timedelta(seconds=30)
"""How long a host that did not answer is left alone."""
MAX_RESTING = 1000
UNSUBSCRIBED_FOR = timedelta(minutes=1)
"""How long a user without a browser to tell is known to have none; another server on the database may learn of one."""
MAX_UNSUBSCRIBED = 10_000
KEPT = timedelta(days=1)
"""How long a push service keeps a push for a browser that is off (RFC 8030 5.2)."""
SIGNED_FOR = timedelta(hours=12)  # RFC 8292 2: at most 24
MAX_ANSWER = 65_536
"""Bytes of an answer that are read so that the connection can be used again; what it says does not matter."""

GONE = frozenset({404, 410})  # RFC 8030 7.3

K = TypeVar("K")

Write = Callable[[WorldState, UserNotified], dict[str, Any]]
"""Write what the browser gets to know, in the words of the dialect that it subscribed with."""


class Push(msgspec.Struct, frozen=True, eq=False):
    """One notification on its way; without a subscription it is still to be found out where to."""

    state: WorldState
    event: UserNotified
    subscription: PushSubscription | None = None
    tries: int = 0


class PushSender:
    """Send pushes from between `open` and `close`, which belong to one event loop.

    `subject` is whom push services can ask about us (RFC 8292 2.1), a URL of https or mailto, or nothing. `trust` is
    for tests: whose certificates are good.
    """

    def __init__(
        self,
        community: Community,
        write: Write,
        *,
        subject: str = "",
        allow_private: bool = False,
        trust: ssl.SSLContext | None = None,
        egress: Egress | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._community = community
        self._write = write
        self._subject = subject
        self._patience = patience
        self._egress = egress or Egress(allow_private=allow_private)
        self._http = httpcore.AsyncConnectionPool(
            ssl_context=trust or usual_trust(),
            max_connections=WORKERS,
            max_keepalive_connections=WORKERS,
            keepalive_expiry=60,
            network_backend=self._egress,
        )
        self._queue: asyncio.Queue[Push] = asyncio.Queue(MAX_QUEUED)
        self._retrying: set[Timer] = set()
        self._resting: dict[str, datetime] = {}
        """By host: until when it is left alone."""
        self._unsubscribed: dict[int, datetime] = {}
        """By user: until when they are known to have no browser to tell."""
        self._working: asyncio.Task[None] | None = None
        self._counts = dict.fromkeys(("sent", "gone", "refused", "failed", "dropped"), 0)

    # Life

    async def open(self) -> None:
        """Begin to send what is heard from now on."""
        self._community.bus.subscribe(self.hear)
        self._working = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Let go of everything, sent or not."""
        for timer in self._retrying:
            timer.cancel()
        self._retrying.clear()
        if self._working:
            self._working.cancel()
            await asyncio.wait([self._working])
        await self._http.aclose()
        self._egress.close()

    async def settle(self) -> None:
        """Wait until nothing is queued or on its way; what is to be tried again later is not waited for."""
        await self._queue.join()

    def statistics(self) -> dict[str, int]:
        """Count what came of pushes, and what waits."""
        return {**self._counts, "queued": self._queue.qsize(), "retrying": len(self._retrying)}

    # What comes in

    def hear(self, events: Sequence[Event]) -> None:
        """Take note of who is to be told, without waiting for anything."""
        for event in events:
            if isinstance(event, UserNotified):
                self._notice(event)
            elif isinstance(event, PushSubscribed):
                self._unsubscribed.pop(event.subscription.user, None)

    def _notice(self, event: UserNotified) -> None:
        state = self._community.by_id(event.world)
        if state is None or state.presence.online(event.user):
            return
        until = self._unsubscribed.get(event.user)
        if until is None or until <= self._community.clock():
            self._put(Push(state, event))

    def _put(self, push: Push) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self._queue.task_done()
            self._drop("the queue of pushes is full")
        self._queue.put_nowait(push)

    def _drop(self, why: str) -> None:
        if not self._counts["dropped"]:
            logger.warning("%s: the oldest are lost, and counted", why)
        self._counts["dropped"] += 1

    # What is done about it

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            push = await self._queue.get()
            try:
                await (self._find(push) if push.subscription is None else self._send(push, push.subscription))
            except Exception as error:
                # Our own mistake. The text of the error might name the endpoint.
                logger.error("a push could not be made: %s", type(error).__name__)  # noqa: TRY400
                self._counts["failed"] += 1
            finally:
                self._queue.task_done()

    async def _find(self, push: Push) -> None:
        user, now = push.event.user, self._community.clock()
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                found = await self._community.store.push_subscriptions(user)
        except (StoreError, TimeoutError):
            self._counts["failed"] += 1
            return
        if not found:
            _remember(self._unsubscribed, user, now + UNSUBSCRIBED_FOR, MAX_UNSUBSCRIBED)
        for subscription in found[-MAX_SUBSCRIPTIONS:]:
            if subscription.expires is None or subscription.expires > now:
                self._put(msgspec.structs.replace(push, subscription=subscription))

    async def _send(self, push: Push, subscription: PushSubscription) -> None:
        now, event = self._community.clock(), push.event
        user, room = push.state.users.get(event.user), push.state.rooms.get(event.room)
        if user is None or room is None or not push.state.reads(user, now, room):
            return  # no longer theirs to read
        host = urlsplit(subscription.endpoint).hostname or ""
        rests = self._resting.get(host)
        if rests and rests > now:
            self._again(push, host)
            return
        request = self._request(push, subscription)
        if request is None:
            return
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                status, wait = await self._post(subscription.endpoint, *request)
        except PrivateAddressError:
            logger.warning("a push to %s was not sent: that is not on the Internet (push_allow_private)", host)
            self._counts["refused"] += 1
        except FAULTS as error:
            if host not in self._resting:
                logger.warning("pushes to %s fail for now: %s", host, type(error).__name__)
            _remember(self._resting, host, now + REST, MAX_RESTING)
            self._again(push, host)
        else:
            self._resting.pop(host, None)
            await self._answered(push, subscription, host, status, wait)

    async def _answered(
        self, push: Push, subscription: PushSubscription, host: str, status: int, wait: timedelta | None
    ) -> None:
        if 200 <= status < 300:
            self._counts["sent"] += 1
        elif status in GONE:
            self._counts["gone"] += 1
            try:
                await self._community.call(push.state, UnsubscribePush(subscription=subscription), operator=True)
            except HubbubError as error:
                logger.warning("a browser that is gone could not be forgotten: %s", error.code)
        elif status in AGAIN or status >= 500:
            self._again(push, host, wait)
        else:
            logger.warning("%s refuses a push with status %d", host, status)
            self._counts["failed"] += 1

    def _again(self, push: Push, host: str, wait: timedelta | None = None) -> None:
        """Try once more later, a few times."""
        tries = push.tries + 1
        if tries > len(RETRIES) or (wait and wait > LONGEST_RETRY):
            self._counts["failed"] += 1
            logger.info("a push to %s is given up", host)
        elif len(self._retrying) >= MAX_RETRYING:
            self._drop("too many pushes are to be tried again")
        else:
            self._retry(msgspec.structs.replace(push, tries=tries), max(RETRIES[push.tries], wait or timedelta()))

    def _retry(self, push: Push, delay: timedelta) -> None:
        appointment: list[Timer] = []

        def keep() -> None:
            self._retrying.difference_update(appointment)
            self._put(push)

        appointment.append(self._community.clock.call_later(delay, keep))
        self._retrying.update(appointment)

    # How it is sent

    def _request(self, push: Push, subscription: PushSubscription) -> tuple[list[tuple[str, str]], bytes] | None:
        """Write headers and body, anew for each attempt; None when the world has no key that is good."""
        content = msgspec.json.encode(self._write(push.state, push.event))
        world, now = push.state.world, self._community.clock()
        parts = urlsplit(subscription.endpoint)
        subject = self._subject or (f"https://{world.domain}" if world.domain else "")
        try:
            private = world.config.get("vapid_private_key") or ""
            signed = web_push.authorization(private, f"https://{parts.netloc}", subject, now + SIGNED_FOR)
            body = web_push.encrypt(
                content,
                subscription.p256dh,
                subscription.auth,
                salt=os.urandom(web_push.SALT_BYTES),
                key=ec.generate_private_key(web_push.CURVE),
            )
        except (ValueError, TypeError):
            self._counts["failed"] += 1
            return None
        headers = [
            ("Authorization", signed),
            ("Content-Encoding", "aes128gcm"),
            ("Content-Type", "application/octet-stream"),
            ("TTL", str(int(KEPT.total_seconds()))),
            ("Urgency", "high"),
            ("User-Agent", "Hubbub"),
        ]
        return headers, body

    async def _post(self, endpoint: str, headers: list[tuple[str, str]], body: bytes) -> tuple[int, timedelta | None]:
        """Give the status of the answer, and how long it asks us to wait."""
        limits = {"connect": CONNECT_PATIENCE.total_seconds()}
        # Not httpx, which has no public place for `egress`; this is what httpx stands on.
        async with self._http.stream(
            "POST", endpoint, headers=headers, content=body, extensions={"timeout": limits}
        ) as answer:
            wait = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
            size = 0
            async with aclosing(cast(AsyncGenerator[bytes], answer.aiter_stream())) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    if size > MAX_ANSWER:
                        break
        return answer.status, timedelta(seconds=int(wait)) if wait.isdigit() and len(wait) < 9 else None


def _remember(kept: dict[K, datetime], key: K, until: datetime, most: int) -> None:
    kept.pop(key, None)
    while len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = until
