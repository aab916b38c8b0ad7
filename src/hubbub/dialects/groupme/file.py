"""Files of a group or a conversation, for its members alone (protocols/groupme.md 2.7).

Whatever they are, they leave as downloads. A message has a file by its id (`file_id`); what it is called is asked for
besides. Source of the shapes: groupme-js/GroupMeCommunityDocs, docs/files.md, and what clients read.
"""

import asyncio
import mimetypes
import re
import secrets
import shutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs

import msgspec
from litestar import Response

from hubbub.dialects.groupme.answer import CORS, Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.upload import receive
from hubbub.dialects.venueless.upload import PIECE, give, put

FOLDER = "_file"
"""In the media folder; no world is called so. In it a folder a conversation, in that a folder a file."""
MAX_NAME = 120
"""Bytes of a file's name."""
MAX_ASKED = 100
"""Files that are asked for at once."""
BINARY = "application/octet-stream"
PLACE = "/v1/{conversation:str}"

_ID = re.compile(r"[0-9a-f]{32}")


class Asked(msgspec.Struct, frozen=True):
    """Files that somebody wants to know of."""

    file_ids: list[str]


async def upload(caller: Caller) -> Reply:
    """Take a file. It is there at once, but clients ask how far it is."""
    room, name = caller.conversation(caller.path["conversation"]).id, clean_name(caller.query.get("name", ""))
    identity = secrets.token_hex(16)

    def keep(file: IO[bytes], media: Path) -> tuple[str, str, int]:
        def write(target: IO[bytes]) -> str:
            file.seek(0)
            shutil.copyfileobj(file, target, PIECE)
            return f"{FOLDER}/{room}/{identity}/{urlsafe_b64encode(name.encode()).decode().rstrip('=')}"

        path, size = put(media, write)
        return path, BINARY, size

    await receive(caller, keep)
    url = f"{caller.site}/v1/{caller.path['conversation']}/uploadStatus?job={identity}"
    return Reply(response={"status_url": url, "file_id": identity}, status=201, bare=True)


async def status(caller: Caller) -> Reply:
    """Say that a file is there."""
    identity = caller.query.get("job", "")
    await _find(caller, identity)
    return Reply(response={"status": "completed", "file_id": identity}, bare=True)


async def describe(caller: Caller) -> Reply:
    """Say what files are; those that are not there are left out."""
    folder, asked = _folder(caller), take(await caller.body(), Asked)
    if len(asked.file_ids) > MAX_ASKED:
        raise RefusedError(400, f"file_ids: at most {MAX_ASKED}")
    found = await asyncio.to_thread(lambda: {one: _only(folder, one) for one in asked.file_ids})
    return Reply(response=[_describe(one, path) for one, path in found.items() if path], bare=True)


def _describe(identity: str, path: Path) -> dict[str, Any]:
    name = _name(path)
    kind = mimetypes.guess_type(name)[0] or BINARY
    data = {"file_name": name, "file_size": path.stat().st_size, "mime_type": kind}
    return {"file_id": identity, "meta": 200, "file_data": data}


async def download(caller: Caller) -> Response[Any]:
    """Give a file. Of the token, browsers send a form."""
    if not caller.token and caller.request.method == "POST":
        form = parse_qs((await caller.request.body()).decode("utf-8", "replace"), max_num_fields=10)
        caller.show(form.get("access_token", [""])[0])
    path = await _find(caller, caller.path["file"])
    file = await asyncio.to_thread(path.open, "rb")
    answer = give(file, BINARY, range_=caller.request.headers.get("range", ""), name=_name(path))
    answer.headers["Access-Control-Allow-Origin"] = CORS["Access-Control-Allow-Origin"]
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


async def transcode(caller: Caller) -> Reply:
    """Refuse: nothing here can read films."""
    raise RefusedError(501, "Films are not converted here. Send the film as a file.")


def clean_name(name: str) -> str:
    """Make of what a client calls a file a name without a path that can be seen, no longer than MAX_NAME."""
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    if len(seen.encode()) > MAX_NAME:
        stem, dot, ending = seen.rpartition(".")
        kept = dot + ending if stem and len(ending.encode()) <= 10 else ""
        seen = (stem if kept else seen).encode()[: MAX_NAME - len(kept.encode())].decode("utf-8", "ignore") + kept
    return seen or "file"


def _folder(caller: Caller) -> Path:
    """Say where the files of the conversation are that was asked about. Raises RefusedError."""
    room = caller.conversation(caller.path["conversation"])
    return Path(caller.desk.settings.media) / FOLDER / str(room.id)


async def _find(caller: Caller, identity: str) -> Path:
    """Find a file of the conversation that was asked about. Raises RefusedError."""
    found = await asyncio.to_thread(_only, _folder(caller), identity)
    if found is None:
        raise RefusedError(404, "File not found")
    return found


def _only(folder: Path, identity: str) -> Path | None:
    own = folder / identity
    return next(own.iterdir(), None) if _ID.fullmatch(identity) and own.is_dir() else None


def _name(path: Path) -> str:
    return urlsafe_b64decode(path.name + "=" * (-len(path.name) % 4)).decode("utf-8", "replace")


ROUTES: tuple[Route, ...] = (
    post(f"{PLACE}/files", upload, large=True),
    get(f"{PLACE}/uploadStatus", status),
    post(f"{PLACE}/fileData", describe),
    get(f"{PLACE}/files/{{file:str}}", download),
    post(f"{PLACE}/files/{{file:str}}", download),
    post("/transcode", transcode, large=True),
)
