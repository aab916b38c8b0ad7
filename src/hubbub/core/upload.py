"""Files that people upload: the server keeps them, the core notes whose they are."""

from hubbub.core.command import Act, Command, handles
from hubbub.core.event import FileUploaded
from hubbub.core.model import Upload


class UploadFile(Command, frozen=True, kw_only=True):
    """Note a file that is stored already, under `path` in the media folder; `size` in bytes."""

    path: str
    type: str
    size: int


@handles(UploadFile, "world:view", rate="upload", events=(FileUploaded,))
def do_upload(act: Act, command: UploadFile) -> Upload:
    """Note whose file it is. The silenced may look and read, so they may not upload."""
    if not act.operator and act.state.moderation(act.actor.id, act.now) == "silenced":
        act.deny()
    upload = Upload(
        id=act.new_id(),
        world=act.state.world.id,
        user=act.by or None,
        path=command.path,
        type=command.type,
        size=command.size,
        at=act.now,
    )
    act.emit(FileUploaded, upload=upload)
    return upload
