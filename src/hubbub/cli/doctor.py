"""`hubbub doctor`: look at everything that a server needs, and say what to do about what is wrong."""

import asyncio
import http.client
import importlib.util
import os
import resource
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import typer

from hubbub.cli.error import Failure, explain
from hubbub.cli.option import ConfigOption, DatabaseOption, HostOption, PortOption, read_settings
from hubbub.cli.output import clean, waiting
from hubbub.settings import PREFIX, variables

if TYPE_CHECKING:
    from hubbub.core.state import WorldState
    from hubbub.settings import Settings

MINIMUM = (3, 11)
LEAST_FILES = 4096
"""Each connection is an open file; with fewer, a community of some thousands meets the limit."""
LEAST_SECRET = 32
"""Bytes: RFC 7518 3.2 asks for a key as long as the hash for HS256."""
PATIENCE = 3.0
"""Seconds that a server on our port may take to answer."""

LEGACY_LOGIN = (
    "dm.legacy_login is on: anybody can enter accounts that have no password by their id and name, which are public."
)

Level = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """One line: how it is, what was looked at, and what to do."""

    level: Level
    what: str
    advice: str = ""


def doctor(
    host: HostOption = None, port: PortOption = None, database: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Check the installation and say what to do."""
    settings = read_settings(config, host=host, port=port, database=database)
    found = [*check_program(), *check_settings(settings), *check_port(settings), *check_files(settings)]
    with waiting("Looking at the database"):
        found += asyncio.run(check_database(settings))
    for finding in found:
        colour = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}[finding.level]
        typer.echo(
            f"{typer.style(f'{finding.level:8}', fg=colour)} {clean(f'{finding.what} {finding.advice}').strip()}"
        )
    if any(finding.level == "problem" for finding in found):
        raise typer.Exit(1)


def check_program() -> Iterator[Finding]:
    """Look at Python, its fast parts and the limit of open files."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MINIMUM:
        yield Finding("ok", f"Python is {version}.")
    else:
        yield Finding("problem", f"Python is {version}.", "Hubbub needs 3.11: install it, and make .venv anew.")
    for name, level, loss in (
        ("httptools", "problem", "the server does not start without it"),
        ("uvloop", "warning", "the server is slower without it"),
    ):
        if importlib.util.find_spec(name):
            yield Finding("ok", f"{name} is installed.")
        else:
            advice = f"Install it with `pip install {name}`."
            yield Finding("problem" if level == "problem" else "warning", f"{name} is missing: {loss}.", advice)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= LEAST_FILES:
        files = "any number of" if hard == resource.RLIM_INFINITY else str(hard)
        yield Finding("ok", f"The server may have {files} open files, one for each connection.")
    else:
        yield Finding(
            "warning",
            f"The server may have {hard} open files, one for each connection.",
            "Raise the limit: LimitNOFILE=65536 for systemd, `ulimit -Hn 65536` in a shell.",
        )


def check_settings(settings: "Settings") -> Iterator[Finding]:
    """Look for HUBBUB_ variables that mean nothing, as if misspelt, and for what is switched on unsafely."""
    for name in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in variables()):
        yield Finding("warning", f"{name} is no setting of Hubbub.", "Mend or remove it; docs/settings.md lists all.")
    if settings.dm.legacy_login:
        yield Finding("warning", LEGACY_LOGIN, "Switch dm.legacy_login off as soon as no client needs it.")


def check_port(settings: "Settings") -> Iterator[Finding]:
    """Look whether the port is free, or whether a Hubbub answers there."""
    from hubbub.cli.listener import bind

    try:
        for one in bind(settings.host, settings.port):
            one.close()
    except Failure as error:
        if _healthy(settings.host, settings.port):
            yield Finding("ok", f"A server runs on port {settings.port} and says that it is well.")
        else:
            yield Finding("problem", str(error))
    else:
        yield Finding("ok", f"Port {settings.port} of {settings.host} is free: no server runs there now.")


