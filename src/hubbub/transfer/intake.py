"""Read a community from a file that `export` wrote, or that claims to be one: all of it, or nothing."""

import asyncio
import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from hubbub.core.id import EPOCH
from hubbub.core.model import Message, Record, Room, Upload, User, World
from hubbub.core.world import check_config, check_name
from hubbub.store.contract import Conflict, Intake, Store, Unstorable
from hubbub.transfer.error import TransferError
from hubbub.transfer.export import Advance
from hubbub.transfer.manifest import (
    FILES,
    MANIFEST,
    MAX_LINE,
    MAX_MANIFEST,
    MEDIA,
    PARTS,
    PATH,
    WORLD,
    File,
    Manifest,
    Part,
    read_manifest,
)
from hubbub.transfer.record import Kind, WrongRecord, check_numbers
from hubbub.transfer.shelf import PIECE, Shelf
from hubbub.transfer.zip_file import open_zip

T = TypeVar("T")

PAGE = 500
"""Records that are put aside at once."""
AGAIN = "Copy the file here again, or export the community again."

KINDS = {name: Kind(record) for name, record in PARTS.items() if record is not World}
WORLDS = Kind(World)
_decode_file = msgspec.json.Decoder(File).decode


class Imported(msgspec.Struct, frozen=True):
    """What was read: the world's name here, and how many there were."""

    name: str
    records: int
    messages: int
    files: int


def read_head(file: Path) -> Manifest:
    """Read what a file says of itself, and check that its parts are there. Raises TransferError."""
    with _opened(file) as archive:
        return _manifest(archive, _entries(archive))


async def import_world(
    store: Store,
    file: Path,
    media: Path,
    *,
    now: datetime,
    name: str = "",
    advance: Advance = lambda done, total: None,
) -> Imported:
    """Read a community from a file into the database and the media folder, under its own name or another.

    Ids, numbers and secrets stay as they are; the world begins a new epoch. Records are held in memory some hundred at
    a time; of users, rooms and files the ids and names. It keeps the caller's loop busy.

    All or nothing: a change to the database is the last thing that happens, in one transaction; files that came are
    removed again when that fails. Raises TransferError, HubbubError (the name), StoreUnavailable.
    """
    with _opened(file) as archive:
        return await _Reader(store, archive, media, now, advance).read(name)


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with open_zip(file) as archive:
            yield archive
    except OSError as error:
        raise TransferError(f"{error.filename or file}: {error.strerror or error}. Nothing was imported.") from error


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}


