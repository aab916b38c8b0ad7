"""GroupMe's data export is read: all of it, once, whatever strangers put into it."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest
from bench.groupme_export import BEGIN, EVENTS, Talk, talks, user, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.cli.conftest import Shell, home, shell  # noqa: F401 - fixtures
from tests.core.house import picture
from tests.golden.server import Server
from tests.golden.venueless.world import Client

from hubbub.bus.memory import MemoryBus
from hubbub.core.chat import PostMessage
from hubbub.core.group import ListGroups
from hubbub.core.id import IdGenerator
from hubbub.core.model import Message
from hubbub.core.pin import ListPinned
from hubbub.core.poll import ListPolls
from hubbub.core.reading import FetchMessages, ListFiles
from hubbub.core.room import OWNER
from hubbub.core.state import WorldState
from hubbub.core.user import CreateUser
from hubbub.dialects.groupme.event import Teller
from hubbub.dialects.groupme.id import render_event, render_message
from hubbub.live.clock import SystemClock
from hubbub.live.community import Community
from hubbub.live.world import new_world
from hubbub.store.open import open_store
from hubbub.transfer import groupme_zip
from hubbub.transfer.error import TransferError
from hubbub.transfer.groupme import BATCH, Kept, Summary, import_exports
from hubbub.transfer.groupme_event import FORMS, translate
from hubbub.transfer.groupme_message import HEART, Writing
from hubbub.transfer.groupme_stage import instant, reactions
from hubbub.transfer.groupme_zip import open_export

Json = dict[str, Any]
ADA = user(0)
SEED = """
bot.add bot.del calendar.event.created calendar.event.starting calendar.event.user.going calendar.event.user.not_going
calendar.event.user.undecided group.added_to_directory group.avatar_change group.like_icon_set group.name_change
group.office_mode_disabled group.office_mode_enabled group.role_change_admin group.theme_change group.topic_change
group.type_change membership.announce.added membership.announce.joined membership.announce.rejoined
membership.avatar_changed membership.nickname_changed membership.notifications.autokicked
membership.notifications.exited membership.notifications.removed message.deleted poll.created poll.finished
poll.reminder
"""
SEED_TYPES = frozenset(SEED.split())
"""The 29 of the first list (protocols/groupme.md 1.2)."""


class Site:
    """A database with the world main and Ada, who has an account."""

    def __init__(self, url: str) -> None:
        self.url = url

    @asynccontextmanager
    async def opened(self, node: int = 20) -> AsyncIterator["Desk"]:
        clock = SystemClock()
        store = open_store(self.url, node=f"node {node}", clock=clock)
        await store.open()
        community = Community(store, MemoryBus(), None, clock=clock, new_id=IdGenerator(clock, node))
        await community.open()
        if "main" not in community.worlds:
            state = await community.create_world(new_world(community, "main"))
            await community.call(state, CreateUser(login="ada"), operator=True)
        try:
            yield Desk(community, community.state("main"))
        finally:
            await community.close()
            await store.close()


class Desk:
    """One process that uses it."""

    def __init__(self, community: Community, state: WorldState) -> None:
        self.community = community
        self.state = state
        self.ada = state.by_login["ada"]
        self.kept: list[bytes] = []

    async def take(self, *files: Path, **how: Any) -> Summary:
        given = {
            "accounts": {ADA: self.ada},
            "keep": self.keep,
            "writing": Writing(render_message, render_event),
            **how,
        }
        return await import_exports(self.community, self.state, files, **given)

    def keep(self, file: IO[bytes], name: str) -> Kept | None:
        file.seek(0)
        data = file.read()
        try:
            Image.open(io.BytesIO(data)).verify()
        except Exception:
            return None
        self.kept.append(data)
        return Kept(f"/media/pub/main/{name}", f"main/{name}", "image/png", len(data))

    async def groups(self) -> dict[str, int]:
        rooms = await self.community.call(self.state, ListGroups(), user=self.ada)
        return {room.name: room.id for room in rooms}

    def direct(self) -> list[int]:
        return [room.id for room in self.state.rooms.values() if room.kind == "direct"]

    async def said(self, room: int) -> list[Message]:
        found: list[Message] = []
        while True:
            before = found[0].number if found else 2**53
            command = FetchMessages(room=room, before=before, count=1000)
            page = await self.community.call(self.state, command, user=self.ada)
            if not page:
                return found
            found = page + found

    async def all_said(self) -> dict[int, list[Message]]:
        return {room: await self.said(room) for room in (*(await self.groups()).values(), *self.direct())}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(f"sqlite:///{tmp_path / 'hubbub.db'}")


@pytest.fixture
def memory() -> Site:
    return Site("sqlite://")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with every type of event, not to be changed."""
    path = tmp_path_factory.mktemp("export") / "export.zip"
    write(path, talks(8000))
    return path


