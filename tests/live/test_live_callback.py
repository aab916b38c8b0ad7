"""Callbacks: programs get what is said, in order and signed, and nobody else is held up or let in by it."""

import asyncio
import hashlib
import hmac
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.live.callback_program import HOST, Do, Program, endless, hold, program, redirect, silence
from tests.live.push_service import HOST as SECURE
from tests.live.push_service import push_service
from tests.live.scene import Client, Scene, scene

from hubbub.core.bot import AddBot, BotSight, CheckBot, ListBots, PostAsBot, RemoveBot, UpdateBot
from hubbub.core.chat import DeleteMessage, EditMessage, PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code, HubbubError
from hubbub.core.group import CreateGroup, GroupSettings, UpdateGroup
from hubbub.core.id import TOOL_NODES, IdGenerator
from hubbub.core.joining import AddMembers, NewMember, RemoveMember
from hubbub.core.model import Message
from hubbub.core.state import WorldState
from hubbub.core.user import GrantRole
from hubbub.core.world import ReplaceWorld
from hubbub.live import callback, egress
from hubbub.live.callback import LOOKUPS, MAX_ANSWER, MAX_LOG, RETRIES, SIGNATURE, CallbackSender, Delivery
from hubbub.live.egress import Egress, look_up

pytestmark = pytest.mark.anyio
SECRET = {"issuer": "any", "audience": "demo", "secret": "a secret of thirty-two characters"}
PATIENCE = timedelta(seconds=30)
IMPATIENCE = timedelta(milliseconds=100)
SECOND = timedelta(seconds=1)
NAMES = {HOST: "127.0.0.1", "other.test": "127.0.0.1", SECURE: "127.0.0.1", "inside.test": "10.0.0.1"}


def write(state: WorldState, message: Message) -> dict[str, Any] | None:
    """Write a message plainly, without what people say to themselves."""
    if message.body.startswith("(aside)"):
        return None
    sender = state.users.get(message.sender or 0)
    return {
        "id": message.id,
        "text": message.body,
        "sender_type": "system" if message.event else sender.kind if sender else "",
    }


def names_only(host: str, port: int) -> list[str]:
    return [NAMES[host]] if host in NAMES else look_up(host, port)


class Booth:
    """A scene with a program, a sender, and a group of Ada's, with Bob in it."""

    def __init__(self, here: Scene, there: Program, sender: CallbackSender) -> None:
        self.here = here
        self.there = there
        self.sender = sender

    async def furnish(self) -> None:
        self.here.state.world.config["JWT_secrets"] = [SECRET]
        self.ada, self.bob = await self.person("Ada"), await self.person("Bob")
        self.room = await self.group(self.ada, self.bob)

    async def person(self, name: str) -> Client:
        client = await self.here.client(name)
        await self.here.community.call(self.here.state, GrantRole(user=client.user, role="member"), operator=True)
        return client

    async def group(self, owner: Client, *others: Client) -> int:
        made = await owner.do(CreateGroup(settings=GroupSettings(name="Club")))
        members = tuple(NewMember(user=other.user) for other in others)
        if members:
            await owner.do(AddMembers(room=made.id, members=members))
        return int(made.id)

    async def add(self, path: str = "/bot", *, owner: Client | None = None, room: int = 0, url: str = "") -> BotSight:
        """Add a bot; what is said of that is forgotten."""
        command = AddBot(room=room or self.room, name="Robo", callback=url or self.there.url(path))
        callbacks, self.sender._closed = self.sender._closed, True
        sight: BotSight = await (owner or self.ada).do(command)
        await self.sender.settle()
        self.sender._closed = callbacks
        return sight

    async def say(self, *bodies: str, room: int = 0) -> list[Message]:
        said = [self.ada.execute(PostMessage(room=room or self.room, body=body)) for body in bodies]
        found: list[Message] = await asyncio.gather(*said)
        return found

    async def tell(self, *bodies: str, room: int = 0) -> list[Message]:
        """Say something, and wait until the programs know or cannot."""
        said = await self.say(*bodies, room=room)
        await self.sender.settle()
        return said

    async def wait(self, delay: timedelta) -> None:
        self.here.clock.advance(delay)
        await self.sender.settle()

    async def came(self) -> None:
        """Wait for the next request."""
        await self.there.came.wait()
        self.there.came.clear()

    def log(self, sight: BotSight) -> list[tuple[int, int, str]]:
        """Give attempt, status and reason of the deliveries, the newest first."""
        return [(one.attempt, one.status, one.reason) for one in self.sender.log(sight.user.id)]

    def counts(self) -> dict[str, int]:
        """Give the counts that are not zero."""
        return {name: count for name, count in self.sender.statistics().items() if count}


