"""A community at the command line: exported, imported, refused."""

import stat
import zipfile

import pytest
from tests.cli.conftest import Shell

ELSEWHERE = ("--database", "sqlite:///elsewhere.db")


@pytest.fixture
def furnished(home: Shell) -> Shell:
    """A world with somebody in it and a room."""
    home.ok("user", "create", "ann", "--password", "-", "--role", "owner", typed="a pass phrase\n")
    home.ok("room", "create", "Lobby")
    return home


def test_a_community_moves_to_another_database(furnished: Shell) -> None:
    told = furnished.ok("export", "main.zip")
    assert told.startswith("main.zip is written: 0 messages, ")
    assert stat.S_IMODE((furnished.home / "main.zip").stat().st_mode) == 0o600
    told = furnished.ok("import", "community", "main.zip", *ELSEWHERE)
    assert told.startswith("The world main is there: 0 messages, ")
    for noun in ("world", "user", "room"):
        assert furnished.rows(noun, "list", *ELSEWHERE) == furnished.rows(noun, "list")
    assert furnished.ok("user", "token", "ann", *ELSEWHERE).count(".") == 2


def test_a_file_alone_is_a_community_and_can_have_another_name(furnished: Shell) -> None:
    furnished.ok("export", "main.zip", "--world", "main")
    assert "The world tiny is there" in furnished.ok("import", "main.zip", "--as", "tiny", *ELSEWHERE)
    assert furnished.rows("world", "list", *ELSEWHERE) == [["tiny", "Home", "", "1", "1"]]
    assert [row[3] for row in furnished.rows("room", "list", "--world", "tiny", *ELSEWHERE)] == ["Lobby"]


def test_an_import_is_refused_where_it_does_not_fit(furnished: Shell) -> None:
    furnished.ok("export", "main.zip")
    assert "here already: it is the world 'main'" in furnished.fails("import", "main.zip")
    furnished.ok("world", "create", "tiny", "--database", "sqlite:///elsewhere.db")
    assert "--as NAME" in furnished.fails("import", "main.zip", "--as", "tiny", *ELSEWHERE)
    assert "1 to 64 of" in furnished.fails("import", "main.zip", "--as", "No Spaces", *ELSEWHERE)
    assert [row[0] for row in furnished.rows("world", "list", *ELSEWHERE)] == ["tiny"]


def test_an_export_replaces_a_file_only_when_asked_to(furnished: Shell) -> None:
    file = furnished.file("mine", "main.zip")
    assert "--force" in furnished.fails("export", "main.zip")
    assert file.read_text() == "mine"
    furnished.ok("export", "main.zip", "--force")
    assert zipfile.is_zipfile(file)


def test_an_export_of_no_world_or_to_nowhere(furnished: Shell) -> None:
    assert "There are: main" in furnished.fails("export", "other.zip", "--world", "other")
    assert "Name a file in a folder" in furnished.fails("export", "no/where.zip")
    assert "hubbub serve" in furnished.fails("export", "main.zip", *ELSEWHERE)
    assert sorted(path.name for path in furnished.home.iterdir()) == ["hubbub.db"]


@pytest.mark.parametrize("content", ["", "dear diary"], ids=["empty", "diary"])
def test_a_bad_file_makes_no_database(shell: Shell, content: str) -> None:
    shell.file(content, "main.zip")
    assert "no zip file" in shell.fails("import", "main.zip")
    assert "No such file" in shell.fails("import", "community", "nowhere.zip")
    assert [path.name for path in shell.home.iterdir()] == ["main.zip"]


def test_an_export_has_people_and_the_hashes_of_their_passwords(furnished: Shell) -> None:
    furnished.ok("export", "main.zip")
    with zipfile.ZipFile(furnished.home / "main.zip") as archive:
        assert archive.testzip() is None
        assert b'"login":"ann"' in archive.read("user.jsonl")
        assert b"$argon2" in archive.read("credential.jsonl")


def test_a_word_that_is_no_source_is_told_so(shell: Shell) -> None:
    result = shell.run("import", "slack")
    assert result.exit_code == 2
    assert "No such command 'slack'" in result.stderr
