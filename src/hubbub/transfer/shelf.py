"""Files on their way into the media folder: they stay if all goes well, and are gone again if it does not."""

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from hubbub.transfer.error import TransferError
from hubbub.transfer.manifest import File

PIECE = 262_144


def sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power cut, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Shelf:
    """Put files into the media folder; on leaving they are removed, unless they were to be kept.

    What was there before is never changed. A process that is killed leaves files behind, which nothing points to.
    """

    def __init__(self, media: Path) -> None:
        self._media = media
        self._made: list[Path] = []
        self._folders: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in reversed(self._made):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)

    def put(self, file: File, source: IO[bytes]) -> None:
        """Copy a file to where its path says, which is one that `manifest.PATH` allows.

        Raises TransferError when the contents are not as `file` says or something else is there; OSError.
        """
        target = self._media / file.path
        self._make(target.parent)
        with tempfile.NamedTemporaryFile(dir=self._media, prefix=".incoming-", delete=False) as copy:
            try:
                digest, size = hashlib.sha256(), 0
                while piece := source.read(PIECE):
                    digest.update(piece)
                    size += copy.write(piece)
                if (size, digest.hexdigest()) != (file.bytes, file.sha256):
                    raise TransferError(f"{file.path} is damaged. Copy the export here again.")
                if target.exists():
                    self._check_same(target, file)
                    Path(copy.name).unlink()
                    return
                copy.flush()
                os.fsync(copy.fileno())
                Path(copy.name).rename(target)
            except BaseException:
                Path(copy.name).unlink(missing_ok=True)
                raise
        self._made.append(target)
        self._folders.add(target.parent)

    def sync(self) -> None:
        """Let all that was put here survive a power cut."""
        for folder in self._folders:
            sync_folder(folder)

    def keep(self) -> None:
        """Let the files stay."""
        self._made.clear()

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            self._make(folder.parent)
            folder.mkdir()
            self._made.append(folder)
            self._folders.add(folder.parent)

    @staticmethod
    def _check_same(target: Path, file: File) -> None:
        with target.open("rb") as there:
            if hashlib.file_digest(there, "sha256").hexdigest() != file.sha256:
                raise TransferError(
                    f"The media folder has another {file.path} already. Import into an empty one (`media` in the"
                    " settings), or move that file away if nothing here needs it."
                )