def _healthy(host: str, port: int) -> bool:
    reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared
    connection = http.client.HTTPConnection(reached, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthcheck/")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and answer.read(10) == b"OK"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def check_files(settings: "Settings") -> Iterator[Finding]:
    """Look at the folder of uploaded files."""
    media = Path(settings.media).absolute()
    nearest = next((place for place in (media, *media.parents) if place.exists()), media)
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        made = "" if nearest == media else ", which is made with the first upload"
        yield Finding("ok", f"Uploaded files can be written to {media}{made}.")
    else:
        advice = f"Let this user write to {nearest}, or name another folder with HUBBUB_MEDIA."
        yield Finding("problem", f"Uploaded files cannot be written to {media}.", advice)


async def check_database(settings: "Settings") -> list[Finding]:
    """Look at the database and the worlds in it, without making or changing anything."""
    from hubbub.cli.community import database_file, open_store
    from hubbub.core.state import WorldState
    from hubbub.live.clock import SystemClock
    from hubbub.live.community import load

    try:
        file = database_file(settings)
        if file is None or not file.exists():
            where = file or "in memory"
            return [Finding("ok", f"The database {where} is not there yet: `hubbub serve` makes it.")]
        found = list(_check_mode(file))
        store = open_store(settings)
        await store.open(migrate=False)
        try:
            wrong = await store.check()
            found += [Finding("problem", text, "Restore the newest backup that is well.") for text in wrong]
            if not wrong:
                found.append(Finding("ok", f"The database {file} is of this version and undamaged."))
            now = SystemClock()()
            for world in await store.worlds():
                snapshot = await store.load_world(world.id)
                if snapshot:
                    state = WorldState(snapshot.world)
                    load(state, snapshot)
                    found += check_world(state, now)
        finally:
            await store.close()
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        return [Finding("problem", str(failure).replace("`hubbub doctor` says more.", "Check the file and its disk."))]
    return found


def _check_mode(file: Path) -> Iterator[Finding]:
    for one in (file, file.with_name(file.name + "-wal")):
        mode = stat.S_IMODE(one.stat().st_mode) if one.exists() else 0
        if mode & 0o077:
            advice = f"It holds everybody's messages: `chmod 600 {one}`."
            yield Finding("warning", f"Others on this machine can open {one}.", advice)
    if not os.access(file, os.W_OK) or not os.access(file.parent, os.W_OK):
        advice = f"Run Hubbub as the owner of {file} and its folder, or give it to this user with chown."
        yield Finding("problem", f"This user cannot write to {file}.", advice)


def check_world(state: "WorldState", now: datetime) -> Iterator[Finding]:
    """Look whether people can log in to a world, and whether somebody runs it."""
    from hubbub.core.signature import secrets_of

    name, secrets = state.world.name, secrets_of(state.world)
    whole = len(found) if isinstance(found := state.world.config.get("JWT_secrets"), list) else 0
    mend = f"`hubbub world export {name}` shows the form; a file with JWT_secrets is read by `hubbub world import`."
    if not secrets:
        yield Finding("warning", f"World {name} has no JWT secret: nobody logs in with a token.", mend)
    elif len(secrets) < whole:
        yield Finding("warning", f"World {name} has a JWT secret without issuer or audience.", mend)
    if any(len(secret["secret"].encode()) < LEAST_SECRET for secret in secrets):
        advice = "Whoever guesses it is anybody: use a random one, in the ticket system too."
        yield Finding("warning", f"World {name} has a JWT secret of less than {LEAST_SECRET} bytes.", advice)
    running = {role for role, names in state.world.roles.items() if "world:update" in names}
    everybody = sorted(role for role in running if state.world.trait_grants.get(role) == [])
    if everybody:
        advice = "An empty list means everybody: name a trait in trait_grants."
        yield Finding("warning", f"World {name} gives everybody the role {everybody[0]}.", advice)
    by_trait = secrets and any(state.world.trait_grants.get(role) for role in running)
    if not by_trait and not any("world:update" in state.permissions(user, now) for user in state.users.values()):
        advice = f"`hubbub user create NAME --role ROLE --world {name}` makes one; " + (
            f"roles that can: {', '.join(sorted(running))}." if running else "but no role has world:update."
        )
        yield Finding("warning", f"World {name} has nobody who runs it.", advice)
    else:
        yield Finding("ok", f"World {name} has somebody who runs it, and {len(state.ordered_rooms())} rooms.")