@asynccontextmanager
async def booth(**options: Any) -> AsyncIterator[Booth]:
    """Open a booth, where programs have names unless the `egress` is another, or None: the sender's own."""
    named = Egress(allow_private=True, lookup=names_only, lookups=LOOKUPS, max_answer=MAX_ANSWER)
    options = {"patience": PATIENCE, "egress": named, **options}
    async with program() as there, scene() as here:
        sender = CallbackSender(here.community, write, **options)
        sender.open()
        opened = Booth(here, there, sender)
        try:
            await opened.furnish()
            yield opened
        finally:
            await sender.close()


# What is sent


async def test_what_is_said_reaches_a_program() -> None:
    async with booth() as it:
        await it.add("/bot?key=1")
        (said,) = await it.tell("Hällo")
        (taken,) = it.there.taken
        assert (taken.method, taken.path) == ("POST", "/bot?key=1")
        assert taken.said == {"id": said.id, "text": "Hällo", "sender_type": "person"}
        expected = {"content-type": "application/json", "user-agent": "Hubbub", "host": f"{HOST}:{it.there.port}"}
        assert {name: taken.headers[name] for name in expected} == expected
        assert taken.headers.keys().isdisjoint({"authorization", "cookie"})
        assert it.counts() == {"sent": 1}
        await it.tell("Again")
        assert it.there.connections == 1, "a connection is used again"


async def test_a_program_can_make_sure_who_sent_it() -> None:
    async with booth() as it:
        await it.add()
        await it.tell("Hi")
        (taken,), (sight,) = it.there.taken, await it.ada.do(ListBots())
        proof = hmac.new(sight.token.encode(), taken.body, hashlib.sha256).hexdigest()
        assert taken.headers[SIGNATURE.lower()] == f"sha256={proof}"
        assert sight.token not in str(taken)


async def test_everything_that_a_group_is_told_but_edits() -> None:
    async with booth() as it:
        sight = await it.add()
        await it.ada.do(UpdateGroup(room=it.room, settings=GroupSettings(name="Pub")))
        await it.ada.do(PostAsBot(token=sight.token, body="Beep"))
        (said,) = await it.tell("Hi")
        await it.ada.do(EditMessage(room=it.room, number=said.number, body="Hello"))
        await it.ada.do(DeleteMessage(room=it.room, number=said.number))
        direct = await it.ada.do(OpenDirect(users=(it.bob.user,)))
        await it.tell("Psst", room=direct.room.id)
        await it.tell("(aside) nothing")
        await it.add("/second")
        it.sender._closed = False
        assert [(taken.said["text"], taken.said["sender_type"]) for taken in it.there.taken] == [
            ("Ada changed the group's name to Pub", "system"),
            ("Beep", "bot"),
            ("Hi", "person"),
            ("A message was deleted.", "system"),
        ]


async def test_a_new_bot_hears_that_it_was_added() -> None:
    async with booth() as it:
        await it.ada.do(AddBot(room=it.room, name="Robo", callback=it.there.url()))
        await it.sender.settle()
        assert it.there.said() == ["Ada added the Robo bot to the group"]


async def test_every_bot_of_a_group_is_told_of_what_was_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with booth() as it:
        written: list[str] = []

        def note(state: WorldState, message: Message) -> Any:
            written.append(message.body)
            return write(state, message)

        monkeypatch.setattr(it.sender, "_write", note)
        other = await it.group(it.ada)
        for path in ("/a", "/b", "/c"):
            await it.add(path)
        await it.add("/other", room=other)
        silent = (await it.ada.do(AddBot(room=other, name="Dumb"))).user.id
        await it.tell("Hi")
        assert sorted(taken.path for taken in it.there.taken if taken.said["text"] == "Hi") == ["/a", "/b", "/c"]
        assert written.count("Hi") == 1
        await it.tell("Ho", room=it.here.lounge)
        assert "Ho" not in written, "there is nobody to write it for"
        assert it.sender.log(silent) == []