def packed(path: Path, messages: Any, *, conversation: Any = None, folder: str = "00001/77", **more: bytes) -> Path:
    """Write an export of one group: message.json is bytes as they are, or what is written as JSON."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if conversation is not None:
            archive.writestr(f"{folder}/conversation.json", json.dumps(conversation))
        data = messages if isinstance(messages, bytes) else json.dumps(messages).encode()
        archive.writestr(f"{folder}/message.json", data)
        for name, content in more.items():
            archive.writestr(f"{folder}/{name}", content)
    return path


def group(**fields: Any) -> Json:
    members = [{"user_id": ADA, "nickname": "Ada", "name": "Ada L.", "roles": ["admin", "owner"]}]
    return {"id": "77", "group_id": "77", "name": "Pub", "members": members, "creator_user_id": ADA, **fields}


def line(number: int, **fields: Any) -> Json:
    """Give a message that Bob sent."""
    return {
        "id": str(160_000_000_000_000_000 + number),
        "created_at": BEGIN + number,
        "user_id": "4711",
        "sender_id": "4711",
        "sender_type": "user",
        "group_id": "77",
        "name": "Bob",
        "avatar_url": None,
        "text": f"number {number}",
        "system": False,
        "attachments": [],
        "favorited_by": [],
        **fields,
    }


def run(test: Any) -> Any:
    return asyncio.run(test)


# All of it


def test_the_generator_knows_every_type_of_event() -> None:
    talk = Talk("1", list(range(12)), 1)
    kinds = {make(talk)[0] for make in EVENTS}
    assert len(SEED_TYPES) == 29
    assert kinds >= SEED_TYPES
    assert kinds >= FORMS.keys()
    assert len(kinds) == len(EVENTS)


def test_the_same_seed_gives_the_same_export(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, talks(300, 5))
    write(tmp_path / "c", talks(300, 6))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_everything_is_taken_over_and_can_be_read(memory: Site, export: Path) -> None:
    async def test() -> None:
        async with memory.opened() as desk:
            done = await desk.take(export)
            assert (done.groups, done.direct, done.added, done.kept, done.changed) == (3, 2, 8000, 0, 0)
            assert done.left_out == {}
            groups = await desk.groups()
            assert sorted(groups) == ["Group 40000000", "Group 40000001", "Group 40000002"]
            (first, *_) = sorted(groups.items())
            talk = talks(8000)[0]
            said = await desk.said(first[1])
            assert [message.at for message in said] == sorted(message.at for message in said)
            assert [message.number for message in said] == sorted(message.number for message in said)
            assert len(said) == len(talk.messages)
            assert desk.state.message_counts[first[1]] == len(said)
            bodies = {message.body for message in said}
            assert {one["text"] for one in talk.messages if one["text"] and "event" not in one} <= bodies | {
                "This message was deleted"
            }
            assert OWNER in desk.state.granted_roles(desk.ada, first[1])
            assert len(desk.state.members[first[1]]) == 12
            how = {one.how for one in desk.state.former[first[1]].values()}
            assert how == {"left", "removed", "dropped"}
            assert len(desk.direct()) == 2
            assert desk.kept
            assert len(desk.kept) == done.pictures
            pinned = await desk.community.call(desk.state, ListPinned(room=first[1]), user=desk.ada)
            assert pinned
            assert all(message.pinned_by == desk.ada for message in pinned)
            polls = await desk.community.call(desk.state, ListPolls(room=first[1]), user=desk.ada)
            assert [sight.poll.content for sight in polls] == [poll["data"]["subject"] for poll in talk.polls]
            assert [sight.poll.state for sight in polls] == ["closed"] * len(talk.polls)
            assert next(list(sight.results.values()) for sight in polls if sight.poll.visibility == "public") == [3, 0]
            assert await desk.community.store.check() == []

    run(test())


def test_every_event_goes_there_and_back(memory: Site, export: Path) -> None:
    """What the groupme dialect says of what was taken over is what GroupMe said, but for the ids."""

    async def test() -> None:
        async with memory.opened() as desk:
            await desk.take(export)
            groups = await desk.groups()
            for talk in talks(8000)[:3]:
                room = groups[f"Group {talk.identity}"]
                said = await desk.said(room)
                teller = Teller(desk.state, "http://hubbub.example")
                for raw, message in zip(sorted(talk.messages, key=_place), said, strict=True):
                    if "event" not in raw:
                        continue
                    found = teller.render(message)
                    assert found.event is not None, raw
                    assert found.event["type"] == raw["event"]["type"]
                    assert _plain(found.event["data"]) == _plain(raw["event"]["data"])

    run(test())


def _place(raw: Json) -> tuple[Any, int]:
    return instant(raw["created_at"]), int(raw["id"])


IDS = frozenset({"id", "message_id", "deleter_id", "pinned_by", "sender_id", "voter_ids"})
ODD = frozenset({"url", "share_url", "deleted_at", "pinned_at", "updated_at", "subgroup_id", "parent_id"})
"""What is another here, or not kept: addresses, and to the second when it was done."""


def _plain(value: Any, name: str = "") -> Any:
    """Give a value without what is another here; of ids how many there are, and that a number is one."""
    if name in IDS:
        return len(value) if isinstance(value, list) else type(value).__name__ if name == "id" else "id"
    if isinstance(value, dict):
        return {key: _plain(one, key) for key, one in value.items() if key not in ODD}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def test_ids_in_messages_are_those_here(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        first = line(1, favorited_by=[ADA, "999"])
        answer = {"type": "reply", "user_id": "4711", "reply_id": first["id"], "base_reply_id": "1" * 18}
        mention = {"type": "mentions", "user_ids": [ADA, "-1", "4711"], "loci": [[0, 1], [2, 1], [3, 1]]}
        place = {"type": "location", "lat": "1", "lng": "2", "name": "Pub", "foursqure_venue_id": None}
        event = {"type": "event", "event_id": "ab" * 16, "view": "full"}
        second = line(2, attachments=[answer, mention, place, event, {"type": "poll", "poll_id": "12"}])
        async with memory.opened() as desk:
            await desk.take(packed(tmp_path / "e.zip", [second, first], conversation=group()))
            one, two = await desk.said((await desk.groups())["Pub"])
            bob = one.sender
            assert bob is not None
            reply, mentions, location, gathering, poll = two.attachments
            assert reply == {
                "type": "reply",
                "user_id": str(bob),
                "reply_id": render_message(one.number),
                "groupme": {"base_reply_id": "1" * 18},
            }
            assert mentions["user_ids"] == [str(desk.ada), "-1", str(bob)]
            assert mentions["loci"] == mention["loci"]
            assert location == {"type": "location", "lat": "1", "lng": "2", "name": "Pub"}
            assert len(gathering["event_id"]) == 32
            assert gathering["event_id"] != event["event_id"]
            assert int(poll["poll_id"]) > 0
            assert list(one.reactions) == [HEART]
            assert one.reactions[HEART][0] == desk.ada
            assert len(one.reactions[HEART]) == 2

    run(test())


def test_pictures_are_served_from_here(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        data = io.BytesIO()
        Image.new("RGB", (3, 2)).save(data, "png")
        here, gone, fake = (f"https://i.groupme.com/3x2.png.{sign * 32}" for sign in "abc")
        messages = [
            line(number, text=None, attachments=[{"type": "image", "url": url}])
            for number, url in enumerate((here, gone, fake))
        ]
        names: dict[str, Any] = {
            f"gallery/{1:018}_3x2.png.{'a' * 32}": data.getvalue(),
            f"gallery/{2:018}_3x2.png.{'c' * 32}": b"<svg>",
        }
        path = packed(tmp_path / "e.zip", messages[::-1], conversation=group(), **names)
        async with memory.opened() as desk:
            done = await desk.take(path)
            one, two, three = await desk.said((await desk.groups())["Pub"])
            assert one.attachments == (
                {"type": "image", "url": f"/media/pub/main/3x2.png.{'a' * 32}", "source_url": here},
            )
            assert (two.attachments[0]["url"], three.attachments[0]["url"]) == (gone, fake)
            assert (done.pictures, sum(done.left_out.values())) == (1, 1)
            files = await desk.community.call(desk.state, ListFiles(room=one.room), user=desk.ada)
            assert len(files) == 3
            again = await desk.take(path)
            assert (again.pictures, len(desk.kept)) == (0, 1)

    run(test())


def test_what_exports_had_over_the_years(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        old = {"user_id": "0", "sender_id": "0", "name": "GroupMe", "system": True, "sender_type": "system"}
        messages = [
            line(1, **old, text="Ada joined"),
            line(2, user_id="0", sender_id=None, name="GroupMe", system=None, sender_type=None),
            line(3, created_at="2020-08-01T10:00:00Z"),
            line(4, created_at="2020-08-01T12:00:01+02:00"),
            line(5, created_at=str(BEGIN + 5000)),
            line(6, created_at=(BEGIN + 6000) * 1000),
            line(7, created_at=None),
            line(8, reactions={"👍": ["4711"], "?": {"user_ids": [ADA]}}, favorited_by=["4711", ADA]),
            line(9, reactions=[{"type": "emoji", "pack_id": 2, "pack_index": 7, "user_ids": ["4711"]}], user_id=4711),
            line(10, text="This message was deleted"),
            line(11, deleted_at=BEGIN + 99, deletion_actor="admin", text="An admin deleted this message"),
            line(12, name="Gone", user_id="555", sender_id="555", updated_at=BEGIN + 500),
            line(13, name="Robo", user_id="880", sender_id="880", sender_type="bot"),
        ]
        async with memory.opened() as desk:
            await desk.take(packed(tmp_path / "e.zip", messages[::-1], conversation=group()))
            said = {message.body: message for message in await desk.said((await desk.groups())["Pub"])}
            for text in ("Ada joined", "number 2"):
                assert (said[text].kind, said[text].sender) == ("system", None)
            assert (said["number 3"].at.hour, said["number 4"].at.second) == (10, 1)
            times = [(said[f"number {number}"].at.timestamp() - BEGIN) for number in (5, 6)]
            assert times == [5000, 6000]
            assert said["number 7"].at.year == 2020, "the id tells, too"
            bob = said["number 3"].sender
            assert bob
            assert said["number 8"].reactions == {"👍": (bob,), HEART: (desk.ada,)}
            assert said["number 9"].reactions == {"pack:2:7": (bob,)}
            assert said["number 9"].sender == bob
            gone = [message for message in await desk.said((await desk.groups())["Pub"]) if message.deleted]
            assert [(one.body, one.deleted_by) for one in gone] == [("", bob), ("", 0)]
            who = desk.state.users[said["number 12"].sender or 0]
            assert (who.display_name, who.shown) == ("Gone", False)
            assert said["number 12"].edited
            assert desk.state.users[said["number 13"].sender or 0].kind == "bot"
            assert who.id in desk.state.former[said["number 12"].room]

    run(test())


# Again, and later


def test_two_imports_are_one(memory: Site, export: Path) -> None:
    async def test() -> None:
        async with memory.opened() as desk:
            first = await desk.take(export)
            before, said = picture(desk.state), await desk.all_said()
            second = await desk.take(export)
            assert (second.added, second.changed, second.kept, second.pictures) == (0, 0, first.added, 0)
            assert picture(desk.state) == before
            assert await desk.all_said() == said

    run(test())


def test_overlapping_exports_are_one(tmp_path: Path) -> None:
    """The first half and then the whole, in one command or in two, are what the whole is alone."""

    async def shape(*runs: list[Path]) -> Any:
        async with Site("sqlite://").opened() as desk:
            for files in runs:
                await desk.take(*files)
            names = {user.id: user.display_name for user in desk.state.users.values()}
            said = {room: await desk.said(identity) for room, identity in (await desk.groups()).items()}
            return {room: sorted(_shape(one, names) for one in messages) for room, messages in said.items()}

    def _shape(one: Message, names: dict[int, str]) -> Any:
        likes = sorted((sign, sorted(names[user] for user in given)) for sign, given in one.reactions.items())
        return one.at, one.body, str(names.get(one.sender or 0)), one.deleted, str(one.edited), one.kind, likes

    half, whole = tmp_path / "half.zip", tmp_path / "whole.zip"
    write(half, talks(1500))
    write(whole, talks(3000))
    alone = run(shape([whole]))
    assert run(shape([half, whole])) == alone
    assert run(shape([half], [whole])) == alone
    assert run(shape([whole], [half], [whole])) == alone


def test_a_later_export_adds_what_is_new_and_changes_likes(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        first = packed(tmp_path / "1.zip", [line(2), line(1, favorited_by=["5"])], conversation=group())
        later = [line(3), line(2, favorited_by=["6"]), line(1, favorited_by=[])]
        second = packed(tmp_path / "2.zip", later, conversation=group(name="Renamed there"))
        async with memory.opened() as desk:
            await desk.take(first)
            room = (await desk.groups())["Pub"]
            await desk.community.call(desk.state, PostMessage(room=room, body="meanwhile"), user=desk.ada)
            done = await desk.take(second)
            assert (done.added, done.changed, done.kept) == (1, 2, 0)
            said = await desk.said(room)
            assert [one.body for one in said] == ["number 1", "number 2", "meanwhile", "number 3"]
            assert [len(one.reactions.get(HEART, ())) for one in said] == [0, 1, 0, 0]
            read = desk.state.read_states[desk.ada][room].read
            assert read == said[1].number, "what Ada had not read is not read now"

    run(test())


def test_what_was_said_first_comes_first_whatever_its_id(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        same = [line(number, created_at=BEGIN + 50, id=str(number)) for number in (10, 9)]
        messages = [line(1, created_at=BEGIN + 90), line(2, created_at=BEGIN + 80), *same]
        async with memory.opened() as desk:
            await desk.take(packed(tmp_path / "e.zip", messages, conversation=group()))
            said = await desk.said((await desk.groups())["Pub"])
            assert [message.body for message in said] == ["number 9", "number 10", "number 2", "number 1"]

    run(test())


def test_the_same_id_in_two_conversations_is_two_messages(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        one = packed(tmp_path / "1.zip", [line(1)], conversation=group())
        messages = [line(1, group_id="78", text="another")]
        other = packed(tmp_path / "2.zip", messages, conversation=group(id="78", group_id="78", name="Club"))
        async with memory.opened() as desk:
            done = await desk.take(one, other)
            assert (done.added, done.kept) == (2, 0)
            groups = await desk.groups()
            assert [[message.body for message in await desk.said(groups[name])] for name in ("Pub", "Club")] == [
                ["number 1"],
                ["another"],
            ]

    run(test())


def test_what_was_broken_off_goes_on(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        path = packed(tmp_path / "e.zip", [line(number) for number in range(BATCH * 2, 0, -1)], conversation=group())

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        async with memory.opened() as desk:
            with pytest.raises(KeyboardInterrupt):
                await desk.take(path, advance=stop)
            room = (await desk.groups())["Pub"]
            assert len(await desk.said(room)) == BATCH
            done = await desk.take(path)
            assert (done.added, done.kept) == (BATCH, BATCH)
            assert [one.body for one in await desk.said(room)] == [f"number {n}" for n in range(1, BATCH * 2 + 1)]

    run(test())


def test_a_server_on_the_same_database_sees_it(site: Site, export: Path) -> None:
    async def test() -> None:
        async with site.opened(1) as server, site.opened(20) as tool:
            await server.community.refresh()
            await tool.take(export)
            await server.community.refresh()
            assert picture(server.state) == picture(tool.state)
            assert server.state.message_counts == tool.state.message_counts
            assert server.state.last_number == tool.state.last_number
            assert await server.all_said() == await tool.all_said()
        async with site.opened(2) as restarted:
            assert picture(restarted.state) == picture(tool.state)
            assert restarted.state.message_counts == tool.state.message_counts

    run(test())


def test_a_venueless_client_reads_it_while_the_server_runs(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        server.run("user", "create", "ada")
        token = server.run("user", "token", "ada").splitlines()[-1]
        with Client(f"{server.ws_url}/ws/world/main/") as ada:
            ada.authenticate({"token": token})
            messages = [line(number) for number in range(60, 0, -1)]
            server.run(
                "import", "groupme", packed(tmp_path / "e.zip", messages, conversation=group()), "--user", f"{ADA}=ada"
            )
        with Client(f"{server.ws_url}/ws/world/main/") as ada:
            config = ada.authenticate({"token": token}).hello
            (room,) = [room for room in config["world.config"]["rooms"] if room["name"] == "Pub"]
            channel = room["modules"][0]["channel_id"]
            page = ada.ok("chat.fetch", {"channel": channel, "count": 25, "before_id": 10**9})
            assert [one["content"]["body"] for one in page["results"]] == [f"number {n}" for n in range(36, 61)]
            pointers = config["chat.read_pointers"]
            assert pointers[channel] == page["results"][-1]["event_id"], "nothing is unread"
    finally:
        assert server.stop() == 0


# At the command line


def test_the_command_says_what_it_did(home: Shell, tmp_path: Path) -> None:  # noqa: F811
    home.ok("user", "create", "ada")
    path = packed(tmp_path / "e.zip", [line(2), {"no": "id"}, line(1)], conversation=group())
    told = home.run("import", "groupme", path, "--user", f"{ADA}=ada")
    assert told.exit_code == 0
    assert told.stdout.startswith("2 messages are new in main, 0 were brought up to date, 0 were there: 1 groups")
    assert "Left out: 1 messages without an id or a time" in told.stderr
    assert "0 messages are new in main" in home.ok("import", "groupme", path, path)
    assert [row[3] for row in home.rows("room", "list")] == ["Pub"]


def test_wrong_words_on_the_command_line_are_explained(home: Shell, tmp_path: Path) -> None:  # noqa: F811
    path = packed(tmp_path / "e.zip", [line(1)], conversation=group())
    home.ok("user", "create", "ada")
    home.ok("user", "create", "bob")
    assert "GROUPMEID=LOGIN" in home.fails("import", "groupme", path, "--user", "ada", code=2)
    assert "hubbub user list" in home.fails("import", "groupme", path, "--user", f"{ADA}=eve")
    assert "Nobody in the export has the id 123" in home.fails("import", "groupme", path, "--user", "123=ada")
    assert "There are: main" in home.fails("import", "groupme", path, "--world", "other")
    assert "cannot be read" in home.fails("import", "groupme", tmp_path / "none.zip")
    assert home.rows("room", "list") == [], "nothing has changed"
    home.ok("import", "groupme", path, "--user", f"{ADA}=ada")
    assert "taken over before" in home.fails("import", "groupme", path, "--user", f"{ADA}=bob")


# Hostile files


def raw_zip(path: Path, change: Callable[[zipfile.ZipFile], None]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1/message.json", "[]")
        change(archive)
    return path


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("1/gallery/1_a")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


def _cut_off(path: Path) -> Path:
    packed(path, [line(number) for number in range(500)], conversation=group())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def _damaged(path: Path) -> Path:
    packed(path, [line(number) for number in range(500)])
    data = bytearray(path.read_bytes())
    for place in range(200, 260):
        data[place] ^= 0xFF
    path.write_bytes(bytes(data))
    return path


def _locked(path: Path) -> Path:
    raw_zip(path, lambda archive: None)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    return path


DEEP: dict[str, Any] = {"conversation.json": b"[" * 9999}
HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no zip": (lambda path: _written(path, b"hello"), "no zip file"),
    "nothing": (lambda path: _written(path, b""), "no zip file"),
    "cut off": (_cut_off, "no zip file, or it is damaged"),
    "damaged": (_damaged, "damaged"),
    "locked": (_locked, "encrypted"),
    "a link": (lambda path: raw_zip(path, _link), "is a link"),
    "up": (lambda path: raw_zip(path, lambda archive: archive.writestr("../1/x", "")), "leads elsewhere"),
    "absolute": (lambda path: raw_zip(path, lambda archive: archive.writestr("/etc/cron.d/x", "")), "leads elsewhere"),
    "a bomb": (lambda path: packed(path, b"[" + b" " * (1 << 24) + b"]"), "would unpack to"),
    "an object": (lambda path: packed(path, {"messages": []}), "not the JSON"),
    "a text": (lambda path: packed(path, "hello"), "not the JSON"),
    "no JSON": (lambda path: packed(path, b"\x00\x01"), "not the JSON"),
    "empty": (lambda path: packed(path, b""), "not the JSON"),
    "JSON cut off": (lambda path: packed(path, json.dumps([line(1), line(2)]).encode()[:-9]), "not the JSON"),
    "more behind": (lambda path: packed(path, b"[] []"), "not the JSON"),
    "not a number": (lambda path: packed(path, b'[{"id": NaN}]'), "not the JSON"),
    "digits": (lambda path: packed(path, b'[{"id": ' + b"7" * 9000 + b"}]"), "not the JSON"),
    "a large number": (lambda path: packed(path, b'[{"id": 99999999999999999999}]'), "not the JSON"),
    "a larger one": (lambda path: packed(path, b'[{"id": 1e999}]'), "not the JSON"),
    "no UTF-8": (lambda path: packed(path, b'[{"id": "\xff"}]'), "not the JSON"),
    "a long text": (lambda path: packed(path, _noise(groupme_zip.MAX_ELEMENT * 2)), "a message of more than"),
    "a deep group": (
        lambda path: packed(path, [line(1)], conversation=None, **DEEP),
        "JSON",
    ),
}


def _noise(size: int) -> bytes:
    """Give a message whose text is long, and does not pack well."""
    text = "".join(f"{number * 2654435761 % 2**32:08x}" for number in range(size // 8))
    return json.dumps([line(1, text=text)]).encode()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_refused_and_nothing_has_changed(memory: Site, tmp_path: Path, name: str) -> None:
    make, reason = HOSTILE[name]

    async def test() -> None:
        good = packed(tmp_path / "good.zip", [line(1)], conversation=group())
        bad = make(tmp_path / "bad.zip")
        async with memory.opened() as desk:
            before = picture(desk.state)
            with pytest.raises(TransferError) as refused:
                await desk.take(good, bad)
            assert reason in str(refused.value)
            assert str(bad) in str(refused.value)
            assert picture(desk.state) == before
            assert await desk.groups() == {}

    run(test())


def test_a_deep_message_is_left_out_alone(memory: Site, tmp_path: Path) -> None:
    async def test() -> None:
        deep = b'{"id": "5", "created_at": 1600000000, "text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        wide = json.dumps(line(6, attachments=[{}] * 60_000)).encode()
        data = b"[%b, %b, %b]" % (deep, json.dumps(line(1)).encode(), wide)
        async with memory.opened() as desk:
            done = await desk.take(packed(tmp_path / "e.zip", data, conversation=group()))
            assert (done.added, sum(done.left_out.values())) == (1, 2)

    run(test())


def test_messages_are_read_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reads a file of messages whole: no piece is large, and messages come while most is still unread."""
    pieces: list[int] = []
    read = groupme_zip.Source.read

    def counted(self: groupme_zip.Source, size: int = -1) -> bytes:
        data = read(self, size)
        pieces.append(len(data))
        return data

    monkeypatch.setattr(groupme_zip.Source, "read", counted)
    path = packed(tmp_path / "e.zip", [line(number) for number in range(20_000)])
    with open_export(path) as export:
        (folder,) = export.folders
        messages = export.messages(folder)
        next(messages)
        assert sum(pieces) <= 2 * groupme_zip.PIECE
        assert sum(1 for _ in messages) == 19_999
    assert max(pieces) <= groupme_zip.PIECE
    assert sum(pieces) > 40 * groupme_zip.PIECE


