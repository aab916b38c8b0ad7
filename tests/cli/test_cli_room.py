"""Rooms at the command line."""

import json

import pytest
from tests.cli.conftest import Shell
from tests.golden.venueless.world import configuration


def test_rooms_are_made_and_listed_in_order(home: Shell) -> None:
    home.ok("room", "create", "Lobby", "--description", "Come in")
    home.ok("room", "create", "Lounge", "--lasting")
    home.ok("room", "create", "Gallery", "--no-chat")
    rows = home.rows("room", "list")
    assert [row[3:] for row in rows] == [
        ["Lobby", "chat.native (volatile)", "0"],
        ["Lounge", "chat.native", "0"],
        ["Gallery", "", "0"],
    ]
    (lobby, *_) = json.loads(home.ok("world", "export", "main"))["rooms"]
    assert lobby["description"] == "Come in"
    assert lobby["trait_grants"] == {"viewer": [], "participant": []}


def test_a_name_is_taken_once(home: Shell) -> None:
    home.ok("room", "create", "Lobby")
    assert "Choose another name" in home.fails("room", "create", "lobby ")
    assert home.fails("room", "create", " ") == "Name: 1 to 300 characters."


@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_a_role_in_a_room_that_is_named_in_any_way(shell: Shell, column: int) -> None:
    shell.ok("world", "import", shell.file(configuration("main")))
    shell.ok("user", "create", "ann")
    stage = next(row for row in shell.rows("room", "list") if row[2] == "stage")
    assert shell.ok("room", "grant", stage[column], "Ann", "moderator") == "ann has the role moderator in Main Stage.\n"
    assert "no longer" in shell.ok("room", "grant", f"{int(stage[0]):024x}", "ann", "moderator", "--take")


def test_what_is_not_there_is_told_with_where_to_look(home: Shell) -> None:
    home.ok("user", "create", "ann")
    assert "hubbub room list" in home.fails("room", "grant", "Lobby", "ann", "moderator")
    home.ok("room", "create", "Lobby")
    assert "hubbub user list" in home.fails("room", "grant", "Lobby", "bob", "moderator")
    assert "no such role; there are admin" in home.fails("room", "grant", "Lobby", "ann", "king")
    assert "There are: main" in home.fails("room", "list", "--world", "other")


def test_two_rooms_of_one_name_are_told_apart_by_id(shell: Shell) -> None:
    rooms = [{"id": "a", "name": "Twin"}, {"id": "b", "name": "Twin"}]
    shell.ok("world", "import", shell.file(configuration("main", rooms=rooms)))
    shell.ok("user", "create", "ann")
    told = shell.fails("room", "grant", "Twin", "ann", "moderator")
    assert all(row[0] in told for row in shell.rows("room", "list"))
