"""A real Hubbub server in a process of its own, for suites that reach it over the network and the command line only."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_LIMIT = 30.0  # seconds; a cold start with migrations on a busy machine
STOP_LIMIT = 15.0
COMMAND_LIMIT = 60.0


class Server:
    """One `hubbub serve` with a database of its own under `directory`."""

    def __init__(self, directory: Path) -> None:
        self.port = _free_port()
        self.http_url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.directory = directory
        self._log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "HUBBUB_HOST": "127.0.0.1",
            "HUBBUB_PORT": str(self.port),
            "HUBBUB_DATABASE": f"sqlite:///{directory / 'hubbub.db'}",
        }

    def start(self) -> None:
        """Start the server and return when it says that it is healthy."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hubbub", "serve"],
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_LIMIT
        while not self._healthy():
            code = self._process.poll()
            assert code is None, f"hubbub serve ended with {code} before it was ready:\n{self.log()}"
            assert time.monotonic() < deadline, f"hubbub serve was not ready after {START_LIMIT} s:\n{self.log()}"
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask the server to end as an init system does, and return its exit code."""
        assert self._process is not None, "the server was never started"
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def kill(self, number: signal.Signals) -> None:
        """End the server at once, whatever it is doing."""
        assert self._process is not None, "the server was never started"
        self._process.send_signal(number)
        self._process.wait(STOP_LIMIT)

    def run(self, *arguments: str | Path) -> str:
        """Run `hubbub ARGUMENTS` beside the server and return what it printed; it must end well."""
        done = subprocess.run(
            [sys.executable, "-m", "hubbub", *map(str, arguments)],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )
        shown = " ".join(map(str, arguments))[:200]
        assert done.returncode == 0, f"hubbub {shown} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def browser(self) -> httpx.Client:
        """Return an HTTP client of this server that follows no redirect by itself."""
        return httpx.Client(base_url=self.http_url, trust_env=False, timeout=10, follow_redirects=False)

    def log(self) -> str:
        """Return the last lines that the server wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-40:])

    def _healthy(self) -> bool:
        try:
            response = httpx.get(f"{self.http_url}/healthcheck/", timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return response.status_code == 200 and response.text == "OK"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