# Odd values


@pytest.fixture
def desk(memory: Site) -> Iterator[tuple[asyncio.Runner, Desk]]:
    """One community for many examples."""
    opened = memory.opened()
    with asyncio.Runner() as runner:
        yield runner, runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\0", "4711", "system", "0", "-1", "1600000000", "9" * 30, "2020-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "data", "user_ids", "url", "nickname", "\0", "\ud800"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
FIELDS = (
    *line(1),
    "event",
    "reactions",
    "pinned_at",
    "pinned_by",
    "updated_at",
    "deleted_at",
    "deletion_actor",
    "platform",
)
ATTACHMENTS = ("image", "reply", "mentions", "poll", "event", "emoji", "location")


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Give a message of which something is odd."""
    number = draw(st.integers(1, 5))
    found = line(number)
    kind = draw(st.sampled_from(["field", "event", "attachment", "anything"]))
    if kind == "anything":
        return draw(odd)
    if kind == "event":
        name = draw(st.sampled_from(sorted(SEED_TYPES | FORMS.keys())))
        data = (
            "user",
            "poll",
            "event",
            "options",
            "message_id",
            "minutes",
            "added_users",
            "name",
            "message",
        )
        found["event"] = {"type": name, "data": draw(st.dictionaries(st.sampled_from(data), odd, max_size=4))}
    elif kind == "attachment":
        fields = ("url", "user_ids", "user_id", "reply_id", "poll_id", "event_id", "loci")
        more = draw(st.dictionaries(st.sampled_from(fields), odd, max_size=4))
        found["attachments"] = [{"type": draw(st.sampled_from(ATTACHMENTS)), **more}]
    else:
        found |= draw(st.dictionaries(st.sampled_from(FIELDS), odd, max_size=4))
    return found


DETAILS = sorted(group().keys() - {"id", "group_id"})
"""What a conversation says of itself; by its id it would be another one."""


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(messages(), max_size=12), st.dictionaries(st.sampled_from(DETAILS), odd, max_size=4), odd)
def test_odd_values_cost_no_more_than_what_they_are_in(
    tmp_path: Path, desk: tuple[asyncio.Runner, Desk], given_: list[Any], details: Json, polls: Any
) -> None:
    runner, here = desk
    before = here.state.last_number
    mine = line(500 + before * 1000)

    def moved(message: Any) -> Any:
        """Give it another id in each example, unless that is what is odd."""
        known = isinstance(message, dict) and message.get("id") in [line(number)["id"] for number in range(6)]
        return message | {"id": str(int(message["id"]) + before * 1000)} if known else message

    async def test() -> None:
        more: dict[str, Any] = {"poll.json": json.dumps(polls).encode()}
        messages = [mine, *map(moved, given_)]
        path = packed(tmp_path / "odd.zip", messages, conversation=group() | details, **more)
        first = await here.take(path, accounts={})
        found = await here.community.store.imported_messages(here.state.world.id, "groupme", [f"77/{mine['id']}"])
        assert [message.body for message in found.values()] == [mine["text"]]
        again = await here.take(path, accounts={})
        assert (again.added, again.left_out) == (0, first.left_out)
        assert await here.community.store.check() == []

    runner.run(test())


class NoIds:
    """Knows everybody, and nothing else."""

    def user(self, foreign: str) -> int:
        return 7

    def called(self, user: int) -> str:
        return "Somebody"

    def poll(self, foreign: str) -> int:
        return 0

    def option(self, poll: str, foreign: str) -> int:
        return 0

    def gathering(self, foreign: str) -> int:
        return 0

    def message(self, foreign: str) -> tuple[int, int, int]:
        return 0, 0, 0


@given(st.sampled_from(sorted(FORMS)), odd)
def test_an_event_that_makes_no_sense_is_kept_as_it_is(kind: str, data: Any) -> None:
    event = {"type": kind, "data": data}
    found = translate(event, NoIds())
    assert found["type"] != "groupme" or found["original"] is event


@given(odd)
def test_any_value_may_stand_for_a_time_or_reactions(value: Any) -> None:
    assert instant(value) is None or 2000 <= (instant(value) or 0).year <= 2100  # type: ignore[union-attr]
    assert all(isinstance(who, list) for _, who in reactions({"reactions": value}))
    msgspec.json.encode([who for _, who in reactions({"reactions": value})])
