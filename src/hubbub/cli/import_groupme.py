"""`hubbub import groupme`: what people said at GroupMe, taken over from its data export."""

from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from hubbub.cli.error import Failure
from hubbub.cli.option import ConfigOption, DatabaseOption, WorldOption, read_settings
from hubbub.cli.output import clean, counting, note, say

if TYPE_CHECKING:
    from hubbub.core.state import WorldState
    from hubbub.settings import Settings
    from hubbub.transfer.groupme import Advance, Keep, Kept, Summary


def import_groupme(
    files: Annotated[list[Path], typer.Argument(metavar="EXPORT.zip...", help="What GroupMe gave, the oldest first.")],
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="GROUPMEID=LOGIN", help="Who of GroupMe has an account here; again for more."),
    ] = None,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Take over groups, direct conversations, polls and all that was said from GroupMe's own data export.

    The server may be running. Doing it again doubles nothing; a later export adds what is new.
    """
    import asyncio

    settings = read_settings(config, database=database, world=world)
    accounts = [_pair(text) for text in user or ()]
    with counting("Importing") as advance:
        done = asyncio.run(_import(settings, files, accounts, advance))
    for what, count in sorted(done.left_out.items()):
        note(f"Left out: {count} {clean(what)}")
    say(
        f"{done.added} messages are new in {settings.world}, {done.changed} were brought up to date, {done.kept} were"
        f" there: {done.groups} groups, {done.direct} direct conversations, {done.people} people, {done.polls} polls,"
        f" {done.pictures} pictures."
    )


def _pair(text: str) -> tuple[str, str]:
    foreign, sign, login = text.partition("=")
    if not sign or not foreign or not login:
        raise Failure(f"--user wants GROUPMEID=LOGIN, such as 12345678=ada; {text!r} is not.", 2)
    return foreign, login


async def _import(
    settings: "Settings", files: list[Path], accounts: list[tuple[str, str]], advance: "Advance"
) -> "Summary":
    from hubbub.cli.community import access_user, access_world, opened
    from hubbub.dialects.groupme.id import render_event, render_message
    from hubbub.transfer.error import TransferError
    from hubbub.transfer.groupme import import_exports
    from hubbub.transfer.groupme_message import Writing

    async with opened(settings) as community:
        state = access_world(community, settings.world)
        try:
            return await import_exports(
                community,
                state,
                files,
                accounts={foreign: access_user(state, login).id for foreign, login in accounts},
                keep=_keeper(settings, state),
                writing=Writing(render_message, render_event),
                advance=advance,
            )
        except TransferError as error:
            raise Failure(str(error)) from error


def _keeper(settings: "Settings", state: "WorldState") -> "Keep":
    """Give what draws pictures anew and puts them where uploads are."""
    from hubbub.dialects.venueless.upload import MEDIA, TYPES, Form, RefusedError, keep
    from hubbub.media.picture import MAX_SIDE
    from hubbub.transfer.groupme import Kept

    media, site = Path(settings.media), (settings.url or "").rstrip("/")

    def keep_picture(file: IO[bytes], name: str) -> "Kept | None":
        size = file.seek(0, 2)
        if size > settings.max_upload:
            return None
        # What it is, its contents say; the name only that it is to be a picture.
        form = Form(file=file, name="picture.png", size=size)
        try:
            path, size = keep(form, media, state.world.name, (MAX_SIDE, MAX_SIDE))
        except RefusedError:
            return None
        except OSError as error:
            raise Failure(f"A picture cannot be written to {media}: {error.strerror}. Make room, and go on.") from error
        return Kept(f"{site}{MEDIA}/{path}", path, TYPES[path.rpartition(".")[2]].name, size)

    return keep_picture
