"""GroupMe's data export as a file: strangers' data, read a piece at a time and never unpacked to disk.

What is in it is told in protocols/groupme.md 5. Of the zip nothing is held in memory but its directory; an array of a
million messages comes one message at a time. A file that is not as it should be is a TransferError whose text says what
to do; one message that makes no sense comes as TOO_MUCH, for others to leave out.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import ijson  # type: ignore[import-untyped]
import msgspec

from hubbub.transfer.error import TransferError
from hubbub.transfer.zip_file import open_zip

MAX_ARRAY = 8 << 30
"""Bytes of one file of messages, unpacked."""
MAX_DOCUMENT = 16 << 20
"""Bytes of a file that is read whole: a group with its members, its polls."""
MAX_ELEMENT = 4 << 20
"""Bytes of one message."""
MAX_DEPTH = 32
MAX_NODES = 50_000
"""Values in one message."""
MAX_NAME = 500
PIECE = 65_536
AGAIN = "Ask GroupMe for a new export."

_PART = re.compile(r"(?:(?P<path>.*)/)?(?P<kind>message|conversation|poll)\.json")
_PICTURE = re.compile(r"(?:(?P<path>.*)/)?gallery/(?P<name>[^/]+)")


class Folder(msgspec.Struct):
    """What an export has of one conversation: the places of its files, and of its pictures by their names."""

    name: str
    parts: dict[str, zipfile.ZipInfo] = {}
    pictures: dict[str, zipfile.ZipInfo] = {}


class Export:
    """An export that was looked over and found to be one."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self.folders = _folders(path, archive.infolist())

    def messages(self, folder: Folder) -> Iterator[Any]:
        """Give what is in message.json in the order of the file; TOO_MUCH for what is absurd. Raises TransferError."""
        with self._opened(folder.parts["message"], MAX_ARRAY) as file:
            yield from _elements(Source(file, MAX_ELEMENT))

    def document(self, folder: Folder, kind: str) -> Any:
        """Give what conversation.json or poll.json holds, None when there is no such file. Raises TransferError."""
        info = folder.parts.get(kind)
        if info is None:
            return None
        with self._opened(info, MAX_DOCUMENT) as file:
            return _document(Source(file, MAX_DOCUMENT + PIECE))

    @contextmanager
    def picture(self, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
        """Open a file of the gallery. Raises TransferError, also while it is read."""
        with self._opened(info, MAX_ARRAY) as file:
            yield file

    @contextmanager
    def _opened(self, info: zipfile.ZipInfo, most: int) -> Iterator[IO[bytes]]:
        """Open a file, and say in our words what the libraries stumble over."""
        where = f"{self.path}: {info.filename[:MAX_NAME]}"
        if info.file_size > most:
            raise TransferError(f"{where} is too large to be GroupMe's: {info.file_size} bytes.")
        try:
            with self._archive.open(info) as file:
                yield file
        except TooLargeError as error:
            raise TransferError(f"{where} has a message of more than {MAX_ELEMENT >> 20} MiB. {AGAIN}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise TransferError(f"{where} is damaged or cut off. Fetch the export once more.") from error
        except (ijson.JSONError, ValueError) as error:
            raise TransferError(f"{where} is not the JSON that it should be. {AGAIN}") from error


@contextmanager
def open_export(path: Path) -> Iterator[Export]:
    """Open an export and look it over. Raises TransferError."""
    try:
        with open_zip(path) as archive:
            yield Export(path, archive)
    except OSError as error:
        raise TransferError(f"{path} cannot be read: {error.strerror or error}.") from error


def _folders(path: Path, infos: list[zipfile.ZipInfo]) -> list[Folder]:
    """Give what there is of each conversation. Raises TransferError for what GroupMe never made."""
    folders: dict[str, Folder] = {}
    for info in infos:
        name = info.filename
        if len(name) > MAX_NAME or not name.isprintable() or name.startswith("/") or ".." in name.split("/"):
            raise TransferError(f"{path} has a file whose name leads elsewhere: {name[:80]!r}. Do not trust it.")
        found = _PART.fullmatch(name) or _PICTURE.fullmatch(name)
        if not found or info.is_dir():
            continue
        place = found["path"] or ""
        folder = folders.setdefault(place, Folder(place.rpartition("/")[2]))
        if found.re is _PART:
            folder.parts[found["kind"]] = info
        else:
            folder.pictures[found["name"]] = info
    conversations = [folder for folder in folders.values() if "message" in folder.parts]
    if not conversations:
        raise TransferError(f"{path} has no message.json in it, so it is no data export of GroupMe.")
    return conversations


# JSON, a value at a time


class TooLargeError(Exception):
    """One value has more bytes than anything of GroupMe's."""


class Source:
    """A file that is read in pieces, and only so far between two `rest`s."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = self._left = most
        self._begun = False

    def rest(self) -> None:
        """Begin to count anew."""
        self._left = self._most

    def read(self, size: int = -1) -> bytes:
        """Read a piece. Raises TooLargeError."""
        if self._left < 0:
            raise TooLargeError
        data = self._file.read(min(size, PIECE) if size >= 0 else PIECE)
        self._left -= len(data)
        if not self._begun:
            self._begun = True
            data = data.removeprefix(b"\xef\xbb\xbf")
        return data


class _TooMuch:
    """Stands for a value that is too deep or has too many parts."""


TOO_MUCH = _TooMuch()


def _events(source: Source) -> Iterator[tuple[str, Any]]:
    """Give what the parser finds. Raises JSONError also for numbers that no 64 bits hold.

    Without `use_float` the parser makes Python integers of any length, and a crash of those with thousands of digits.
    """
    found: Iterator[tuple[str, Any]] = ijson.basic_parse(source, buf_size=PIECE, use_float=True)
    return found


def _document(source: Source) -> Any:
    events = _events(source)
    event, value = next(events)
    found = _build(event, value, events, MAX_DOCUMENT)
    for _ in events:
        pass  # raises when there is more
    return found


def _elements(source: Source) -> Iterator[Any]:
    events = _events(source)
    event, _ = next(events)
    if event != "start_array":
        raise ValueError("not an array")
    for event, value in events:
        if event == "end_array":
            break
        source.rest()
        yield _build(event, value, events, MAX_NODES)
    for _ in events:
        pass  # raises when there is more


def _build(event: str, value: Any, events: Iterator[tuple[str, Any]], most: int) -> Any:
    """Give the value that begins with this event; TOO_MUCH for one that is absurd, of which nothing is kept."""
    if event not in ("start_map", "start_array"):
        return _scalar(value)
    top: Any = {} if event == "start_map" else []
    stack, place, key, nodes, depth = [top], top, "", 0, 1
    for event, value in events:  # noqa: PLR1704 - the next one
        if event == "map_key":
            key = value if "\0" not in value else value.replace("\0", "")
            continue
        if event in ("end_map", "end_array"):
            depth -= 1
            if depth == 0:
                return top if top is not None else TOO_MUCH
            if top is not None:
                stack.pop()
                place = stack[-1]
            continue
        opens = event in ("start_map", "start_array")
        depth += opens
        nodes += 1
        if top is None:
            continue
        if nodes > most or depth > MAX_DEPTH:
            top, place, stack = None, None, []
            continue
        new: Any = ({} if event == "start_map" else []) if opens else _scalar(value)
        if isinstance(place, dict):
            place[key] = new
        else:
            place.append(new)
        if opens:
            stack.append(new)
            place = new
    raise ValueError("cut off")


def _scalar(value: Any) -> Any:
    """Give a value that every database keeps."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "")
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return value
