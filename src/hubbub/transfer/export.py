"""Write a community to a file, whole and of one moment, while it may be in use."""

import hashlib
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec.structs import replace

from hubbub import __version__
from hubbub.core.model import RECORDS, Message, Upload, World
from hubbub.store.contract import Moment, Store
from hubbub.transfer.error import TransferError
from hubbub.transfer.manifest import FILES, FORMAT, MANIFEST, MEDIA, PARTS, PATH, VERSION, File, Manifest, Named, Part
from hubbub.transfer.shelf import PIECE, sync_folder

encode = msgspec.json.Encoder().encode
Advance = Callable[[int, int], None]
"""Tell how many things are done, of how many."""


class Exported(msgspec.Struct):
    """What was written; `missing` are files that uploads name and that were not there."""

    messages: int = 0
    records: int = 0
    files: int = 0
    missing: int = 0


async def export_world(
    store: Store,
    world: int,
    media: Path,
    target: Path,
    *,
    now: datetime,
    overwrite: bool = False,
    advance: Advance = lambda done, total: None,
) -> Exported:
    """Write everything of a world, by its id, and the files of its uploads out of the media folder, to a zip file.

    The file is there when it is complete and on disk, and only its owner may read it. Records are held in memory some
    hundred at a time, of files the names. It keeps the caller's loop busy. Raises TransferError, StoreError.
    """
    try:
        async with store.moment() as moment:
            with _new(target, overwrite) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
                return await _Writer(moment, world, media, archive, advance).write(now)
    except OSError as error:
        raise TransferError(
            f"{error.filename or target}: {error.strerror or error}. Name a file in a folder with room for it."
        ) from error


@contextmanager
def _new(target: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    """Give a file that becomes the target when all went well, and is gone otherwise."""
    _check_free(target, overwrite)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _check_free(target, overwrite)
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    sync_folder(target.parent)


def _check_free(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise TransferError(f"{target} is there already. Name another file, or replace it with --force.")


class _Writer:
    """Write one part after another."""

    def __init__(self, moment: Moment, world: int, media: Path, archive: zipfile.ZipFile, advance: Advance) -> None:
        self._moment = moment
        self._world = world
        self._media = media
        self._archive = archive
        self._advance = advance
        self._done = self._total = 0
        self._parts: dict[str, Part] = {}

    async def write(self, now: datetime) -> Exported:
        (world,) = [one async for page in self._moment.records(self._world, World) for one in page]  # never removed
        counts = {record: await self._moment.count(self._world, record) for record in RECORDS}
        self._total = sum(counts.values()) + counts[Upload]
        for name, record in PARTS.items():
            if counts[record]:
                with self._part(name) as write:
                    async for page in self._moment.records(self._world, record):
                        for one in page:
                            write(one)
                        self._tell(len(page))
        exported = Exported(messages=counts[Message], records=sum(counts.values()))
        await self._write_files(exported)
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            program=__version__,
            made=now,
            world=Named(world.id, world.name),
            parts=self._parts,
        )
        with self._entry(MANIFEST) as entry:
            entry.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        return exported

    async def _write_files(self, exported: Exported) -> None:
        """Write the files of uploads, and then the list of them."""
        files: list[File] = []
        async for page in self._moment.records(self._world, Upload):
            for upload in page:
                file = self._write_file(upload.path)
                if file:
                    files.append(file)
                else:
                    exported.missing += 1
            self._tell(len(page))
        exported.files = len(files)
        if files:
            with self._part(FILES) as write:
                for file in files:
                    write(file)

    def _write_file(self, path: str) -> File | None:
        """Write a file; None when there is none."""
        if not PATH.fullmatch(path):
            return None
        try:
            source = (self._media / path).open("rb")
        except FileNotFoundError:
            return None
        size, digest = 0, hashlib.sha256()
        # It is packed as it is: pictures and films have been pressed already.
        with source, self._entry(f"{MEDIA}{path}", zipfile.ZIP_STORED) as entry:
            while piece := source.read(PIECE):
                entry.write(piece)
                digest.update(piece)
                size += len(piece)
        return File(path, size, digest.hexdigest())

    @contextmanager
    def _part(self, name: str) -> Iterator[Callable[[msgspec.Struct], None]]:
        """Give what writes a record to a part, which is named in the manifest then."""
        lines, size, digest = 0, 0, hashlib.sha256()
        with self._entry(name) as entry:

            def write(record: msgspec.Struct) -> None:
                nonlocal lines, size
                # An epoch is of the place where a world runs; the next place begins one of its own.
                line = encode(replace(record, epoch=1) if isinstance(record, World) else record) + b"\n"
                entry.write(line)
                digest.update(line)
                lines, size = lines + 1, size + len(line)

            yield write
        self._parts[name] = Part(lines, size, digest.hexdigest())

    @contextmanager
    def _entry(self, name: str, packing: int = zipfile.ZIP_DEFLATED) -> Iterator[IO[bytes]]:
        info = zipfile.ZipInfo(name)  # without a date: equal communities give equal bytes
        info.compress_type = packing
        info.external_attr = (stat.S_IFREG | 0o600) << 16
        with self._archive.open(info, "w", force_zip64=True) as entry:
            yield entry

    def _tell(self, more: int) -> None:
        self._done += more
        self._advance(self._done, self._total)