def _manifest(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> Manifest:
    """Read the manifest and check that the file has what it names; of the entries leave those of media files."""
    entry = entries.pop(MANIFEST, None)
    if entry is None:
        raise TransferError(f"There is no {MANIFEST} in it: this is no community that `hubbub export` wrote.")
    if entry.file_size > MAX_MANIFEST:
        raise TransferError(f"{MANIFEST} is too large to be one.")
    manifest = read_manifest(archive.read(entry))
    for name, part in manifest.parts.items():
        entry = entries.pop(name, None)
        if entry is None or entry.file_size != part.bytes:
            raise TransferError(f"{name} is not in the file as {MANIFEST} says. {AGAIN}")
    for name in entries:
        if not name.startswith(MEDIA):
            raise TransferError(f"The file has {name[:200]!r}, which {MANIFEST} does not name. {AGAIN}")
    return manifest


class _Reader:
    """Read one part after another."""

    def __init__(self, store: Store, archive: zipfile.ZipFile, media: Path, now: datetime, advance: Advance) -> None:
        self._store = store
        self._archive = archive
        self._media = media
        self._now = now
        self._advance = advance
        self._done = self._total = 0
        self._entries = _entries(archive)
        self._users: set[int] = set()
        self._rooms: set[int] = set()
        self._paths: set[str] = set()
        self._number = 0

    async def read(self, name: str) -> Imported:
        manifest = _manifest(self._archive, self._entries)
        parts = {name: part for name, part in manifest.parts.items() if name in PARTS}
        listed = manifest.parts.get(FILES)
        self._total = sum(part.lines for part in manifest.parts.values())
        world = self._world(manifest, name)
        self._tell(1)
        await self._check_free(world)
        async with self._store.intake() as intake:
            for part_name in KINDS:
                if part_name in parts:
                    await self._take(intake, world.id, part_name, parts[part_name])
            files = self._files(listed)
            with Shelf(self._media) as shelf:
                self._put(files, shelf)
                await _commit(intake, world)
                shelf.keep()
        return Imported(
            name=world.name,
            records=sum(part.lines for part in parts.values()),
            messages=sum(part.lines for name, part in parts.items() if PARTS[name] is Message),
            files=len(files),
        )

    # The world

    def _world(self, manifest: Manifest, name: str) -> World:
        """Read the world, and give it with its name here and a new epoch."""
        part = manifest.parts[WORLD]
        worlds = list(self._records(WORLD, part, lambda line: WORLDS.read(line, self._now))) if part.lines == 1 else []
        if [(world.id, world.name) for world in worlds] != [(manifest.world.id, manifest.world.name)]:
            raise TransferError(f"{WORLD} has not the one world that {MANIFEST} names. {AGAIN}")
        fields = msgspec.structs.asdict(worlds[0])
        for field, wrong in check_config(fields["config"], secrets=True).items():
            raise TransferError(f"{WORLD}: config.{field}: {', '.join(wrong)}. Set it right and export again.")
        check_name(name or fields["name"])
        # What clients hold of any other copy is void: an epoch by the clock is none that one of them ever had.
        epoch = (self._now - EPOCH) // timedelta(seconds=1)
        return World(**fields | {"name": name or fields["name"], "epoch": epoch})

    async def _check_free(self, world: World) -> None:
        for other in await self._store.worlds():
            if other.id == world.id:
                raise TransferError(
                    f"This community is here already: it is the world {other.name!r}. One database cannot have it"
                    " twice; name another with --database."
                )
            if other.name == world.name:
                raise TransferError(f"There is a world {world.name!r} already. Call this one otherwise with --as NAME.")
            if world.domain and other.domain.lower() == world.domain.lower():
                raise TransferError(
                    f"The world {other.name!r} here is at {world.domain}, where this community is, too. Give one of"
                    " them another domain first."
                )

    # Records

    async def _take(self, intake: Intake, world: int, name: str, part: Part) -> None:
        kind, record = KINDS[name], PARTS[name]
        page: list[Any] = []

        def read(line: bytes) -> Any:
            found = kind.read(line, self._now)
            kind.check_place(found, world, self._rooms, self._users)
            self._note(found)
            return found

        for found in self._records(name, part, read):
            page.append(found)
            if len(page) == PAGE:
                await self._shelve(intake, name, record, page)
                page = []
        await self._shelve(intake, name, record, page)

    def _note(self, record: Any) -> None:
        """Remember what later parts refer to."""
        match record:
            case Message():
                check_numbers(record.number, record.seq, self._number)
                self._number = record.number
            case User():
                self._users.add(record.id)
            case Room():
                self._rooms.add(record.id)
            case Upload():
                self._paths.add(record.path)

    async def _shelve(self, intake: Intake, name: str, record: type[Record], page: list[Any]) -> None:
        try:
            await intake.add(record, page)
        except Unstorable as error:
            raise TransferError(f"{name}: {error}. Nothing was imported.") from error
        self._tell(len(page))

    def _records(self, name: str, part: Part, read: Callable[[bytes], T]) -> Iterator[T]:
        for number, line in enumerate(self._lines(name, part), 1):
            try:
                yield read(line)
            except WrongRecord as error:
                raise TransferError(f"{name}, line {number}: {error}. Nothing was imported.") from error

    def _lines(self, name: str, part: Part) -> Iterator[bytes]:
        """Give the lines of a part, and check after the last that they were the right ones."""
        digest = hashlib.sha256()
        with self._archive.open(name) as entry:
            stream = io.BufferedReader(cast(io.RawIOBase, entry), PIECE)
            for number in range(1, part.lines + 1):
                line = stream.readline(MAX_LINE)
                if not line.endswith(b"\n"):
                    cut = "too long" if len(line) == MAX_LINE else "cut off"
                    raise TransferError(f"{name}, line {number}: {cut}. {AGAIN}")
                digest.update(line)
                yield line
            if stream.read(1) or digest.hexdigest() != part.sha256:
                raise TransferError(f"{name} is not what {MANIFEST} says. {AGAIN}")

    # Files

    def _files(self, part: Part | None) -> list[File]:
        """Read which files come with it, and check that each is one of an upload, and there."""
        files = list(self._records(FILES, part, self._file)) if part else []
        if self._entries:
            raise TransferError(f"{next(iter(self._entries))[:200]!r} is in the file, but not in {FILES}. {AGAIN}")
        free = shutil.disk_usage(_existing(self._media)).free
        needed = sum(file.bytes for file in files)
        if needed > free:
            raise TransferError(f"The files need {needed} bytes, but {self._media} has room for {free}. Make room.")
        return files

    def _file(self, line: bytes) -> File:
        try:
            file = _decode_file(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise WrongRecord(str(error)) from error
        if not PATH.fullmatch(file.path):
            raise WrongRecord("path: not one in the media folder")
        if file.path not in self._paths:
            raise WrongRecord("path: no upload has it")
        entry = self._entries.pop(f"{MEDIA}{file.path}", None)
        if entry is None or entry.file_size != file.bytes:
            raise WrongRecord("path: the file is not there, or not so long")
        return file

    def _put(self, files: list[File], shelf: Shelf) -> None:
        for file in files:
            with self._archive.open(f"{MEDIA}{file.path}") as source:
                shelf.put(file, source)
            self._tell(1)
        shelf.sync()

    def _tell(self, more: int) -> None:
        self._done += more
        self._advance(self._done, self._total)


async def _commit(intake: Intake, world: World) -> None:
    """Store it all. Who is interrupted in that moment waits, as what was stored must have its files."""
    commit = asyncio.ensure_future(intake.commit(world))
    try:
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await commit
    except Conflict as error:
        raise TransferError(
            f"The records contradict each other or what is in the database: {error}. Nothing was imported. If this"
            " community was here before, or a part of it is, name another database with --database."
        ) from error
    except Unstorable as error:
        raise TransferError(f"The database does not take it: {error}. Nothing was imported.") from error


def _existing(folder: Path) -> Path:
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
