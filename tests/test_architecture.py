"""How the house is built: which way imports go, what is declared, how things are named."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from importlinter.api import read_configuration

import hubbub
from hubbub import core
from hubbub.core import permission
from hubbub.core.command import REGISTRY, Command, Spec
from hubbub.core.event import DURABLE, Event, event_types
from hubbub.core.eviction import RIGHTS
from hubbub.core.model import RECORDS, Record
from hubbub.live.community import LAZY
from hubbub.live.hub import CONCERNS
from hubbub.live.rate import DEFAULT_RATES

ROOT = Path(__file__).parent.parent
SOURCE = Path(hubbub.__file__).parent
UNLIMITED = {"free", "upload"}
"""Rate classes without a limit on connections: leaving must always work; uploads are limited where they come in."""

for _module in pkgutil.iter_modules(core.__path__, "hubbub.core."):
    importlib.import_module(_module.name)  # registers its commands


# Imports


def lint(folder: Path, config: str) -> subprocess.CompletedProcess[str]:
    file = folder / "importlinter.toml"
    file.write_text(config, "utf-8")
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--config", file, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_imports_go_one_way(tmp_path: Path) -> None:
    config = (ROOT / "pyproject.toml").read_text("utf-8")
    done = lint(tmp_path, config[config.index("[tool.importlinter]") :])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_linter_notices_imports_the_wrong_way(tmp_path: Path) -> None:
    for name, text in (("__init__", ""), ("core", "import house.live"), ("live", "")):
        (tmp_path / "house").mkdir(exist_ok=True)
        (tmp_path / "house" / f"{name}.py").write_text(text, "utf-8")
    done = lint(
        tmp_path,
        """
        [tool.importlinter]
        root_package = "house"
        [[tool.importlinter.contracts]]
        name = "One way"
        type = "layers"
        layers = ["house.live", "house.core"]
        """,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "house.core is not allowed to import house.live" in done.stdout


def test_the_rule_is_the_one_of_the_design() -> None:
    contracts = {one["name"]: one for one in read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]}
    assert [layer.replace("hubbub.", "") for layer in contracts["Imports go one way"]["layers"]] == [
        "cli",
        "app",
        "web",
        "dialects | transfer",
        "live",
        "store | bus | media",
        "core",
    ]
    wire = contracts["The wire imports nothing of ours"]
    assert {"hubbub.core", "hubbub.live", "hubbub.store", "hubbub.dialects"} <= set(wire["forbidden_modules"])
    core = contracts["The core has no I/O"]
    assert {"asyncio", "socket", "time", "random", "secrets"} <= set(core["forbidden_modules"])


# Names


def test_no_module_is_a_drawer_for_everything() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    paths = [path.relative_to(SOURCE) for path in SOURCE.rglob("*")]
    assert len(paths) > 40
    assert [path for path in paths if vague & {path.stem, *path.parts}] == []


# Commands


def commands() -> Iterator[type[Command]]:
    pending = list(Command.__subclasses__())
    while pending:
        kind = pending.pop()
        yield kind
        pending.extend(kind.__subclasses__())


def test_every_command_has_a_handler() -> None:
    assert [kind.__name__ for kind in commands() if kind not in REGISTRY] == []
    assert len(REGISTRY) > 40


@pytest.mark.parametrize("spec", REGISTRY.values(), ids=lambda spec: spec.command.__name__)
def test_a_command_is_declared_with_what_there_is(spec: Spec) -> None:
    assert set(spec.permission) <= permission.ALL
    assert spec.rate in DEFAULT_RATES or spec.rate in UNLIMITED
    assert set(spec.events) <= set(event_types().values())
    assert len(set(spec.events)) == len(spec.events)
    assert get_type_hints(spec.handler)["command"] is spec.command
    assert spec.command.__doc__
    if spec.before_login:
        assert spec.permission == ()
        assert spec.rate in ("login", "free")
    if "room" in spec.command.__struct_fields__:
        assert all(name.startswith("room:") for name in spec.permission)


def test_what_is_open_to_everybody_is_open_on_purpose() -> None:
    """Belonging to a conversation, or being somebody at all, is what these need; their handlers say so."""
    free = {spec.command.__name__ for spec in REGISTRY.values() if not spec.permission and not spec.before_login}
    assert free == {
        "EnterRoom",
        "JoinRoom",
        "UnlockRoom",
        "LeaveRoom",
        "LeaveChat",
        "UnsubscribeChat",
        "SearchUsers",
        "SearchMessages",
        "ListBlocked",
        "BlockUser",
        "UnblockUser",
        "ListIgnored",
        "StopIgnoring",
        "JoinGroup",
        "RejoinGroup",
        "LeaveGroup",
        "MuteGroup",
        "ListFormer",
        "ListDirects",
        "ListGroups",
        "DescribeGroups",
        "ListOwnRequests",
        "WithdrawJoinRequest",
        "ListenEverywhere",
        "UpdateBot",
        "RemoveBot",
        "ListBots",
        "CheckBot",
    }


def test_no_rate_class_is_for_nothing() -> None:
    assert set(DEFAULT_RATES) - {"default"} <= {spec.rate for spec in REGISTRY.values()} | {"search"}


# Events


def records_of(annotation: object) -> set[type[Record]]:
    inner = getattr(annotation, "__args__", ())
    if isinstance(annotation, type) and annotation in RECORDS:
        return {annotation}
    return {record for one in inner for record in records_of(one)}


@pytest.mark.parametrize("kind", DURABLE, ids=lambda kind: kind.__name__)
def test_a_durable_event_names_fields_that_hold_records(kind: type[Event]) -> None:
    hints = get_type_hints(kind)
    for name in (*kind.WRITES, *kind.ERASES):
        assert name in kind.__struct_fields__
        assert records_of(hints[name]), f"{kind.__name__}.{name}"


def test_events_are_durable_or_ephemeral() -> None:
    for kind in event_types().values():
        assert kind.durable() == (kind in DURABLE) == bool(kind.WRITES or kind.ERASES)
        if not kind.JOURNALLED:
            assert kind.durable(), f"{kind.__name__} is told to nobody later anyway"


def test_every_event_comes_of_something() -> None:
    declared = {kind for spec in REGISTRY.values() for kind in spec.events}
    elsewhere = {"Audited", "WorldCreated", "ReactionsCounted"}  # of every change, of the community, of a timer
    assert {kind.__name__ for kind in event_types().values() if kind not in declared} == elsewhere


def test_tables_of_events_name_events_that_are_what_they_must_be() -> None:
    assert all(kind.durable() for kind in LAZY)
    assert not any(kind.JOURNALLED for kind in LAZY), "what others replay is waited for"
    assert all(kind.durable() for kind in RIGHTS)
    assert set(CONCERNS) <= set(event_types().values())


def test_events_survive_the_journal() -> None:
    kinds = tuple(event_types().values())
    assert len({msgspec.inspect.type_info(kind).tag for kind in kinds}) == len(kinds)  # type: ignore[attr-defined]


# Permissions


def test_the_46_of_venueless() -> None:
    assert len(permission.VENUELESS) == len(set(permission.VENUELESS)) == 46
    assert set(permission.VENUELESS) <= permission.ALL
