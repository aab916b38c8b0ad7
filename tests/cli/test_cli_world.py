"""Worlds at the command line: made, listed, imported, replaced, exported."""

import json
import stat
from typing import Any

import pytest
from tests.cli.conftest import Shell
from tests.golden.venueless.world import configuration


def test_a_world_is_made_and_listed(shell: Shell) -> None:
    told = shell.ok("world", "create", "demo", "--title", "A demo")
    assert "hubbub user create admin --role owner --world demo" in told
    shell.ok("world", "create", "other")
    assert shell.rows("world", "list") == [["demo", "A demo", "", "0", "0"], ["other", "Other", "", "0", "0"]]


def test_a_world_is_made_once(home: Shell) -> None:
    assert "hubbub world list" in home.fails("world", "create", "main")


def test_a_bad_name_makes_no_database(shell: Shell) -> None:
    assert shell.fails("world", "create", "No Spaces").startswith("Name: 1 to 64 of")
    assert list(shell.home.iterdir()) == []


def test_listing_without_a_database_makes_none(shell: Shell) -> None:
    assert "hubbub serve" in shell.fails("world", "list")
    assert list(shell.home.iterdir()) == []


def test_names_cannot_write_to_the_terminal(home: Shell) -> None:
    home.ok("world", "create", "evil", "--title", "a\x1b[2J\tb\nc")
    assert ["evil", "a [2J b c", "", "0", "0"] in home.rows("world", "list")


def test_an_export_reads_back_to_the_same(shell: Shell) -> None:
    original = configuration(
        "golden", settings={"domain": "golden.example", "connection_limit": 3, "config": {"id": 7}}
    )
    original["rooms"][1] |= {"schedule_data": {"session": 5}, "force_join": True, "picture_url": "/media/a.png"}
    shell.ok("world", "import", shell.file(original))
    first = shell.ok("world", "export", "golden", "--with-secrets")
    exported = json.loads(first)
    assert exported["world"]["connection_limit"] == 3
    assert exported["world"]["config"] == {"id": 7}
    assert exported["world"]["JWT_secrets"] == original["world"]["JWT_secrets"]
    assert exported["roles"] == original["roles"]
    assert exported["trait_grants"] == original["trait_grants"]
    assert [room["id"] for room in exported["rooms"]] == [room["id"] for room in original["rooms"]]
    exported["world"]["id"] = "copy"
    shell.ok("world", "import", shell.file(exported))
    assert json.loads(shell.ok("world", "export", "copy", "--with-secrets")) == exported


def test_secrets_are_exported_only_when_asked_for(home: Shell) -> None:
    file = home.home / "out.json"
    home.ok("world", "export", "main", file)
    assert "JWT_secrets" not in file.read_text()
    assert "vapid" not in file.read_text()
    home.ok("world", "export", "main", file, "--with-secrets")
    assert "JWT_secrets" in file.read_text()
    assert len(json.loads(file.read_text())["world"]["vapid_private_key"]) == 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_replacing_needs_to_be_asked_for(shell: Shell) -> None:
    file = shell.file(configuration("golden"))
    shell.ok("world", "import", file)
    assert "--replace" in shell.fails("world", "import", file)
    assert "5 rooms" in shell.ok("world", "import", file, "--replace")


def test_a_replaced_world_keeps_room_ids_and_loses_its_people(shell: Shell) -> None:
    config = configuration("golden")
    shell.ok("world", "import", shell.file(config))
    shell.ok("room", "create", "Made here", "--world", "golden")
    shell.ok("user", "create", "ann", "--world", "golden")
    before = shell.rows("room", "list", "--world", "golden")
    exported = shell.ok("world", "export", "golden", "--with-secrets")
    shell.ok("world", "import", shell.file(exported), "--replace")
    after = shell.rows("room", "list", "--world", "golden")
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert shell.rows("user", "list", "--world", "golden") == []


@pytest.mark.parametrize("explicit", [False, True])
def test_a_file_without_secrets_leaves_the_worlds_own(home: Shell, explicit: bool) -> None:
    before = json.loads(home.ok("world", "export", "main", "--with-secrets"))
    changed = json.loads(home.ok("world", "export", "main"))
    if explicit:
        changed["world"]["JWT_secrets"] = []
    home.ok("world", "import", home.file(changed), "--replace")
    after = json.loads(home.ok("world", "export", "main", "--with-secrets"))
    assert after["world"]["JWT_secrets"] == ([] if explicit else before["world"]["JWT_secrets"])
    assert after["world"]["vapid_private_key"] == before["world"]["vapid_private_key"]


def test_a_file_may_bring_another_key_for_pushes(home: Shell) -> None:
    exported = json.loads(home.ok("world", "export", "main", "--with-secrets"))
    exported["world"]["vapid_private_key"] = other = "A" * 42 + "E"
    home.ok("world", "import", home.file(exported), "--replace")
    assert json.loads(home.ok("world", "export", "main", "--with-secrets"))["world"]["vapid_private_key"] == other


def test_an_imported_world_without_secrets_gets_one(shell: Shell) -> None:
    config = configuration("golden")
    del config["world"]["JWT_secrets"]
    shell.ok("world", "import", shell.file(config))
    shell.ok("user", "create", "ann", "--world", "golden")
    assert shell.ok("user", "token", "ann", "--world", "golden").count(".") == 2