@pytest.mark.parametrize(
    ("node", "made_by", "sent"),
    [(0, 0, True), (3, 3, True), (0, 3, False), (3, 0, False), (0, TOOL_NODES[5], True), (3, TOOL_NODES[5], False)],
)
async def test_of_several_servers_one_sends_a_message(node: int, made_by: int, sent: bool) -> None:
    async with booth(node=node) as it:
        await it.add()
        it.here.community.new_id = IdGenerator(it.here.clock, made_by, it.here.clock())
        await it.tell("Hi")
        assert it.there.said() == (["Hi"] if sent else [])


# What comes of it


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_what_was_taken_is_in_the_log(status: int) -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [f"HTTP/1.1 {status} Fine\r\nContent-Length: 0\r\n\r\n".encode()]
        (said,) = await it.tell("Hi")
        (delivery,) = it.sender.log(sight.user.id)
        taken = Delivery(at=it.here.clock(), message=said.number, attempt=1, status=status, duration=delivery.duration)
        assert delivery == taken
        assert timedelta() < delivery.duration < PATIENCE


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_a_program_that_is_busy_is_asked_again(status: int) -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [status, status]
        (said,) = await it.tell("Hi")
        assert it.counts().keys() == {"retrying", "bytes"}
        await it.wait(RETRIES[0] - timedelta(milliseconds=1))
        assert len(it.there.taken) == 1
        await it.wait(timedelta(milliseconds=1))
        await it.wait(RETRIES[1])
        assert it.there.said() == ["Hi"] * 3
        assert it.log(sight) == [(3, 200, ""), (2, status, ""), (1, status, "")]
        assert {one.message for one in it.sender.log(sight.user.id)} == {said.number}
        assert it.counts() == {"sent": 1}


async def test_a_program_that_stays_broken_is_given_up() -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [500] * 10
        await it.tell("Hi")
        for delay in RETRIES:
            await it.wait(delay)
        await it.wait(timedelta(days=1))
        assert [attempt for attempt, *_ in it.log(sight)] == [4, 3, 2, 1]
        assert it.counts() == {"failed": 1}


@pytest.mark.parametrize("status", [303, 304, 400, 401, 403, 404, 410, 413])
async def test_what_is_refused_is_not_tried_again(status: int) -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script, it.there.headers = [status], ["Location: /elsewhere"]
        await it.tell("Hi")
        await it.wait(timedelta(days=1))
        assert [taken.path for taken in it.there.taken] == ["/bot"]
        assert it.log(sight) == [(1, status, "")]
        assert it.counts() == {"failed": 1}


LATE = "took longer than 0.1 s"
BAD: dict[str, tuple[bytes | Do, str]] = {
    "silence": (silence, LATE),
    "half a head": (endless(b"HTTP/1.1 200 OK\r\nContent-"), LATE),
    "endless head": (endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000), "answered too much"),
    "endless line": (endless(b"HTTP/1.1 200 OK\r\nA: ", b"b" * 5000), "answered too much"),
    "endless 1xx": (endless(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 1000), "answered too much"),
    "some 1xx": (endless(b"HTTP/1.1 100 Continue\r\n\r\n"), LATE),
    "nothing": (b"", "did not answer in HTTP"),
    "closed early": (b"HTTP/1.1 200 OK\r\nConte", "did not answer in HTTP"),
    "not HTTP": (b"220 mail.example ESMTP\r\n", "did not answer in HTTP"),
    "no status": (b"HTTP/1.1 abc OK\r\n\r\n", "did not answer in HTTP"),
}


