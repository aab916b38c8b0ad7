"""Starting, measuring and ending the servers under test, each a process on its own core."""

from __future__ import annotations

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import bare, world

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
FILES: Final = 20_000
START_LIMIT: Final = 30.0
STOP_LIMIT: Final = 15.0
INSTALL_LIMIT: Final = 180.0
TICK: Final = os.sysconf("SC_CLK_TCK")

# What the bench asks of the server beyond its defaults goes here: limits that one machine playing a crowd would meet.
SETTINGS: Final[Mapping[str, str]] = {}


class ServerError(Exception):
    """A server did not start, or ended by itself; the text has the end of its log."""


class Skipped(Exception):
    """A row needs something that is not on this machine; the text says what."""


@dataclass(frozen=True)
class Memory:
    """Memory of a process in KiB: Rss counts shared pages whole, Pss shares them out."""

    rss: int
    pss: int


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int
    path: str
    database: Path | None = None

    def processor(self) -> float:
        """Give the seconds of processor time used so far, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> Memory:
        """Give the memory in use now."""
        values: dict[str, int] = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, _, value = line.partition(":")
            values[name] = int(value.split()[0])
        return Memory(values["Rss"], values["Pss"])

    def settle(self, limit: float = 20.0) -> None:
        """Wait until the server has nothing left to do: at most one tick of the clock in 0.2 s, that is 5 %."""
        deadline = time.monotonic() + limit
        while True:
            before = self.processor()
            time.sleep(0.2)
            if self.processor() - before <= 1.5 / TICK:
                return
            if time.monotonic() > deadline:
                raise ServerError(f"the server is still busy after {limit:g} s")


def machine_processor() -> float:
    """Give the seconds of processor time that the whole machine has used since it started, all cores."""
    user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().partition("\n")[0].split()[1:8]
    return sum(map(int, (user, nice, system, *interrupts))) / TICK


def prepare() -> None:
    """Pin this process to the core of the load and let it and its servers open enough files."""
    pin(LOAD_CORE)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def pin(core: int) -> None:
    """Pin this process (and what it starts from now on) to a core, where there are two."""
    if (os.cpu_count() or 1) >= 2:
        os.sched_setaffinity(0, {core})


def free_port() -> int:
    """Give a port of the loopback that was free a moment ago, outside of the range of clients' ports."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in range(low - 1, 1024, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerError("no free port")


@contextmanager
def hubbub(directory: Path, *, own: bool = True) -> Iterator[Server]:
    """Run Hubbub with a fresh database, and the world of the benchmark unless it shall have its own; then end it."""
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-", dir=directory) as name:
        home = Path(name)
        config = home / "world.json"
        config.write_text(json.dumps(world.configuration()))
        port = free_port()
        database = home / "bench.db"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")},
            "HUBBUB_HOST": "127.0.0.1",
            "HUBBUB_PORT": str(port),
            "HUBBUB_DATABASE": f"sqlite:///{database}",
            **SETTINGS,
        }
        program = [sys.executable, "-m", "hubbub"]
        log = home / "log"
        if own:
            with log.open("wb") as output:
                done = subprocess.run(
                    [*program, "world", "import", str(config), "--replace"],
                    env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60,
                    check=False,
                )  # fmt: skip
            if done.returncode:
                raise ServerError(f"the import of the world ended with {done.returncode}:\n{tail(log)}")
        with process([*program, "serve"], environment, home, log, lambda: healthy(port)) as pid:
            yield Server(pid, port, world.PATH, database)


@contextmanager
def limit(directory: Path, size: int) -> Iterator[Server]:
    """Run the bare server with frames of `size` bytes, and end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-", dir=directory) as name:
        home = Path(name)
        port = free_port()
        command = [sys.executable, str(Path(bare.__file__).resolve()), str(port), str(size)]
        with process(command, os.environ, home, home / "log", lambda: accepts(port)) as pid:
            yield Server(pid, port, "/")


@contextmanager
def node(directory: Path, version: int) -> Iterator[Server]:
    """Run Node's socket.io for a version of Engine.IO, and end it afterwards. Raises Skipped when there is no Node."""
    script = install_node()
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-", dir=directory) as name:
        home = Path(name)
        port = free_port()
        environment = {**os.environ, "NODE_ENV": "production"}
        command = ["node", str(script), str(port), str(version)]
        with process(command, environment, home, home / "log", lambda: accepts(port)) as pid:
            yield Server(pid, port, "/")


def install_node() -> Path:
    """Give the script of Node's server, with what it needs beside it. Raises Skipped when that cannot be had."""
    home = Path(bare.__file__).resolve().parent / "node"
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise Skipped(f"{' and '.join(missing)} cannot be found; with Node and npm in the PATH it would run")
    lock, installed = home / "package-lock.json", home / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        try:
            done = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Skipped(f"npm did not install Node's socket.io within {INSTALL_LIMIT:g} s") from None
        if done.returncode:
            raise Skipped(f"npm cannot install Node's socket.io: {' '.join(done.stderr.split())[:300]}")
    return home / "server.js"


@contextmanager
def process(
    command: Sequence[str], environment: Mapping[str, str], home: Path, log: Path, ready: Callable[[], bool]
) -> Iterator[int]:
    """Run a process on the core of the servers until the block ends; SIGTERM by its id, then SIGKILL."""
    with log.open("ab") as output:
        pin(SERVER_CORE)  # inherited, so that every thread of the server has it from its first moment
        try:
            child = subprocess.Popen(
                command, env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        finally:
            pin(LOAD_CORE)
    try:
        deadline = time.monotonic() + START_LIMIT
        while not ready():
            if child.poll() is not None:
                raise ServerError(f"{' '.join(command)} ended with {child.returncode}:\n{tail(log)}")
            if time.monotonic() > deadline:
                raise ServerError(f"{' '.join(command)} is not ready after {START_LIMIT:g} s:\n{tail(log)}")
            time.sleep(0.05)
        yield child.pid
        if child.poll() is not None:
            raise ServerError(f"{' '.join(command)} ended by itself with {child.returncode}:\n{tail(log)}")
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(STOP_LIMIT)


def healthy(port: int) -> bool:
    """Tell whether the health check answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthcheck/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts(port: int) -> bool:
    """Tell whether the port accepts connections."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def tail(log: Path) -> str:
    """Give the end of a log."""
    return log.read_text(errors="replace")[-3000:]