def test_the_flat_form_is_read(shell: Shell) -> None:
    secret = {"issuer": "any", "audience": "flat", "secret": "x" * 32}
    chat = [{"type": "chat.native", "config": {"volatile": True}}]
    flat = {
        "id": "flat",
        "title": "Flat",
        "roles": {"attendee": ["world:view"]},
        "trait_grants": {"attendee": []},
        "config": {"JWT_secrets": [secret], "timezone": "Europe/Berlin"},
        "rooms": [{"id": 7, "name": "Seven", "module_config": chat, "pretalx_id": "130", "picture": "sample"}],
    }
    shell.ok("world", "import", shell.file(flat))
    exported = json.loads(shell.ok("world", "export", "flat", "--with-secrets"))
    assert exported["world"]["JWT_secrets"] == [secret]
    assert exported["world"]["timezone"] == "Europe/Berlin"
    (room,) = exported["rooms"]
    assert room["modules"] == chat
    assert (room["id"], room["pretalx_id"], room.get("picture_url")) == ("7", 130, None)


def test_odd_things_are_noted(shell: Shell) -> None:
    config = configuration("golden", roles={"dreamer": ["world:dream"]}, rooms=[{"id": "a", "name": "A", "colour": 1}])
    result = shell.run("world", "import", shell.file({**config, "users": []}))
    assert result.exit_code == 0
    notes = [line.partition(": ")[2] for line in result.stderr.splitlines()]
    assert notes == [
        "roles.dreamer: 'world:dream' is no permission and does nothing",
        "rooms[0].colour: unknown, ignored",
        "users: unknown, ignored",
    ]


ROOM = {"id": "a", "name": "A"}
BAD: list[tuple[Any, str]] = [
    ("{", "not JSON"),
    ("[" * 20_000, "not JSON"),
    ('{"world": {"id": NaN}}', "not JSON"),
    ('{"world": {"id": "a", "title": "\\ud800"}}', "not JSON"),
    ([], "not a JSON object"),
    ({"world": None}, "world:"),
    ({"world": {}}, "world.id is missing"),
    ({"world": {"id": 5}}, "world.id: Expected `str`"),
    ({"world": {"id": "Not This"}}, "world.id: 1 to 64"),
    ({"world": {"id": "a", "title": []}}, "world.title:"),
    ({"world": {"id": "a", "title": "x" * 301}}, "world.title: 1 to 300"),
    ({"world": {"id": "a", "connection_limit": "3"}}, "world.connection_limit:"),
    ({"world": {"id": "a", "JWT_secrets": [{"issuer": "a", "audience": "b"}]}}, "world.JWT_secrets[0]"),
    ({"world": {"id": "a", "vapid_private_key": "rubbish"}}, "world.vapid_private_key"),
    ({"world": {"id": "a"}, "roles": {"admin": "all"}}, "roles[...]:"),
    ({"world": {"id": "a"}, "trait_grants": []}, "trait_grants:"),
    ({"world": {"id": "a"}, "rooms": {}}, "rooms:"),
    ({"world": {"id": "a"}, "rooms": [{"id": "a"}]}, "rooms[0]: Object missing required field `name`"),
    ({"world": {"id": "a"}, "rooms": [ROOM, ROOM]}, "rooms[1].id: another room"),
    ({"world": {"id": "a"}, "rooms": [{**ROOM, "name": " "}]}, "rooms[0].name: 1 to 300"),
    ({"world": {"id": "a"}, "rooms": [{**ROOM, "pretalx_id": "x"}]}, "rooms[0].pretalx_id: a number"),
    ({"world": {"id": "a"}, "rooms": [{**ROOM, "pretalx_id": 2**40}]}, "rooms[0].pretalx_id: out of range"),
    ({"world": {"id": "a"}, "rooms": [{**ROOM, "modules": [{"config": {}}]}]}, "rooms[0].module_config:"),
    ({"world": {"id": "a"}, "rooms": [{**ROOM, "force_join": "yes"}]}, "rooms[0].force_join:"),
]


@pytest.mark.parametrize(("content", "named"), BAD, ids=[named for _, named in BAD])
def test_a_bad_file_is_named_with_its_field_and_nothing_is_imported(shell: Shell, content: Any, named: str) -> None:
    good, bad = shell.file(configuration("good"), "good.json"), shell.file(content, "bad.json")
    told = shell.fails("world", "import", good, bad)
    assert str(bad) in told
    assert named in told
    assert not (shell.home / "hubbub.db").exists()


def test_a_text_that_no_database_keeps_leaves_nothing_behind(home: Shell) -> None:
    config = configuration("golden", rooms=[ROOM, {"id": "b", "name": "B\0B"}])
    assert "cannot be stored" in home.fails("world", "import", home.file(config))
    assert [row[0] for row in home.rows("world", "list")] == ["main"]


def test_a_file_that_is_not_there(shell: Shell) -> None:
    assert "No such file" in shell.fails("world", "import", "nowhere.json")


def test_two_files_for_one_world(shell: Shell) -> None:
    one, two = (shell.file(configuration("golden"), name) for name in ("one.json", "two.json"))
    assert "More than one file" in shell.fails("world", "import", one, two)


def test_an_import_from_stdin(shell: Shell) -> None:
    assert "5 rooms" in shell.ok("world", "import", "-", typed=json.dumps(configuration("golden")))


def test_an_export_of_no_world_or_to_nowhere(home: Shell) -> None:
    assert "There are: main" in home.fails("world", "export", "other")
    assert "cannot be written" in home.fails("world", "export", "main", home.home / "no" / "file.json")