@pytest.mark.parametrize("how", BAD)
async def test_a_program_that_answers_badly_is_asked_again(how: str) -> None:
    step, reason = BAD[how]
    async with booth(patience=IMPATIENCE if reason == LATE else PATIENCE) as it:
        sight = await it.add()
        it.there.script = [step]
        await it.tell("Hi")
        assert it.log(sight) == [(1, 0, reason)]
        it.sender._patience = PATIENCE
        await it.wait(RETRIES[0])
        assert it.log(sight)[0] == (2, 200, "")


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 5000), id="huge"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 999), id="chunks"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nx", id="cut off"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", id="not gzip"),
    ],
)
async def test_what_a_program_answers_does_not_matter_once_it_took_the_message(step: bytes | Do) -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [step]
        await it.tell("Hi")
        await it.tell("Ho")
        assert it.log(sight) == [(1, 200, "")] * 2
        assert it.there.connections == 2, "the connection is not used again"


async def test_nor_does_it_when_it_is_encrypted(tmp_path: Path) -> None:
    async with push_service(tmp_path) as secure, booth(trust=secure.trust) as it:
        sight = await it.add(url=secure.endpoint())
        secure.answer = b"x" * 3 * MAX_ANSWER
        await it.tell("Hi")
        await it.tell("Ho")
        assert it.log(sight) == [(1, 201, "")] * 2
        assert secure.connections == 2


async def test_an_answer_that_does_not_end_is_not_waited_for() -> None:
    async with booth(patience=SECOND) as it:
        sight = await it.add()
        it.there.script = [endless(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nx")]
        await it.tell("Hi")
        assert it.log(sight) == [(1, 200, "")]


async def test_little_of_an_answer_is_read() -> None:
    async with booth(egress=None, allow_private=True) as it:
        sight = await it.add(url=it.there.url(host="127.0.0.1"))
        it.there.script = [endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000)]
        await it.tell("Hi")
        assert it.log(sight) == [(1, 0, "answered too much")]


async def test_so_much_is_read_of_each_answer() -> None:
    async with booth(egress=Egress(allow_private=True, lookup=names_only, max_answer=100)) as it:
        sight = await it.add()
        await it.tell(*"abcde")
        assert it.log(sight) == [(1, 200, "")] * 5
        assert it.there.connections == 1


async def test_another_protocol_is_not_spoken() -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [endless(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")]
        await it.tell("Hi", "Ho")
        assert it.log(sight) == [(1, 200, ""), (1, 0, "did not answer in HTTP")]
        assert it.there.connections == 2


async def test_a_program_that_is_not_there() -> None:
    async with program() as gone:
        url = gone.url()
    async with booth() as it:
        sight, unknown = await it.add(url=url), await it.add(url="http://nobody.test/")
        NAMES["nobody.test"] = "no address"
        try:
            await it.tell("Hi")
        finally:
            del NAMES["nobody.test"]
        assert it.log(sight) == [(1, 0, "could not be reached")]
        assert it.log(unknown)[0][1:] == (0, "could not be reached")
        assert it.counts()["retrying"] == 2


async def test_a_certificate_must_be_the_hosts(tmp_path: Path) -> None:
    async with push_service(tmp_path) as secure, booth(trust=secure.trust) as it:
        wrong = await it.add(url=f"https://other.test:{secure.port}/x")
        right = await it.add(url=secure.endpoint())
        await it.tell("Hi")
        assert it.log(wrong) == [(1, 0, "has no certificate that is good")]
        assert it.log(right) == [(1, 201, "")]
        assert [taken.path for taken in secure.taken] == ["/push/abc"]


# Redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_same_message_goes_where_a_redirect_leads(status: int) -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [redirect("/second?a=b", status), redirect(it.there.url("/third", "other.test"), status)]
        await it.tell("Hi")
        assert [(taken.method, taken.path) for taken in it.there.taken] == [
            ("POST", "/bot"),
            ("POST", "/second?a=b"),
            ("POST", "/third"),
        ]
        assert it.there.said() == ["Hi"] * 3
        assert it.there.taken[-1].headers["host"] == f"other.test:{it.there.port}"
        assert it.log(sight) == [(1, 200, "")]


async def test_redirects_without_an_end() -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [redirect("/bot")] * 20
        await it.tell("Hi")
        assert len(it.there.taken) == 1 + callback.MAX_REDIRECTS
        assert it.log(sight) == [(1, 0, "redirects more than 3 times")]
        assert it.counts() == {"failed": 1}


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "ftp://program.test/", "javascript:alert(1)", "data:,x", "gopher://a/"),
        *("http://[", "http://a:99999/", "http://a:0/", "https://u:p@program.test/", "http://ä/"),
        *("http://a b/", "http://a/" + "x" * 3000, "http://%00/", "http://.../", "http://xn--/", "http://999.1.1.1/"),
        *("http://[::1%eth0]/", "http://[v1.a]/", "mailto:a@b", "blob:http://a/b", "urn:x", "http://1.2.3.4.5:x/"),
    ],
)
async def test_redirects_that_lead_nowhere(location: str) -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [redirect(location)]
        await it.tell("Hi")
        assert len(it.there.taken) == 1
        assert it.log(sight)[0][1:] in {
            (0, "redirects to no address of the web"),
            (0, "leads to no address of the web"),
            (0, "could not be reached"),
        }
        await it.tell("Ho")
        assert it.log(sight)[0] == (1, 200, "")


