"""Commands run as a person runs them, in a folder and with a database of their own."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hubbub.cli import app


class Shell:
    """A person at a command line in one folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._runner = CliRunner()

    def run(self, *arguments: object, typed: str | bytes | None = None) -> Result:
        """Run `hubbub ARGUMENTS`; an exception that no command handles fails the test."""
        result = self._runner.invoke(app, [str(argument) for argument in arguments], input=typed, prog_name="hubbub")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *arguments: object, typed: str | None = None) -> str:
        """Run a command that must end well, and give what it printed on stdout."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, f"hubbub {arguments} ended with {result.exit_code}: {result.output}"
        return result.stdout

    def fails(self, *arguments: object, code: int = 1, typed: str | None = None) -> str:
        """Run a command that must fail, and give its one line on stderr."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == code, f"hubbub {arguments} ended with {result.exit_code}: {result.output}"
        assert result.stdout == ""
        line = result.stderr.strip().splitlines()[-1]
        assert line.startswith("hubbub: "), result.stderr
        return line.removeprefix("hubbub: ")

    def rows(self, *arguments: object) -> list[list[str]]:
        """Run a command that lists something, and give the values of its lines."""
        return [line.split("\t") for line in self.ok(*arguments).splitlines()]

    def file(self, content: Any, name: str = "world.json") -> Path:
        """Write a file: text as it is, everything else as JSON."""
        path = self.home / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in [name for name in os.environ if name.startswith("HUBBUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


@pytest.fixture
def home(shell: Shell) -> Shell:
    """A shell beside a database with the world main."""
    shell.ok("world", "create", "main", "--title", "Home")
    return shell
