"""The world: how it is set up, and what organisers see of its past."""

import re
from typing import Any, Literal

import msgspec

from hubbub.core import permission
from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Invalid
from hubbub.core.event import ScheduleUpdated, WorldReplaced, WorldUpdated
from hubbub.core.model import AuditEntry, Room, World
from hubbub.core.push import is_private_key
from hubbub.core.room import RoomSettings, check_settings

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_CONFIG = 1_000_000
"""Bytes of JSON in a world's configuration."""


class Setting(msgspec.Struct, frozen=True):
    """A key of a world's configuration: what it may hold, and what it is when nobody has set it."""

    type: Any
    default: Any = None


SETTINGS: dict[str, Setting] = {
    "theme": Setting(dict[str, Any], {}),
    "bbb_defaults": Setting(dict[str, Any], {}),
    "pretalx": Setting(dict[str, Any], {}),
    "locale": Setting(str, "en"),
    "dateLocale": Setting(str, "en-ie"),
    "videoPlayer": Setting(dict[str, Any] | None),
    "timezone": Setting(str, "UTC"),
    "connection_limit": Setting(int | None, 0),
    "profile_fields": Setting(list[dict[str, Any]], []),
    "social_logins": Setting(list[Literal["gravatar", "twitter", "linkedin"]], []),
    "iframe_blockers": Setting(dict[str, Any], {"default": {"enabled": False, "policy_url": None}}),
    "track_exhibitor_views": Setting(bool, True),
    "track_room_views": Setting(bool, True),
    "track_world_views": Setting(bool, False),
    "onsite_traits": Setting(list[str], []),
    "conftool_url": Setting(str | None, ""),
    "conftool_password": Setting(str | None, ""),
    "user_list": Setting(dict[str, Any], {}),
    "trait_badges_map": Setting(dict[str, str], {}),
}
"""The keys that Venueless' organisers set (protocols/venueless.md 1.8), and where we read them from."""

SECRET_SETTINGS = frozenset({"JWT_secrets", "vapid_private_key", "conftool_password"})
"""Settings that are never audited, nor exported unless asked for."""

GUARDED_SETTINGS = ("JWT_secrets", "vapid_private_key")
"""Settings that only those who hold world:secrets see and set. `vapid_private_key` signs pushes (RFC 8292)."""


def setting(world: World, name: str) -> Any:
    """Give a setting of a world, or what it is when nobody has set it."""
    value = world.config.get(name)
    return SETTINGS[name].default if value is None else value


class GetWorldConfig(Command, frozen=True, kw_only=True):
    """Read the world's configuration as its organisers see it."""


class UpdateWorld(Command, frozen=True, kw_only=True):
    """Change what is given of the world. `config` is merged by key into the configuration."""

    title: str | None = None
    domain: str | None = None
    roles: dict[str, list[str]] | None = None
    trait_grants: dict[str, Any] | None = None
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    secrets: bool = False
    """The change comes from one who holds world:secrets, and may contain secrets."""


class ListAudit(Command, frozen=True, kw_only=True):
    """Read who changed what, newest first."""


class RefreshSchedule(Command, frozen=True, kw_only=True):
    """Let everybody fetch the timetable anew, from where it is now."""

    domain: str
    event: str


class ReplaceWorld(Command, frozen=True, kw_only=True):
    """Begin the world anew. Rooms keep their ids by their `import_id`, or else by their id; everything else goes."""

    title: str
    domain: str = ""
    roles: dict[str, list[str]]
    trait_grants: dict[str, Any]
    config: dict[str, Any]
    rooms: tuple["ImportedRoom", ...]


class ImportedRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A room as a world configuration file describes it."""

    import_id: str
    settings: RoomSettings


@handles(GetWorldConfig, "world:update", rate="read")
def do_get(act: Act, command: GetWorldConfig) -> World:
    """Give the world as it is."""
    return act.state.world


@handles(UpdateWorld, "world:update", rate="configure", events=(WorldUpdated, ScheduleUpdated))
def do_update(act: Act, command: UpdateWorld) -> World:
    """Check everything, then change it at once."""
    world = act.state.world
    if command.secrets:
        act.check("world:secrets")
    changes: dict[str, Any] = {
        name: value
        for name in ("title", "domain", "roles", "trait_grants")
        if (value := getattr(command, name)) is not None
    }
    wrong = check_config(command.config, secrets=command.secrets) | check_world(changes)
    if wrong:
        raise Invalid(Code.CONFIG_INVALID, details=wrong)
    if command.config:
        changes["config"] = {**world.config, **command.config}
    changed = msgspec.structs.replace(world, **changes)
    act.emit(WorldUpdated, config=changed)
    if changed.config.get("pretalx") != world.config.get("pretalx"):
        act.emit(ScheduleUpdated, config=changed)
    fields = sorted({*changes, *command.config} - {"config"})
    shown = {name: _of(changed, name) for name in fields if name not in SECRET_SETTINGS}
    act.audit("world.updated", {"fields": fields, "new": shown})
    return changed


def _of(world: World, name: str) -> Any:
    return getattr(world, name) if name in ("title", "domain", "roles", "trait_grants") else world.config.get(name)


def check_config(config: dict[str, Any], *, secrets: bool = False) -> dict[str, list[str]]:
    """Say what is wrong with settings, by key; keys that we do not know are kept as they are."""
    wrong: dict[str, list[str]] = {}
    for name, value in config.items():
        if name in SETTINGS and value is not None:
            try:
                msgspec.convert(value, SETTINGS[name].type)
            except msgspec.ValidationError as error:
                wrong[name] = [str(error)]
    if config.get("vapid_private_key") is not None and not is_private_key(config["vapid_private_key"]):
        wrong["vapid_private_key"] = ["a private key of P-256: its 32 bytes in base64url without padding"]
    for name in GUARDED_SETTINGS:
        if not secrets and name in config:
            wrong[name] = ["can only be set with the permission world:secrets"]
    limit = config.get("connection_limit")
    if isinstance(limit, int) and not 0 <= limit <= 10_000:
        wrong["connection_limit"] = ["0 (none) to 10000"]
    if len(msgspec.json.encode(config)) > MAX_CONFIG:
        wrong["config"] = [f"at most {MAX_CONFIG} bytes"]
    return wrong


def check_name(name: str) -> None:
    """Raise Invalid unless a world can have this name: it is part of addresses."""
    if not NAME.fullmatch(name):
        raise invalid("name", "1 to 64 of a to z, 0 to 9, - and _, beginning with a letter or digit")


def check_world(changes: dict[str, Any]) -> dict[str, list[str]]:
    """Say what is wrong with a world's title, roles and grants, by field."""
    wrong: dict[str, list[str]] = {}
    if "title" in changes and not 0 < len(changes["title"].strip()) <= 300:
        wrong["title"] = ["1 to 300 characters"]
    if len(changes.get("domain", "")) > 250:
        wrong["domain"] = ["at most 250 characters"]
    for role, names in changes.get("roles", {}).items():
        unknown = [name for name in names if name not in permission.ALL]
        if unknown:
            wrong.setdefault("roles", []).append(f"{role}: no such permission: {', '.join(unknown)}")
    return wrong


@handles(ListAudit, "world:update", rate="search")
async def do_list_audit(act: Act, command: ListAudit) -> list[AuditEntry]:
    """Give the newest thousand entries."""
    return await act.archive.audit(act.state.world.id)


@handles(RefreshSchedule, "world:api", rate="configure", events=(ScheduleUpdated,))
def do_refresh_schedule(act: Act, command: RefreshSchedule) -> None:
    """Note where the timetable is, and tell everybody."""
    world = act.state.world
    pretalx = {**(world.config.get("pretalx") or {}), "domain": command.domain, "event": command.event}
    changed = msgspec.structs.replace(world, config={**world.config, "pretalx": pretalx})
    act.emit(ScheduleUpdated, config=changed)


@handles(ReplaceWorld, "world:update", rate="configure", events=(WorldReplaced,))
def do_replace(act: Act, command: ReplaceWorld) -> World:
    """Check everything, then replace everything."""
    if not act.operator:
        act.deny()
    names = [imported.import_id for imported in command.rooms]
    if len(set(names)) < len(names):
        raise Invalid(Code.CONFIG_INVALID, details={"rooms": ["two rooms have the same id"]})
    known = {room.import_id or str(room.id): room.id for room in act.state.rooms.values()}
    world = msgspec.structs.replace(
        act.state.world,
        title=command.title,
        domain=command.domain,
        roles=command.roles,
        trait_grants=command.trait_grants,
        config=command.config,
        epoch=act.state.world.epoch + 1,
    )
    wrong = check_config(command.config, secrets=True) | check_world({"title": command.title})
    if wrong:
        raise Invalid(Code.CONFIG_INVALID, details=wrong)
    rooms = []
    for place, imported in enumerate(command.rooms):
        given = {"sorting_priority": place, **imported.settings.given()}
        check_settings(given)
        identity = known.get(imported.import_id) or act.new_id()
        rooms.append(Room(id=identity, world=world.id, import_id=imported.import_id, created=act.now, **given))
    act.emit(WorldReplaced, config=world, rooms=tuple(rooms))
    act.audit("world.replaced", {"rooms": len(rooms)})
    return world