async def test_a_redirect_does_not_give_up_encryption(tmp_path: Path) -> None:
    async with push_service(tmp_path) as secure, booth(trust=secure.trust) as it:
        secure.statuses, secure.headers = [307], [f"Location: {it.there.url()}"]
        sight = await it.add(url=secure.endpoint())
        await it.tell("Hi")
        assert it.there.taken == []
        assert it.log(sight) == [(1, 0, "redirects from https to http")]
        it.there.script = [redirect(secure.endpoint())]
        sight = await it.add()
        await it.tell("Ho")
        assert it.log(sight) == [(1, 201, "")]


# What nobody can do with it


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "127.1", HOST]
)
async def test_a_callback_is_no_way_into_the_operators_network(host: str) -> None:
    async with booth(egress=Egress(lookup=names_only)) as it:
        sight = await it.add(url=it.there.url("/secret", host))
        await it.tell("Hi")
        assert (it.there.connections, it.there.taken) == (0, [])
        if it.log(sight)[0][2] == "could not be reached":
            pytest.skip("this machine does not read such an address")
        await it.wait(timedelta(days=1))
        assert it.log(sight) == [(1, 0, "leads to a private address")]
        assert it.counts() == {"failed": 1}


@pytest.mark.parametrize(
    "target", ["http://inside.test/", "http://10.0.0.1/", "http://169.254.169.254/latest", "//[::1]/", "http://0/"]
)
async def test_nor_is_a_redirect(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.setattr(egress, "is_public", lambda address: str(address) == "127.0.0.1")
    async with booth(egress=Egress(lookup=names_only)) as it:
        sight = await it.add()
        it.there.script = [redirect(target)]
        await it.tell("Hi")
        assert it.log(sight) == [(1, 0, "redirects to a private address")]
        assert it.counts() == {"failed": 1}


async def test_nor_is_a_name_that_says_something_else_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "is_public", lambda address: str(address) == "127.0.0.1")
    answers = ["127.0.0.1", "10.0.0.1"]
    async with booth(egress=Egress(lookup=lambda *_: [answers.pop(0)])) as it:
        sight = await it.add()
        it.there.script = [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]
        await it.tell("Hi")
        assert len(answers) == 1, "it is looked up once, and connected to what was checked"
        await it.tell("Ho")
        assert it.log(sight) == [(1, 0, "leads to a private address"), (1, 200, "")]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "//a/b", "https://u:p@a/"])
async def test_a_callback_is_an_address_of_the_web(url: str) -> None:
    async with booth() as it:
        with pytest.raises(HubbubError):
            await it.add(url=url)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    async with booth() as it:
        await it.add()
        await it.tell("Hi")
        assert it.there.said() == ["Hi"]


async def test_cookies_are_not_kept() -> None:
    async with booth() as it:
        await it.add()
        it.there.headers = ["Set-Cookie: a=b; Path=/"]
        await it.tell("Hi", "Ho")
        assert "cookie" not in it.there.taken[1].headers
        assert not list(it.sender._http.cookies.jar)


