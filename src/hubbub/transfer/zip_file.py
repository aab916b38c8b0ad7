"""Zip files from strangers: opened only when to read them can harm nobody.

What a zip claims is checked before anything is unpacked, and `zipfile` reads no more of an entry than it claims.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hubbub.transfer.error import TransferError

MAX_DIRECTORY = 64 * 1024 * 1024
"""Bytes of a zip's directory: some 500,000 entries. `zipfile` holds ten times as much in memory."""
MAX_RATIO = 200
"""Times that an entry may be larger than what it is packed in: records come to 20, deflate to 1032."""
SMALL = 1024 * 1024
"""Bytes of an entry that may be packed as densely as it likes."""

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"  # APPNOTE.TXT 4.3.14 to 4.3.16
_COMMENT = 65_535
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, UnicodeError)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file and check its directory. Raises TransferError, also for what goes wrong while it is open.

    No entry is encrypted, a link, named twice, or much larger than what it is packed in; together they are packed in no
    more than the file. Whatever they are called: who writes one to disk checks the name.
    """
    try:
        with path.open("rb") as file:
            _check_directory(path, file)
            with zipfile.ZipFile(file) as archive:
                _check_entries(path, archive, path.stat().st_size)
                yield archive
    except _FAULTS as error:
        raise TransferError(f"{path} is no zip file, or it is damaged: {error}. Copy it here again.") from error


def _check_directory(path: Path, file: IO[bytes]) -> None:
    """Look at how large the directory is before `zipfile` reads it."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _COMMENT - 22))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("it has no end")
    (size,) = struct.unpack_from("<L", tail, at + 12)
    if size == 0xFFFFFFFF and at >= 20 and tail.startswith(_LOCATOR64, at - 20):
        (place,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(min(place, end))
        record = file.read(56)
        if not record.startswith(_END64):
            raise zipfile.BadZipFile("it has no directory")
        (size,) = struct.unpack_from("<Q", record, 40)
    if size > MAX_DIRECTORY:
        raise TransferError(f"{path} has too many files in it: its directory alone takes {size} bytes.")
    file.seek(0)


def _check_entries(path: Path, archive: zipfile.ZipFile, size: int) -> None:
    names: set[str] = set()
    packed = 0
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        packed += entry.compress_size
        if entry.filename in names:
            wrong = "is there twice"
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            wrong = "is a link or a device"
        elif entry.flag_bits & 1:
            wrong = "is encrypted"
        elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            wrong = "is packed in a way that is not read here"
        elif entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
            wrong = f"would unpack to {entry.file_size} bytes, out of {entry.compress_size}"
        elif packed > size:
            wrong = "shares its bytes with another"
        else:
            names.add(entry.filename)
            continue
        raise TransferError(f"{path} is not safe to read: {entry.filename[:200]!r} in it {wrong}.")
