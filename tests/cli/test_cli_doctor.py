"""What the doctor finds."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from tests.cli.conftest import Shell
from tests.golden.venueless.world import configuration


@pytest.fixture(autouse=True)
def free_port(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        monkeypatch.setenv("HUBBUB_PORT", str(probe.getsockname()[1]))


def findings(shell: Shell, code: int = 0) -> dict[str, list[str]]:
    """Let the doctor look, and give what was found by level."""
    result = shell.run("doctor")
    assert result.exit_code == code, result.output
    found: dict[str, list[str]] = {"ok": [], "warning": [], "problem": []}
    for line in result.stdout.splitlines():
        level, _, text = line.partition(" ")
        found[level].append(text.strip())
    return found


def test_before_the_first_start(shell: Shell) -> None:
    found = findings(shell)
    assert any("`hubbub serve` makes it" in line for line in found["ok"])
    assert found["problem"] == []
    assert list(shell.home.iterdir()) == []


def test_a_world_that_is_run_by_somebody(home: Shell) -> None:
    home.ok("user", "create", "ann", "--role", "owner")
    found = findings(home)
    assert any("undamaged" in line for line in found["ok"])
    assert any("World main has somebody who runs it" in line for line in found["ok"])
    assert not any("World" in line for line in found["warning"])


@pytest.mark.parametrize(
    ("settings", "grants", "told"),
    [
        ({"JWT_secrets": []}, {}, "has no JWT secret"),
        ({"JWT_secrets": []}, {}, "has nobody who runs it. `hubbub user create NAME --role ROLE --world main`"),
        ({"JWT_secrets": [{"secret": "short", "issuer": "a", "audience": "b"}]}, {}, "less than 32 bytes"),
        ({"JWT_secrets": [{"secret": "x" * 32, "issuer": "a", "audience": ""}]}, {}, "without issuer"),
        ({}, {"admin": []}, "gives everybody the role admin"),
    ],
)
def test_a_world_with_something_amiss(
    shell: Shell, settings: dict[str, object], grants: dict[str, object], told: str
) -> None:
    if told.find("without") >= 0:
        whole = {"secret": "y" * 32, "issuer": "a", "audience": "b"}
        settings = {"JWT_secrets": [whole, *settings["JWT_secrets"]]}  # type: ignore[misc]
    shell.ok("world", "import", shell.file(configuration("main", settings=settings, grants=grants)))
    assert any(told in line for line in findings(shell)["warning"])


def test_no_secret_is_shown(shell: Shell) -> None:
    config = configuration("main", settings={"JWT_secrets": [{"secret": "sesame", "issuer": "a", "audience": "b"}]})
    shell.ok("world", "import", shell.file(config))
    assert "sesame" not in json.dumps(findings(shell))


def test_a_database_that_others_can_read(home: Shell) -> None:
    (home.home / "hubbub.db").chmod(0o644)
    assert any("chmod 600" in line for line in findings(home)["warning"])


def test_a_file_that_is_no_database(shell: Shell) -> None:
    shell.file("x" * 5000, "hubbub.db").chmod(0o600)
    (problem,) = findings(shell, code=1)["problem"]
    assert problem.startswith("The database cannot be used")


def test_a_misspelt_variable(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_PROT", "80")
    assert any(line.startswith("HUBBUB_PROT is no setting") for line in findings(shell)["warning"])


def test_a_media_folder_that_is_a_file(shell: Shell) -> None:
    shell.file("", "hubbub-media")
    assert any("HUBBUB_MEDIA" in line for line in findings(shell, code=1)["problem"])


class Answer(BaseHTTPRequestHandler):
    body = b"OK"

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthcheck/" else 404)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody else's server on our port."""
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        monkeypatch.setenv("HUBBUB_PORT", str(server.server_port))
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("other")
def test_a_server_that_is_well(shell: Shell) -> None:
    assert any("says that it is well" in line for line in findings(shell)["ok"])


@pytest.mark.usefixtures("other")
def test_another_program_on_the_port(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answer, "body", b"<html>")
    assert any("in use" in line for line in findings(shell, code=1)["problem"])