async def test_addresses_texts_and_tokens_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with booth(patience=IMPATIENCE) as it:
        with caplog.at_level(logging.INFO):
            sight = await it.add("/capability")
            it.there.script = [200, 404, 500, silence, b"", redirect("/capability/2")]
            for _ in range(6):
                await it.tell("confidential")
        assert len(it.log(sight)) == 6
        for secret in ("capability", "confidential", sight.token):
            assert secret not in caplog.text


# Order, and who waits for whom


async def test_messages_come_in_their_order_one_at_a_time() -> None:
    async with booth() as it:
        await it.add()
        bodies = [str(number) for number in range(30)]
        await it.tell(*bodies)
        assert it.there.said() == bodies
        assert it.there.connections == 1


async def test_what_is_tried_again_holds_up_nothing() -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [503]
        await it.tell("One", "Two")
        it.there.script = [hold]
        it.there.came.clear()
        await it.say("Three", "Four")
        await it.came()
        it.here.clock.advance(RETRIES[0])
        it.there.go.set()
        await it.sender.settle()
        assert it.there.said() == ["One", "Two", "Three", "Four", "One"]
        assert it.log(sight)[0] == (2, 200, "")


async def test_a_bot_that_does_not_answer_keeps_no_other_waiting() -> None:
    async with booth() as it:
        dead = await it.add("/dead")
        await it.add("/well")
        it.there.scripts["/dead"] = [silence]
        await it.say("Hi")
        while "Hi" not in it.there.said("/well"):
            await it.came()
        assert it.log(dead) == []


@pytest.mark.parametrize("limit", ["OF_OWNER", "OF_HOST", "SLOW_ONES"])
async def test_those_who_are_slow_share_a_few_places(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(callback, limit, 2)
    async with booth() as it:
        for number in range(4):
            sight = await it.add(f"/dead{number}")
            it.there.scripts[f"/dead{number}"] = [silence]
            it.sender._line(it.here.state, sight.bot).slow = True
        await it.add(owner=it.bob, url=it.there.url("/well", "other.test"))
        await it.say("Hi")
        while len(it.there.taken) < 3:
            await it.came()
        assert len({taken.path for taken in it.there.taken} - {"/well"}) == 2
        assert it.there.said("/well") == ["Hi"]


async def test_a_name_server_that_does_not_answer_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    async with booth(patience=IMPATIENCE) as it:

        def stuck(host: str, port: int) -> list[str]:
            if host.startswith("stuck"):
                answered.wait()
            return names_only(host, port)

        monkeypatch.setattr(it.sender._egress, "_lookup", stuck)
        try:
            for number in range(12):
                await it.add(url=f"http://stuck{number}.test/", owner=it.bob)
            await it.tell("Hi")
            it.sender._patience = PATIENCE
            await it.add("/well")
            await it.say("Ho")
            await it.came()
            assert it.there.said() == ["Ho"]
        finally:
            answered.set()


async def test_whoever_took_long_is_slow_until_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with booth(patience=IMPATIENCE) as it:
        sight = await it.add()
        it.there.script = [silence]
        await it.tell("Hi")
        slow = [it.sender._lines[sight.user.id].slow]
        it.sender._patience = PATIENCE
        for limit in (PATIENCE, timedelta()):
            monkeypatch.setattr(callback, "SLOW", limit)
            await it.tell("Ho")
            slow.append(it.sender._lines[sight.user.id].slow)
        assert slow == [True, False, True], "did not answer, did at once, took its time"


async def test_whoever_speaks_waits_for_no_program() -> None:
    async with booth() as it:
        await it.add()
        it.there.script = [silence]
        said = await it.say(*(str(number) for number in range(20)))
        assert all(isinstance(message, Message) for message in said)


# What is lost


async def test_a_long_line_loses_its_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback, "MAX_WAITING", 3)
    async with booth() as it:
        sight = await it.add()
        it.there.script = [hold]
        await it.say("0")
        await it.came()
        said = await it.say(*(str(number) for number in range(1, 8)))
        it.there.go.set()
        await it.sender.settle()
        assert it.there.said() == ["0", "5", "6", "7"]
        lost = next(one for one in it.sender.log(sight.user.id) if one.reason)
        assert (lost.message, lost.status, lost.reason, lost.count) == (said[3].number, 0, callback.CROWDED, 4)
        assert it.counts() == {"sent": 4, "dropped": 4}


