"""Callbacks: what is said in a group is sent to the programs of its bots, which asked for that with an address.

It hears the bus as the hub does, and costs whoever publishes one look at whether the room has bots. Each bot has a line
of its own: messages go out in their order, one at a time; one that fails is tried again later, behind what waits then,
so that it holds up nothing. How many requests are on their way is limited over all, by owner and by host, and those who
were slow the last time share a few places, so that they keep nobody else waiting. What is lost is lost, as programs can
read the group; the owner of a bot can read what came of the last deliveries.

A callback is a way out of this network that a stranger chose, and may have a secret in it: it is never logged, and
`egress` decides where a connection may go, also after a redirect. The body is signed with the bot's token, so that a
program knows who sent it. No proxy, cookie or password is used.
"""

import asyncio
import hashlib
import hmac
import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakValueDictionary

import httpcore
import httpx
import msgspec

from hubbub.core.bot import is_web_address, listeners, token_of, works
from hubbub.core.error import Invalid
from hubbub.core.event import BotRemoved, Event, MessagePosted
from hubbub.core.id import SERVER_NODES, TOOL_NODES, node_of
from hubbub.core.model import Bot, Message
from hubbub.core.state import WorldState
from hubbub.live.clock import Timer
from hubbub.live.community import Community
from hubbub.live.egress import AGAIN, FAULTS, Egress, EgressTransport, PrivateAddressError, TooLongError

logger = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # below, it logs whole addresses

SIGNATURE = "X-Hubbub-Signature"
"""Header with "sha256=" and the HMAC-SHA256 of the body, keyed with the bot's token, in hexadecimal digits."""
FAST = 24
"""Requests on their way at once."""
SLOW_ONES = 8
"""The same, of those bots whose last answer took long or did not come."""
OF_OWNER = 4
OF_HOST = 8
"""The same, of the bots of one owner, and to one host."""
PATIENCE = timedelta(seconds=10)
"""For one attempt, from the lookup of the name to the end of the answer, redirects included."""
CONNECT_PATIENCE = timedelta(seconds=3)
"""For one address of the several that a name may have."""
SLOW = timedelta(seconds=2)
"""From here on an answer took long."""
RETRIES = (timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=1))
MAX_WAITING = 100
"""Messages of one bot; then the oldest is lost."""
MAX_RETRYING = 20
"""Messages of one bot."""
MAX_QUEUED = 32 * 1024 * 1024
"""Bytes of all messages that wait; then who has most waiting loses the oldest."""
OVERHEAD = 1024
"""Bytes that a message costs besides its text."""
MAX_ANSWER = 32 * 1024
"""Bytes of an answer that are read, so that the connection can be used again; what it says does not matter."""
LOOKUPS = 2 * (FAST + SLOW_ONES)
"""Threads that ask for addresses at most: one may still wait for a name server when we no longer do."""
MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 307, 308})
"""Followed with the same POST: a GET would lose the message. 303 says that it was taken."""
MAX_LOG = 50
"""Deliveries of one bot that are remembered."""
MAX_LINES = 2000
"""Bots of which something is remembered."""

CROWDED = "too many messages waited"
UNTOLD = "it is told nothing any more"
UNSIGNED = "the server has no secret to sign with"
FAULTY = "the server could not send it"
LATE = "took longer than {patience:g} s"

Write = Callable[[WorldState, Message], dict[str, Any] | None]
"""Write what programs get to know of a message, in the words of a dialect: once for all bots. None: nothing."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt to send a message, or that there will be none any more, for the owner of the bot.

    `message` is its number; `attempt` counts from 1; `status` is that of the answer, 0 without one; then `reason` says
    why. A status from 200 to 299 is a success. Of messages that were lost in a row, for want of room or because the bot
    is told nothing any more, only the last is here, and `count` says how many they were.
    """

    at: datetime
    message: int
    attempt: int
    status: int = 0
    reason: str = ""
    duration: timedelta = timedelta()
    count: int = 1


