"""Moving in and out: 80,000 messages out of GroupMe's export, into a file of our own, and back; then looked through.

Each step is the command line's, as an operator runs it, in a process of its own. The import is while a server runs on
the same database, which then answers the searches and the pages.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode

from bench import groupme_export, server
from bench.figure import Figure, Run
from bench.server import Server, ServerError

MESSAGES: Final = 80_000
TARGET: Final = 60.0
LIMIT: Final = 600.0
LOOK: Final = 0.02
"""Seconds between two looks at a command that runs."""
WORDS: Final = ("pizza", "the", "library game", '"see the game"')
OWNER: Final = "ada"


def run(how: Run) -> list[Figure]:
    """Measure the commands, each as often as repeats are asked for, and what the server answers afterwards."""
    messages = MESSAGES // 20 if how.quick else MESSAGES
    steps: dict[str, list[float]] = {name: [] for name in ("import", "again", "export", "back")}
    peaks: list[float] = []
    searches: list[float] = []
    pages: list[float] = []
    for _ in range(how.repeats(3)):
        with server.hubbub(how.directory, own=False) as hubbub:
            assert hubbub.database
            home = hubbub.database.parent
            groupme_export.write(home / "export.zip", groupme_export.talks(messages, 1, 3, 2))
            command(hubbub, "user", "create", OWNER, "--password", "-", told=b"bench of a password\n")
            takeover = ("import", "groupme", "export.zip", "--user", f"{groupme_export.user(0)}={OWNER}")
            seconds, peak = command(hubbub, *takeover)
            steps["import"].append(seconds)
            peaks.append(peak)
            steps["again"].append(command(hubbub, *takeover)[0])
            steps["export"].append(command(hubbub, "export", "community.zip")[0])
            fresh = {"HUBBUB_DATABASE": f"sqlite:///{home}/fresh.db", "HUBBUB_MEDIA": str(home / "fresh")}
            steps["back"].append(command(hubbub, "import", "community", "community.zip", environment=fresh)[0])
            token = output(hubbub, "user", "token", OWNER, "--access").split()[-1]
            with_searches, with_pages = look(hubbub, token, messages)
            searches.append(with_searches)
            pages.append(with_pages)
    what = f"{messages:,} messages"
    return [
        Figure("import of GroupMe's export", "s", steps["import"], TARGET, note=f"{what}, a server beside it"),
        Figure("memory of that import, at most", "MiB", peaks, note="all of the process"),
        Figure("the same import again", "s", steps["again"], note="nothing is new"),
        Figure("export of the community", "s", steps["export"], note=what),
        Figure("import of the community", "s", steps["back"], note="into a fresh database"),
        Figure("search over all of it", "ms", searches, note="through REST, median of words and phrases"),
        Figure("reading back, 100 a page", "messages per s", pages, note="through REST, one request after another"),
    ]


def command(
    hubbub: Server, *arguments: str, told: bytes = b"", environment: dict[str, str] | None = None
) -> tuple[float, float]:
    """Run a command of the command line to its end; give its seconds, and the memory that it had at most in MiB."""
    began = time.perf_counter()
    with subprocess.Popen(**_process(hubbub, arguments, environment or {})) as process:
        assert process.stdin
        process.stdin.write(told)
        process.stdin.close()
        peak = 0.0
        while process.poll() is None:
            peak = memory(process.pid) or peak
            time.sleep(LOOK)
        if process.returncode:
            assert process.stderr
            raise ServerError(
                f"hubbub {' '.join(arguments)} ended with {process.returncode}: {process.stderr.read()!r}"
            )
    return time.perf_counter() - began, peak


def memory(pid: int) -> float:
    """Give what a process had at most until now, in MiB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    most = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(most.split()[1]) / 1024


def output(hubbub: Server, *arguments: str) -> str:
    """Run a command of the command line and give what it printed."""
    done = subprocess.run(**_process(hubbub, arguments, {}), timeout=LIMIT, check=True)
    return str(done.stdout.decode())


def _process(hubbub: Server, arguments: tuple[str, ...], environment: dict[str, str]) -> dict[str, Any]:
    home = Path(hubbub.database or ".").parent
    settings = {
        "HUBBUB_DATABASE": f"sqlite:///{hubbub.database}",
        "HUBBUB_MEDIA": str(home / "hubbub-media"),
    }
    return {
        "args": [sys.executable, "-m", "hubbub", *arguments],
        "cwd": home,
        "env": {**os.environ, **settings, **environment},
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


def look(hubbub: Server, token: str, messages: int) -> tuple[float, float]:
    """Search and read back; give the milliseconds of a search, and the messages that are read in a second."""
    connection = http.client.HTTPConnection("127.0.0.1", hubbub.port, timeout=LIMIT)

    def ask(path: str, **query: str) -> Any:
        connection.request("GET", f"{path}?{urlencode(query)}", headers={"X-Access-Token": token})
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body)["response"] if answer.status == 200 else None

    times: list[float] = []
    ask("/v3/search", q=WORDS[0])  # the first brings the index up to date
    for word in WORDS * 10:
        began = time.perf_counter()
        ask("/v3/search", q=word, limit="20")
        times.append(time.perf_counter() - began)
    groups = [group["id"] for group in ask("/v3/groups", omit="memberships")]
    count, began = 0, time.perf_counter()
    for group in groups:
        before: dict[str, str] = {}
        while page := ask(f"/v3/groups/{group}/messages", limit="100", **before):
            count += len(page["messages"])
            before = {"before_id": page["messages"][-1]["id"]}
    took = time.perf_counter() - began
    if count < messages // 2:
        raise ServerError(f"only {count} of {messages} messages could be read back")
    return median(times) * 1000, count / took