async def test_when_too_much_waits_whoever_has_most_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with booth() as it:
        other = await it.group(it.ada)
        greedy, modest = await it.add("/greedy"), await it.add("/modest", room=other)
        it.there.scripts = {"/greedy": [hold], "/modest": [hold]}
        await it.say("0")
        await it.say("0", room=other)
        while len(it.there.taken) < 2:
            await it.came()
        monkeypatch.setattr(callback, "MAX_QUEUED", 5 * (callback.OVERHEAD + 80))
        await it.say("1", "2", "3", "4", "5", "6")
        await it.say("1", "2", room=other)
        it.there.go.set()
        await it.sender.settle()
        assert it.there.said("/modest") == ["0", "1", "2"]
        assert it.there.said("/greedy") == ["0", "4", "5", "6"]
        assert [one.count for one in it.sender.log(greedy.user.id) if one.reason] == [3]
        assert it.sender.statistics()["bytes"] == 0
        monkeypatch.setattr(callback, "MAX_QUEUED", 1)
        await it.tell("7")
        assert it.log(greedy)[0] == (1, 0, callback.CROWDED)
        assert len(it.log(modest)) == 3


async def test_there_is_a_limit_to_what_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback, "MAX_RETRYING", 2)
    async with booth() as it:
        sight = await it.add()
        it.there.script = [500] * 3
        await it.tell("1", "2", "3")
        assert it.sender.statistics()["retrying"] == 2
        assert it.log(sight)[:2] == [(1, 0, callback.CROWDED), (1, 500, "")]
        monkeypatch.setattr(callback, "MAX_QUEUED", 2 * callback.OVERHEAD)
        it.there.script = [500] * 2
        await it.wait(RETRIES[0])
        assert it.sender.statistics()["retrying"] == 1, "what is tried again leaves room for what is new"
        assert it.sender.statistics()["dropped"] == 2


async def test_a_bot_that_was_removed_is_told_nothing_more() -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [500, silence]
        await it.tell("1")
        await it.say("2", "3")
        while len(it.there.taken) < 2:
            await it.came()
        await it.ada.do(RemoveBot(bot=sight.user.id))
        await it.there.gone.wait()
        await it.wait(timedelta(days=1))
        assert it.there.said() == ["1", "2"]
        assert it.sender.log(sight.user.id) == []
        assert it.counts() == {}


async def test_a_world_that_begins_anew_has_no_bots() -> None:
    async with booth() as it:
        await it.add()
        it.there.script = [500, hold]
        await it.tell("1")
        it.there.came.clear()
        await it.say("2", "3")
        await it.came()
        world = it.here.state.world
        command = ReplaceWorld(title="New", roles=world.roles, trait_grants={}, config=world.config, rooms=())
        await it.here.community.call(it.here.state, command, operator=True)
        it.there.go.set()
        await it.wait(timedelta(days=1))
        assert it.there.said() == ["1", "2"]
        assert it.counts() == {"sent": 1}


async def test_a_bot_whose_owner_left_is_told_nothing_more() -> None:
    async with booth() as it:
        sight = await it.add(owner=it.bob)
        it.there.script = [500]
        await it.tell("Hi")
        await it.ada.do(RemoveMember(room=it.room, user=it.bob.user))
        await it.wait(RETRIES[0])
        await it.tell("Ho")
        assert it.there.said() == ["Hi"]
        assert it.log(sight) == [(2, 0, callback.UNTOLD), (1, 500, "")]


async def test_what_waits_goes_to_the_callback_of_that_time() -> None:
    async with booth() as it:
        sight = await it.add()
        it.there.script = [500, 500]
        await it.tell("1", "2")
        await it.ada.do(UpdateBot(bot=sight.user.id, callback=it.there.url("/new")))
        it.there.script = [500]
        await it.wait(RETRIES[0])
        assert [taken.path for taken in it.there.taken] == ["/bot", "/bot", "/new", "/new"]
        await it.ada.do(UpdateBot(bot=sight.user.id, callback=""))
        await it.wait(RETRIES[1])
        assert len(it.there.taken) == 4
        assert it.log(sight)[0] == (2 + 1, 0, callback.UNTOLD)


