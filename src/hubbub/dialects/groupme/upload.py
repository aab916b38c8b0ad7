"""Receiving what clients upload: bytes with nothing around them, whatever the headers call them, or a form."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO

from hubbub.core.error import Code, Unavailable
from hubbub.core.upload import UploadFile
from hubbub.dialects.groupme.caller import Caller
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.venueless.upload import MAX_FORM, PIECE, TIME, read_form
from hubbub.dialects.venueless.upload import RefusedError as FormRefusedError

Keep = Callable[[IO[bytes], Path], tuple[str, str, int]]
"""Puts a file into the media folder, in a thread; gives its path there, its media type and its size in bytes."""


async def receive(caller: Caller, keep: Keep) -> str:
    """Receive a file, keep it, note whose it is, and give its path. Raises RefusedError and HubbubError.

    Nothing is kept of what is refused.
    """
    desk, media = caller.desk, Path(caller.desk.settings.media)
    desk.uploads.take(caller.user.id)
    try:
        with tempfile.TemporaryFile() as file:
            async with asyncio.timeout(TIME.total_seconds()):
                await _read(caller, file)
            async with desk.drawing:
                path, kind, size = await asyncio.to_thread(keep, file, media)
    except TimeoutError:
        raise RefusedError(408, "The file did not come in time.") from None
    except OSError as error:
        raise Unavailable(Code.UNAVAILABLE, "The file could not be kept. Try again.") from error
    try:
        await caller.do(UploadFile(path=path, type=kind, size=size))
    except BaseException:
        await asyncio.to_thread((media / path).unlink, missing_ok=True)
        raise
    return path


async def _read(caller: Caller, file: IO[bytes]) -> None:
    most, kind = caller.desk.settings.max_upload, caller.request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        await _read_bytes(caller.request.stream(), file, most)
        return
    try:
        await read_form(caller.request.stream(), kind, file, most=most, field="")
    except FormRefusedError as error:
        raise _too_large(most) if str(error) == "file.size" else RefusedError(400, "The form has no file.") from None


async def _read_bytes(chunks: AsyncIterator[bytes], file: IO[bytes], most: int) -> None:
    size, waiting = 0, bytearray()
    async for chunk in chunks:
        size += len(chunk)
        if size > 2 * most + MAX_FORM:  # up to here we listen politely, so that the client hears why
            break
        if size <= most:
            waiting += chunk
        if len(waiting) >= PIECE:
            await asyncio.to_thread(file.write, bytes(waiting))
            waiting.clear()
    if size > most:
        raise _too_large(most)
    if not size:
        raise RefusedError(400, "Nothing was sent.")
    await asyncio.to_thread(file.write, bytes(waiting))


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"A file has at most {most} bytes.")
