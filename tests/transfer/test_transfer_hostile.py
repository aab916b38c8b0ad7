"""Files that are damaged, or made to do harm: each is refused with a reason, and nothing has changed."""

import asyncio
import hashlib
import json
import random
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.transfer.village import FILES

from hubbub.store.sqlite import SqliteStore
from hubbub.transfer import intake
from hubbub.transfer.error import TransferError
from hubbub.transfer.intake import import_world, read_head
from hubbub.transfer.manifest import MAX_MANIFEST, PARTS
from hubbub.transfer.record import MAX_NUMBER
from hubbub.transfer.zip_file import MAX_DIRECTORY

LATER = datetime.fromisoformat("2026-07-01T00:00:00Z")
PATH = next(iter(FILES))


class Luggage:
    """What is in a file, to be changed and packed again."""

    def __init__(self, source: Path) -> None:
        with zipfile.ZipFile(source) as archive:
            self.content = {name: archive.read(name) for name in archive.namelist()}
        self.manifest = json.loads(self.content.pop("manifest.json"))
        self.entries: dict[str, Callable[[zipfile.ZipInfo], None]] = {}
        self.true = True
        """Whether the manifest is to say what is in the parts now."""

    def records(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.content[f"{name}.jsonl"].splitlines()]

    def put(self, name: str, records: list[dict[str, Any]]) -> None:
        self.content[f"{name}.jsonl"] = b"".join(json.dumps(record).encode() + b"\n" for record in records)

    def change(self, name: str, place: int = 0, /, **changes: Any) -> None:
        """Change fields of a record; one that is ... is left out."""
        records = self.records(name)
        records[place] = {key: value for key, value in (records[place] | changes).items() if value is not ...}
        self.put(name, records)

    def repeat(self, name: str, /, **changes: Any) -> None:
        records = self.records(name)
        self.put(name, [*records, records[-1] | changes])

    def pack(self, target: Path) -> None:
        if self.true:
            parts = {name: data for name, data in self.content.items() if name in self.manifest["parts"]}
            self.manifest["parts"] = {
                name: {"lines": data.count(b"\n"), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for name, data in parts.items()
            }
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in [*self.content.items(), ("manifest.json", json.dumps(self.manifest).encode())]:
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_DEFLATED
                if name in self.entries:
                    self.entries[name](info)
                archive.writestr(info, data)


def bring(file: Path, folder: Path) -> None:
    async def run() -> None:
        async with SqliteStore(f"sqlite:///{folder / 'hubbub.db'}", node="tool", clock=lambda: LATER) as store:
            await import_world(store, file, folder / "media", now=LATER)

    asyncio.run(run())


def dump(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "hubbub.db") as connection:
        return list(connection.iterdump())


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database without a world."""
    folder = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        async with SqliteStore(f"sqlite:///{folder / 'hubbub.db'}", node="one", clock=lambda: LATER):
            pass

    asyncio.run(make())
    return (folder / "hubbub.db").read_bytes()


@pytest.fixture
def house(tmp_path: Path, empty: bytes) -> Path:
    (tmp_path / "hubbub.db").write_bytes(empty)
    return tmp_path


def refused(file: Path, house: Path, told: str) -> str:
    """Try to bring a file in, which must be refused for a reason; give that."""
    before = dump(house)
    with pytest.raises(TransferError) as error:
        bring(file, house)
    text = str(error.value)
    assert told in text
    assert "\n" not in text
    assert dump(house) == before
    assert not list(house.glob("media/**/*"))
    return text


def manifest(**changes: Any) -> Callable[[Luggage], None]:
    def change(luggage: Luggage) -> None:
        luggage.manifest.update(changes)

    return change


def record(name: str, place: int = 0, /, **changes: Any) -> Callable[[Luggage], None]:
    return lambda luggage: luggage.change(name, place, **changes)


def again(name: str, /, **changes: Any) -> Callable[[Luggage], None]:
    return lambda luggage: luggage.repeat(name, **changes)


def add(name: str, data: bytes = b"x") -> Callable[[Luggage], None]:
    return lambda luggage: luggage.content.update({name: data})


def part(name: str, data: bytes) -> Callable[[Luggage], None]:
    """Add a part that the manifest names."""

    def change(luggage: Luggage) -> None:
        luggage.content[name] = data
        luggage.manifest["parts"][name] = None

    return change


def drop(name: str) -> Callable[[Luggage], None]:
    def change(luggage: Luggage) -> None:
        del luggage.content[name]

    return change


def untrue(name: str, /, **changes: Any) -> Callable[[Luggage], None]:
    """Let the manifest say something else of a part than what is true."""

    def change(luggage: Luggage) -> None:
        luggage.true = False
        luggage.manifest["parts"][name].update(changes)

    return change


def file(place: int = 0, /, **changes: Any) -> Callable[[Luggage], None]:
    return record("files", place, **changes)


def named(path: str) -> Callable[[Luggage], None]:
    """Let an upload, its file and the list all have another path."""

    def change(luggage: Luggage) -> None:
        luggage.content[f"media/{path}"] = luggage.content.pop(f"media/{PATH}")
        luggage.change("files", path=path)
        luggage.change("upload", path=path)

    return change


def mode(name: str, kind: int) -> Callable[[Luggage], None]:
    def change(luggage: Luggage) -> None:
        luggage.entries[name] = lambda info: setattr(info, "external_attr", (kind | 0o777) << 16)

    return change


def line(name: str, data: bytes) -> Callable[[Luggage], None]:
    def change(luggage: Luggage) -> None:
        luggage.content[f"{name}.jsonl"] += data

    return change


DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
MEMBER = b'{"room":1,"user":1,"world":1,"joined":"2026-01-01T00:00:00Z"}'
CASES: dict[str, tuple[Callable[[Luggage], Any], str]] = {
    # The manifest
    "another format": (manifest(format="zulip-export"), "its manifest is of something else"),
    "a newer format": (manifest(version=2), "of a newer Hubbub"),
    "a version that is none": (manifest(version="1"), "manifest.json cannot be read"),
    "an unknown field": (manifest(mood="good"), "unknown field `mood`"),
    "a manifest without a world": (manifest(world=None), "manifest.json cannot be read"),
    "another name": (manifest(world={"id": 1, "name": "here"}), "not the one world"),
    "a manifest too large": (manifest(program=random.Random(1).randbytes(MAX_MANIFEST).hex()), "too large to be one"),
    "an unknown kind of record": (part("spell.jsonl", b"{}\n"), "'spell.jsonl', which this Hubbub does not know"),
    "no world": (drop("world.jsonl"), "names no world.jsonl"),
    # Parts
    "a part too few": (lambda luggage: (drop("user.jsonl")(luggage), untrue("world.jsonl")(luggage)), "user.jsonl is"),
    "an entry too many": (add("user.json"), "which manifest.json does not name"),
    "a path outside": (add("../../etc/cron.d/x"), "which manifest.json does not name"),
    "a wrong sum": (untrue("user.jsonl", sha256="0" * 64), "user.jsonl is not what"),
    "a sum that is none": (untrue("user.jsonl", sha256="x"), "manifest.json cannot be read"),
    "a wrong size": (untrue("user.jsonl", bytes=7), "user.jsonl is not in the file as"),
    "a negative size": (untrue("user.jsonl", bytes=-7), "manifest.json cannot be read"),
    "too few lines": (untrue("user.jsonl", lines=1), "user.jsonl is not what"),
    "too many lines": (untrue("user.jsonl", lines=10**15), "cut off"),
    "a line without an end": (line("user", b"{}"), "user.jsonl is not what"),
    "two worlds": (again("world"), "not the one world"),
    # Records
    "not JSON": (line("member", b"member\n"), "member.jsonl, line "),
    "not an object": (line("member", b"[]\n"), "Expected `object`"),
    "bad UTF-8": (line("member", b'{"nickname":"\xff"}\n'), "member.jsonl, line "),
    "half a surrogate pair": (line("member", MEMBER[:-1] + b',"nickname":"\\ud800"}\n'), "member.jsonl, line "),
    "bottomless nesting": (line("message", b'{"extra":' + DEEP + b"}\n"), "recursion"),
    "a field that is unknown": (record("room", colour="red"), "room.jsonl, line 1: Object contains unknown field"),
    "one deeper down": (record("poll", options=[{"id": 1, "content": "a", "x": 1}]), "unknown field `x`"),
    "a field that is missing": (record("room", created=...), "missing required field `created`"),
    "a wrong type": (record("room", name=7), "Expected `str`, got `int`"),
    "a word that is none": (record("user", kind="emperor"), "Invalid enum value"),
    "another world's": (record("room", world=1), "world: another one"),
    "no such room": (record("member", room=1), "room: there is no room 1"),
    "no room at all": (record("member", room=0), "room: there is no room 0"),
    "no such user": (record("member", user=1), "user: there is no user 1"),
    "no such target": (record("block", target=1), "target: there is no user 1"),
    "an id of nobody": (record("room", id=0), "id: out of range"),
    "an id too large": (record("room", id=2**53), "id: out of range"),
    "an id to come": (record("message", id=2**53 - 1), "still to come"),
    "an instant anywhere": (record("room", created="2026-01-01T00:00:00"), "created: an instant with its time zone"),
    "an instant before time": (record("room", created="0001-01-01T00:00:00+14:00"), "created: an instant"),
    "numbers that fall": (record("message", 1, number=1), "number: 1 after 1"),
    "a number of nothing": (record("message", number=0), "number: 0 after 0"),
    "the last number of all": (record("message", -1, number=MAX_NUMBER + 1), "though they rise"),
    "no place in the room": (record("message", seq=0), "seq: out of range"),
    "a NUL": (record("room", name="a\0b"), "room.jsonl: a text with a NUL"),
    "more than 64 bits": (record("room", sorting_priority=2**70), "does not take it"),
    "two with one key": (again("member"), "member.room, member.user of one member"),
    "two with one name": (again("user", id=5000), "client_id of one user"),
    "a setting that is none": (
        lambda luggage: luggage.change("world", config={"connection_limit": -1}),
        "config.connection_limit",
    ),
    # Files
    "a file of nobody": (add(f"media/{PATH}x"), "is in the file, but not in files.jsonl"),
    "a file that is not there": (drop(f"media/{PATH}"), "path: the file is not there"),
    "a file that no upload has": (file(path="here/other.png"), "path: no upload has it"),
    "a file twice": (again("files"), "path: the file is not there"),
    "a file with another sum": (file(sha256="0" * 64), "is damaged"),
    "a file with another size": (file(bytes=3), "not so long"),
    "a link": (mode(f"media/{PATH}", stat.S_IFLNK), "is a link or a device"),
    "a device": (mode("user.jsonl", stat.S_IFCHR), "is a link or a device"),
    "a path up": (named("../stolen.png"), "path: not one in the media folder"),
    "a path up inside": (named("here/../../stolen.png"), "path: not one in the media folder"),
    "an absolute path": (named("/tmp/stolen.png"), "path: not one in the media folder"),
    "a hidden path": (named("here/.htaccess"), "path: not one in the media folder"),
    "a path with a NUL's friend": (named("here/a\nb.png"), "path: not one in the media folder"),
    "a backslash": (named("here\\a.png"), "path: not one in the media folder"),
    "a path of dots": (named("here/.."), "path: not one in the media folder"),
    "a bomb": (add("media/bomb", bytes(3 * 2**20)), "would unpack to 3145728 bytes"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_with_something_wrong(name: str, tiny: Path, house: Path) -> None:
    change, told = CASES[name]
    luggage = Luggage(tiny)
    change(luggage)
    luggage.pack(house / "bad.zip")
    refused(house / "bad.zip", house, told)


def test_a_file_with_nothing_wrong(tiny: Path, house: Path) -> None:
    luggage = Luggage(tiny)
    luggage.content["media/"] = b""  # as those who pack it anew may add folders
    luggage.change("message", extra=json.loads('{"a":' * 300 + "1" + "}" * 300))
    luggage.pack(house / "good.zip")
    bring(house / "good.zip", house)


def test_an_older_file_lacks_what_was_not_there_yet(tiny: Path, house: Path) -> None:
    luggage = Luggage(tiny)
    luggage.put("room", [{key: one[key] for key in ("id", "world", "created")} for one in luggage.records("room")])
    for name in list(luggage.content):
        if name not in ("world.jsonl", "user.jsonl", "room.jsonl", "message.jsonl"):
            del luggage.content[name]
    luggage.pack(house / "old.zip")
    bring(house / "old.zip", house)


def test_a_line_that_does_not_end(tiny: Path, house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_LINE", 10_000)
    luggage = Luggage(tiny)
    luggage.change("message", body="x" * 9000)
    luggage.pack(house / "good.zip")
    luggage.change("message", body="x" * 11_000)
    luggage.pack(house / "bad.zip")
    refused(house / "bad.zip", house, "message.jsonl, line 1: too long")
    bring(house / "good.zip", house)


@pytest.mark.parametrize("data", [b"", b"PK", b"dear diary" * 1000, b"PK\x05\x06" + bytes(18)], ids=len)
def test_what_is_no_zip_file(data: bytes, house: Path) -> None:
    (house / "bad.zip").write_bytes(data)
    refused(house / "bad.zip", house, "")


def test_a_file_that_is_not_there_or_a_folder(house: Path) -> None:
    refused(house / "bad.zip", house, "No such file")
    refused(house, house, "Is a directory")


def test_a_file_that_is_cut_off(tiny: Path, house: Path) -> None:
    data = tiny.read_bytes()
    for length in range(0, len(data), len(data) // 7):
        (house / "bad.zip").write_bytes(data[:length])
        refused(house / "bad.zip", house, "it is damaged")


def test_a_directory_too_large_to_be_read(tiny: Path, house: Path) -> None:
    data = bytearray(tiny.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    struct.pack_into("<L", data, end + 12, MAX_DIRECTORY + 1)
    (house / "bad.zip").write_bytes(data)
    refused(house / "bad.zip", house, "too many files")


def test_an_encrypted_entry(tiny: Path, house: Path) -> None:
    data = bytearray(tiny.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    (house / "bad.zip").write_bytes(data)
    refused(house / "bad.zip", house, "is encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_twice(tiny: Path, house: Path) -> None:
    (house / "bad.zip").write_bytes(tiny.read_bytes())
    with zipfile.ZipFile(house / "bad.zip", "a") as archive:
        archive.writestr("user.jsonl", b"{}\n")
    refused(house / "bad.zip", house, "is there twice")


def test_entries_that_share_their_bytes(house: Path) -> None:
    with zipfile.ZipFile(house / "bad.zip", "w") as archive:
        archive.writestr("a" * 30, random.Random(1).randbytes(5000))
        entry = archive.filelist[0]
        for number in range(30):
            twin = zipfile.ZipInfo(f"{number:030}")
            for field in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(twin, field, getattr(entry, field))
            archive.filelist.append(twin)
        archive._didModify = True  # type: ignore[attr-defined]
    text = refused(house / "bad.zip", house, "")
    assert "shares its bytes" in text or "verlap" in text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_rotten_bytes_never_do_anything_else(tiny: Path, tmp_path: Path, places: list[tuple[float, int]]) -> None:
    """A reader that meets them says so, and knows nothing else to say."""
    data = bytearray(tiny.read_bytes())
    for place, value in places:
        data[int(place * len(data))] = value
    target = tmp_path / "rotten.zip"
    target.write_bytes(data)
    try:
        read_head(target)
        for_nobody(target, tmp_path)
    except TransferError:
        pass


def for_nobody(file: Path, folder: Path) -> None:
    """Read a file into a store that forgets it."""

    async def run() -> None:
        async with SqliteStore("sqlite://", node="tool", clock=lambda: LATER) as store:
            await import_world(store, file, folder / "media", now=LATER)

    asyncio.run(run())


def test_every_part_has_a_name_of_its_own() -> None:
    assert "files.jsonl" not in PARTS
    assert all("world" in record.__struct_fields__ for name, record in PARTS.items() if name != "world.jsonl")