async def test_it_closes_while_it_is_sending() -> None:
    async with booth() as it:
        for path in ("/a", "/b"):
            await it.add(path)
        it.there.scripts = {"/a": [silence], "/b": [500]}
        await it.say("1", "2")
        while len(it.there.taken) < 3:
            await it.came()
        await it.sender.close()
        await it.there.gone.wait()
        await it.tell("3")
        assert "3" not in it.there.said()
        counts = it.sender.statistics()
        assert (counts["waiting"], counts["retrying"], counts["bytes"]) == (0, 0, 0)


async def test_a_world_without_a_secret_signs_nothing() -> None:
    async with booth() as it:
        sight = await it.add()
        it.here.state.world.config["JWT_secrets"] = []
        await it.tell("Hi")
        assert it.there.taken == []
        assert it.log(sight) == [(1, 0, callback.UNSIGNED)]
        assert it.counts() == {"failed": 1}


async def test_a_fault_of_ours_costs_one_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with booth() as it:
        sight = await it.add("/capability")

        def broken(*args: object) -> Any:
            raise KeyError(it.there.url("/capability"))

        for name in ("_write", "_ask"):
            with monkeypatch.context() as patch:
                patch.setattr(it.sender, name, broken)
                await it.tell("Hi")
        await it.tell("Ho")
        assert it.there.said() == ["Ho"]
        assert it.log(sight) == [(1, 200, ""), (1, 0, callback.FAULTY)]
        assert it.counts() == {"failed": 2, "sent": 1}
        assert caplog.text.count("KeyError") == 2
        assert "capability" not in caplog.text


# The log


async def test_the_log_has_the_last_deliveries_of_each_bot() -> None:
    async with booth() as it:
        first, second = await it.add("/a"), await it.add("/b")
        it.there.scripts = {"/b": [404]}
        said = await it.tell(*(str(number) for number in range(MAX_LOG + 5)))
        log = it.sender.log(first.user.id)
        assert [one.message for one in log] == [message.number for message in reversed(said)][:MAX_LOG]
        assert {one.status for one in log} == {200}
        it.here.clock.advance(SECOND)
        await it.tell("Last")
        assert [one.at - it.here.clock() for one in it.sender.log(first.user.id)[:2]] == [timedelta(), -SECOND]
        assert it.sender.log(second.user.id)[0].status == 200
        assert it.sender.log(12345) == []


async def test_the_log_of_bots_that_are_quiet_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback, "MAX_LINES", 2)
    async with booth() as it:
        rooms = [await it.group(it.ada) for _ in range(3)]
        bots = [await it.add(f"/{number}", room=room) for number, room in enumerate(rooms)]
        for number in (0, 1, 1, 0):
            await it.tell("Hi", room=rooms[number])
        assert [len(it.log(bot)) for bot in bots] == [2, 2, 0]
        await it.tell("Hi", room=rooms[2])
        assert [len(it.log(bot)) for bot in bots] == [2, 0, 1]
        it.there.scripts = {"/0": [500]}
        for number in (0, 2, 1):
            await it.tell("Hi", room=rooms[number])
        assert [len(it.log(bot)) for bot in bots] == [3, 1, 0], "what waits is not forgotten"
        await it.wait(RETRIES[0])
        assert it.log(bots[0])[0] == (2, 200, "")


async def test_only_the_owner_gets_a_bot_whose_log_can_be_read() -> None:
    async with booth() as it:
        sight = await it.add(owner=it.bob)
        assert await it.bob.do(CheckBot(bot=sight.user.id)) == sight.bot
        for other, bot in ((it.ada, sight.user.id), (it.bob, it.ada.user), (it.bob, 0)):
            with pytest.raises(HubbubError) as refused:
                await other.do(CheckBot(bot=bot))
            assert refused.value.code == Code.BOT_UNKNOWN
