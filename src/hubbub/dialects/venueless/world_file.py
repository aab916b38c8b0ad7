"""World configuration files, as Venueless' own tools write and read them: a world and its rooms as JSON.

The usual form has the world's own settings in `world`, beside `roles`, `trait_grants` and `rooms`:

    {"world": {"id": "sample", "title": "...", "domain": "...", "JWT_secrets": [...], ...}, "roles": {...},
     "trait_grants": {...}, "rooms": [{"id": "stage", "name": "...", "modules": [...], ...}]}

A flat form without `world` is read too, `config` may stand for the settings that are not id, title or domain, and
`module_config` for `modules`. A room's `id` is only the file's: it becomes the room's `import_id`. `picture` names a
placeholder of the original's own samples and is not read, as there; `picture_url` is ours.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from hubbub.core.error import Invalid
from hubbub.core.model import Room, World
from hubbub.core.permission import ALL, DEFAULT_ROLES, DEFAULT_TRAIT_GRANTS
from hubbub.core.room import MAX_ROOMS, RoomSettings, check_settings
from hubbub.core.world import SECRET_SETTINGS, ImportedRoom, ReplaceWorld, check_config, check_name, check_world

MAX_FILE = 64 * 1024 * 1024
"""Bytes of a file: a thousand rooms with as much in them as a room may have are no more."""
MAX_IMPORT_ID = 200

_PARTS = ("roles", "trait_grants", "rooms")
_OWN = frozenset({"id", "title", "domain", "config", *_PARTS})
"""Keys of `world` that are not settings."""


class WorldFileError(Exception):
    """A file is not a world; the text names the field that is wrong."""


class WorldFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says: the world's name, the command that makes a world so, and what was odd about the file."""

    name: str
    world: ReplaceWorld
    notes: tuple[str, ...] = ()


class _Secret(msgspec.Struct):
    issuer: str
    audience: str
    secret: str


class _Room(msgspec.Struct):
    id: str | int
    name: str
    description: str | None = None
    picture: Any = None
    picture_url: str | None = None
    pretalx_id: int | str | None = None
    trait_grants: dict[str, Any] | None = None
    force_join: bool | None = None
    modules: tuple[dict[str, Any], ...] | None = None
    module_config: tuple[dict[str, Any], ...] | None = None
    sorting_priority: int | None = None
    schedule_data: dict[str, Any] | None = None


# Reading


def read_world_file(data: bytes) -> WorldFile:
    """Read a file, and check all of it. Raises WorldFileError."""
    if len(data) > MAX_FILE:
        raise WorldFileError(f"it is larger than {MAX_FILE // 1024**2} MiB")
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise WorldFileError(f"it is not JSON ({error})") from None
    if not isinstance(whole, dict):
        raise WorldFileError("it is not a JSON object")
    world = _take(whole, "world", dict[str, Any]) if "world" in whole else whole
    notes = [f"{key}: unknown, ignored" for key in whole.keys() - {"world", "config", *_PARTS} if world is not whole]
    roles = _part(whole, world, "roles", dict[str, list[str]])
    grants = _part(whole, world, "trait_grants", dict[str, Any])
    rooms = _part(whole, world, "rooms", list[dict[str, Any]]) or []
    if len(rooms) > MAX_ROOMS:
        raise WorldFileError(f"rooms: at most {MAX_ROOMS}")
    name = _name(world)
    title = _take(world, "title", str | None) or name
    domain = _take(world, "domain", str | None) or ""
    config = _config(whole, world)
    _refuse(check_world({"title": title, "domain": domain}))
    _refuse(check_config(config, secrets=True))
    for role, names in (roles or {}).items():
        unknown = sorted(set(names) - ALL)
        notes += [f"roles.{role}: {permission!r} is no permission and does nothing" for permission in unknown]
    return WorldFile(
        name=name,
        world=ReplaceWorld(
            title=title,
            domain=domain,
            roles={role: list(names) for role, names in DEFAULT_ROLES.items()} if roles is None else roles,
            trait_grants={role: list(needs) for role, needs in DEFAULT_TRAIT_GRANTS.items()}
            if grants is None
            else grants,
            config=config,
            rooms=_rooms(rooms, notes),
        ),
        notes=tuple(sorted(notes)),
    )