class _Letter(msgspec.Struct, frozen=True, eq=False):
    """A message on its way to one bot. The text is shared by all."""

    message: int
    body: bytes
    tries: int = 0

    @property
    def weight(self) -> int:
        return len(self.body) + OVERHEAD


class _Line:
    """What waits for one bot, and what is remembered of it."""

    def __init__(self, state: WorldState, room: int, user: int) -> None:
        self.state = state
        self.room = room
        self.user = user
        self.waiting: deque[_Letter] = deque()
        self.weight = 0
        """Of those that are waiting."""
        self.retrying: dict[_Letter, Timer] = {}
        self.log: deque[Delivery] = deque(maxlen=MAX_LOG)
        self.slow = False
        self.task: asyncio.Task[None] | None = None

    @property
    def bot(self) -> Bot | None:
        """The bot as it is now."""
        return self.state.bots.get(self.room, {}).get(self.user)

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.retrying or self.task)


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt."""

    status: int = 0
    reason: str = ""
    again: bool = False
    late: bool = False


class _RefusedError(Exception):
    """An address leads where we do not go; the text says why."""


class _NoCookies(CookieJar):
    """Keep nothing: what one program sets is not for the next."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Let them go."""


class CallbackSender:
    """Send what is said to callbacks between `open` and `close`, which belong to one event loop.

    `node` is the number of this server: each sends what was said on it, and the first also what was said by command
    line tools, so that nothing is sent twice where several share a database. `trust` is for tests: whose certificates
    are good.
    """

    def __init__(
        self,
        community: Community,
        write: Write,
        *,
        node: int = 0,
        allow_private: bool = False,
        trust: ssl.SSLContext | None = None,
        egress: Egress | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._community = community
        self._write = write
        self._nodes = {node, *TOOL_NODES} if node == SERVER_NODES[0] else {node}
        self._patience = patience
        self._egress = egress or Egress(allow_private=allow_private, lookups=LOOKUPS, max_answer=MAX_ANSWER)
        self._http = httpx.AsyncClient(
            transport=EgressTransport(self._egress, connections=FAST + SLOW_ONES, trust=trust),
            timeout=httpx.Timeout(None, connect=CONNECT_PATIENCE.total_seconds()),
            cookies=_NoCookies(),
            trust_env=False,
            follow_redirects=False,
        )
        self._lines: dict[int, _Line] = {}
        """By the user of the bot."""
        self._queued = 0
        """Bytes."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._fast, self._slow = asyncio.Semaphore(FAST), asyncio.Semaphore(SLOW_ONES)
        self._places: WeakValueDictionary[int | str, asyncio.Semaphore] = WeakValueDictionary()
        """Those of an owner, and to a host, while somebody waits for one or has it."""
        self._counts = dict.fromkeys(("sent", "failed", "dropped"), 0)
        self._closed = False

    # Life

    def open(self) -> None:
        """Begin to send what is said from now on."""
        self._community.bus.subscribe(self.hear)

    async def close(self) -> None:
        """Let go of everything, sent or not."""
        self._closed = True
        for line in self._lines.values():
            self._clear(line)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._http.aclose()
        self._egress.close()

    async def settle(self) -> None:
        """Wait until nothing waits or is on its way; what is to be tried again later is not waited for."""
        await asyncio.sleep(0)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def statistics(self) -> dict[str, int]:
        """Count what came of messages, and what waits."""
        lines = self._lines.values()
        waiting, retrying = sum(len(line.waiting) for line in lines), sum(len(line.retrying) for line in lines)
        return {**self._counts, "waiting": waiting, "retrying": retrying, "bytes": self._queued}

    def log(self, bot: int) -> list[Delivery]:
        """Give the last deliveries to a bot, by its user, the newest first; whoever may do CheckBot may read them."""
        line = self._lines.get(bot)
        return [] if line is None else list(reversed(line.log))

    # What comes in

    def hear(self, events: Sequence[Event]) -> None:
        """Take note of what was said where bots are, without waiting for anything."""
        for event in events:
            if isinstance(event, MessagePosted):
                self._notice(event)
            elif isinstance(event, BotRemoved) and (line := self._lines.pop(event.bot.user, None)):
                self._clear(line)

    def _notice(self, event: MessagePosted) -> None:
        state, message = self._community.by_id(event.world), event.message
        if state is None or not state.bots.get(event.room):
            return
        edit = message.replaces is not None and message.event is None
        if not edit and node_of(message.id) in self._nodes:
            self._community.soon(partial(self._address, state, message))

    def _address(self, state: WorldState, message: Message) -> None:
        """Put a message into the line of each bot that is to be told."""
        bots = [] if self._closed else list(listeners(state, message.room, self._community.clock()))
        if not bots:
            return
        try:
            content = self._write(state, message)
            body = b"" if content is None else msgspec.json.encode(content)
        except Exception as error:
            # Our own mistake. The text of the error might hold what was said.
            logger.error("a message could not be written for callbacks: %s", type(error).__name__)  # noqa: TRY400
            self._counts["failed"] += len(bots)
            return
        for bot in bots if body else ():
            self._put(self._line(state, bot), _Letter(message.number, body))

    def _line(self, state: WorldState, bot: Bot) -> _Line:
        """Give the line of a bot, from now on the newest; of too many, the oldest in which nothing waits goes."""
        line = self._lines.pop(bot.user, None) or _Line(state, bot.room, bot.user)
        if len(self._lines) >= MAX_LINES:
            self._lines.pop(next((user for user, line in self._lines.items() if line.idle), 0), None)
        self._lines[bot.user] = line
        return line

    def _put(self, line: _Line, letter: _Letter) -> None:
        """Let a message wait, where there is room for it; it is sent as soon as those before it have been."""
        if len(line.waiting) >= MAX_WAITING:
            self._lose(line, self._take(line))
        while self._queued + letter.weight > MAX_QUEUED:
            fullest = max(self._lines.values(), key=lambda line: line.weight)
            if not fullest.waiting:
                self._lose(line, letter)
                return
            self._lose(fullest, self._take(fullest))
        line.waiting.append(letter)
        line.weight += letter.weight
        self._queued += letter.weight
        if line.task is None:
            line.task = asyncio.get_running_loop().create_task(self._serve(line))
            self._tasks.add(line.task)
            line.task.add_done_callback(self._tasks.discard)

    def _take(self, line: _Line) -> _Letter:
        letter = line.waiting.popleft()
        line.weight -= letter.weight
        self._queued -= letter.weight
        return letter

    def _lose(self, line: _Line, letter: _Letter, why: str = CROWDED) -> None:
        self._counts["dropped"] += 1
        same = line.log and line.log[-1].reason == why
        count = line.log.pop().count + 1 if same else 1
        self._note(line, letter, reason=why, count=count)

    def _note(self, line: _Line, letter: _Letter, **fields: Any) -> None:
        now, attempt = self._community.clock(), letter.tries + 1
        line.log.append(Delivery(at=now, message=letter.message, attempt=attempt, **fields))

    def _clear(self, line: _Line) -> None:
        """Send nothing more of a line, nor to its end what is being sent."""
        while line.waiting:
            self._take(line)
        for letter, timer in line.retrying.items():
            timer.cancel()
            self._queued -= letter.weight
        line.retrying.clear()
        if line.task:
            line.task.cancel()

    # What is done about it

    async def _serve(self, line: _Line) -> None:
        """Send what waits in a line, one after another."""
        try:
            while line.waiting:
                bot = line.bot
                if bot is None:
                    self._take(line)
                    continue
                owner = self._place(bot.by, OF_OWNER)
                host = self._place(urlsplit(bot.callback).hostname or "", OF_HOST)
                async with owner, host, self._slow if line.slow else self._fast:
                    if line.waiting:
                        await self._send(line, self._take(line))
        finally:
            line.task = None

    def _place(self, key: int | str, most: int) -> asyncio.Semaphore:
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = asyncio.Semaphore(most)
        return found

    async def _send(self, line: _Line, letter: _Letter) -> None:
        """Try once. The bot is looked at now: it, or who may hear, may have changed while the message waited."""
        bot = line.bot
        if bot is None or not bot.callback or not works(line.state, bot, self._community.clock(), "room:chat.read"):
            self._lose(line, letter, UNTOLD)
            return
        time = asyncio.get_running_loop().time
        began = time()
        try:
            outcome = await self._post(bot.callback, letter.body, token_of(line.state.world, bot))
        except Invalid:
            outcome = _Outcome(reason=UNSIGNED)
        except Exception as error:
            # Our own mistake. The text of the error might name the address.
            logger.error("a callback could not be called: %s", type(error).__name__)  # noqa: TRY400
            outcome = _Outcome(reason=FAULTY)
        took = timedelta(seconds=time() - began)
        line.slow = outcome.late or took > SLOW
        self._note(line, letter, status=outcome.status, reason=outcome.reason, duration=took)
        if 200 <= outcome.status < 300:
            self._counts["sent"] += 1
        elif outcome.again and letter.tries < len(RETRIES):
            self._again(line, letter)
        else:
            self._counts["failed"] += 1

    def _again(self, line: _Line, letter: _Letter) -> None:
        """Try once more later, unless too much waits already."""
        if len(line.retrying) >= MAX_RETRYING or self._queued > MAX_QUEUED // 2:
            self._lose(line, letter)
            return
        again = msgspec.structs.replace(letter, tries=letter.tries + 1)

        def keep() -> None:
            del line.retrying[again]
            self._queued -= again.weight
            self._put(line, again)

        line.retrying[again] = self._community.clock.call_later(RETRIES[letter.tries], keep)
        self._queued += again.weight

    # How it is sent

    async def _post(self, url: str, body: bytes, token: str) -> _Outcome:
        headers = {
            "User-Agent": "Hubbub",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            SIGNATURE: f"sha256={hmac.new(token.encode(), body, hashlib.sha256).hexdigest()}",
        }
        status = 0
        try:
            async with asyncio.timeout(self._patience.total_seconds()), self._ask(url, headers, body) as answer:
                status = answer.status_code
                async for _ in answer.aiter_raw():
                    pass
        except _RefusedError as error:
            return _Outcome(reason=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):  # what connections come to are httpcore's own
            return _Outcome(reason="leads to no address of the web")
        except FAULTS as error:
            if not status:
                late = isinstance(error, TimeoutError)
                reason = LATE.format(patience=self._patience.total_seconds()) if late else _why(error)
                return _Outcome(reason=reason, again=True, late=late)
        return _Outcome(status=status, again=status in AGAIN or status >= 500)

    @asynccontextmanager
    async def _ask(self, url: str, headers: dict[str, str], body: bytes) -> AsyncIterator[httpx.Response]:
        """Give the answer to a POST, after redirects; its body is still to be read."""
        for hop in range(MAX_REDIRECTS + 1):
            try:
                async with self._http.stream("POST", url, headers=headers, content=body) as answer:
                    location = answer.headers.get("location")
                    if answer.status_code not in REDIRECTS or not location:
                        yield answer
                        return
            except PrivateAddressError:
                raise _RefusedError(f"{'redirects' if hop else 'leads'} to a private address") from None
            url = _redirected(url, location)
        raise _RefusedError(f"redirects more than {MAX_REDIRECTS} times")


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    if not is_web_address(target):
        raise _RefusedError("redirects to no address of the web")
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise _RefusedError("redirects from https to http")
    return target


def _why(error: Exception) -> str:
    """Say what a connection came to, without what only concerns us."""
    if isinstance(error, TooLongError):
        return "answered too much"
    if isinstance(error.__context__, ssl.SSLError):
        return "has no certificate that is good"
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return "could not be reached"
    if isinstance(error, httpcore.ProtocolError):
        return "did not answer in HTTP"
    return "broke off the connection"
