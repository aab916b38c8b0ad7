"""The file that holds a community (docs/export.md): what its parts are called, and what its manifest says of them."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from hubbub.core.model import RECORDS, Record, World
from hubbub.store.schema import table_name
from hubbub.transfer.error import TransferError

FORMAT = "hubbub-community"
VERSION = 1
"""Rises when an older program would misread a file. A new kind of record, or a field with a default, is none: it is
refused by its name."""

MANIFEST, FILES, MEDIA = "manifest.json", "files.jsonl", "media/"
MAX_MANIFEST = 1024 * 1024
MAX_LINE = 16 * 1024 * 1024
"""Bytes of one record: several times the largest configuration of a world."""

PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
"""Paths of files in the media folder: nothing hidden, nothing outside."""

PARTS: dict[str, type[Record]] = {f"{table_name(record)}.jsonl": record for record in RECORDS}
"""The kinds of records by the names of their parts; each refers to those before it alone."""
WORLD = f"{table_name(World)}.jsonl"

Count = Annotated[int, msgspec.Meta(ge=0)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a part is, unpacked, and the SHA-256 of it in hexadecimal."""

    lines: Count
    bytes: Count
    sha256: Digest


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the media folder: `path` there, its length, and its SHA-256."""

    path: str
    bytes: Count
    sha256: Digest


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The world that the file holds."""

    id: int
    name: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says of itself: the version of the format and of the program, when it was made, and its parts."""

    format: str
    version: int
    program: str
    made: datetime
    world: Named
    parts: dict[str, Part]


class _Head(msgspec.Struct):
    format: str
    version: int


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest of this version or an older one. Raises TransferError."""
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise TransferError("This is no community that `hubbub export` wrote: its manifest is of something else.")
        if head.version > VERSION:
            raise TransferError(
                f"The file is of a newer Hubbub (format {head.version}; this one reads up to {VERSION}). Import it with"
                " a Hubbub as new as the one that made it."
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise TransferError(f"{MANIFEST} cannot be read: {error}. Export the community again.") from error
    for name in manifest.parts:
        if name not in PARTS and name != FILES:
            raise TransferError(
                f"The file has {name[:200]!r}, which this Hubbub does not know. Import it with the one that made it"
                f" ({manifest.program[:50]}), or a newer one."
            )
    if WORLD not in manifest.parts:
        raise TransferError(f"{MANIFEST} names no {WORLD}. Export the community again.")
    return manifest