def _name(world: dict[str, Any]) -> str:
    if "id" not in world:
        raise WorldFileError("world.id is missing: the world's name in addresses")
    name: str = _take(world, "id", str)
    try:
        check_name(name)
    except Invalid as error:
        raise WorldFileError(f"world.id: {error.message.removeprefix('name: ')}") from None
    return name


def _part(whole: dict[str, Any], world: dict[str, Any], key: str, kind: Any) -> Any:
    """Give what stands beside the world or in it; None when it is in neither."""
    return _take(whole if key in whole else world, key, kind | None)


def _config(whole: dict[str, Any], world: dict[str, Any]) -> dict[str, Any]:
    config = {key: value for key, value in world.items() if key not in _OWN}
    config |= _take(world, "config", dict[str, Any] | None) or {}
    config |= _take(whole, "config", dict[str, Any] | None) or {}
    if "JWT_secrets" in config:
        _take(config, "JWT_secrets", list[_Secret])
    return config


def _rooms(given: list[dict[str, Any]], notes: list[str]) -> tuple[ImportedRoom, ...]:
    known = set(_Room.__struct_fields__)
    rooms: dict[str, ImportedRoom] = {}
    for place, entry in enumerate(given):
        where = f"rooms[{place}]"
        room: _Room = _convert(entry, _Room, where)
        import_id = str(room.id)
        if not 0 < len(import_id) <= MAX_IMPORT_ID:
            raise WorldFileError(f"{where}.id: 1 to {MAX_IMPORT_ID} characters")
        if import_id in rooms:
            raise WorldFileError(f"{where}.id: another room has the id {import_id!r} too")
        settings = _settings(room, where)
        try:
            check_settings(settings.given())
        except Invalid as error:
            _refuse(dict(error.details or {}), f"{where}.")
        rooms[import_id] = ImportedRoom(import_id=import_id, settings=settings)
        notes += [f"{where}.{key}: unknown, ignored" for key in entry.keys() - known]
    return tuple(rooms.values())


def _settings(room: _Room, where: str) -> RoomSettings:
    return RoomSettings(
        name=room.name,
        description=room.description or "",
        picture=room.picture_url,
        trait_grants=room.trait_grants or {},
        modules=(room.module_config if room.modules is None else room.modules) or (),
        pretalx_id=_number(room.pretalx_id, f"{where}.pretalx_id"),
        force_join=bool(room.force_join),
        schedule_data=room.schedule_data,
        sorting_priority=msgspec.UNSET if room.sorting_priority is None else room.sorting_priority,
    )


def _number(value: int | str | None, where: str) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(value)
    except ValueError:
        raise WorldFileError(f"{where}: a number") from None


def _take(values: dict[str, Any], key: str, kind: Any) -> Any:
    where = f"world.{key}" if key in ("id", "title", "domain", "JWT_secrets") else key
    return _convert(values.get(key), kind, where)


def _convert(value: object, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        raise WorldFileError(f"{where}{path.rstrip('`')}: {what}") from None


def _refuse(wrong: dict[str, list[str]], where: str = "world.") -> None:
    for field, what in wrong.items():
        raise WorldFileError(f"{where}{field}: {', '.join(what)}")


# Writing


def write_world_file(world: World, rooms: Iterable[Room], *, secrets: bool = False) -> bytes:
    """Write a world that `read_world_file` reads back to the same, with its secrets only when asked to.

    A room that was not imported gets its id as its import id.
    """
    config = {key: value for key, value in world.config.items() if secrets or key not in SECRET_SETTINGS}
    about: dict[str, Any] = {"id": world.name, "title": world.title, "domain": world.domain}
    about |= {key: value for key, value in config.items() if key not in _OWN}
    if hidden := {key: value for key, value in config.items() if key in _OWN}:
        about["config"] = hidden
    whole = {
        "world": about,
        "roles": world.roles,
        "trait_grants": world.trait_grants,
        "rooms": [_write_room(room) for room in rooms],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _write_room(room: Room) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": room.import_id or str(room.id),
        "name": room.name,
        "description": room.description,
        "picture_url": room.picture,
        "pretalx_id": room.pretalx_id,
        "trait_grants": room.trait_grants,
        "force_join": room.force_join,
        "modules": room.modules,
        "sorting_priority": room.sorting_priority,
        "schedule_data": room.schedule_data,
    }
    return {key: value for key, value in fields.items() if value is not None}
