"""Settings of the server: defaults, a TOML file, HUBBUB_ variables, and command line options, each over the former."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec

from hubbub.dialects.dm.option import DmOptions
from hubbub.dialects.groupme.option import GroupmeOptions, is_callback
from hubbub.dialects.place import NAMES, Place
from hubbub.live.rate import DEFAULT_RATES, Rate

PREFIX = "HUBBUB_"
CONFIG_FILE = "hubbub.toml"
CONFIG_VARIABLE = "HUBBUB_CONFIG"
ENVIRONMENT = "the environment"
FILE_ONLY = ("rates", "dialects", "groupme")
"""Settings that no variable has."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server runs. Every field can be set in the TOML file, and by HUBBUB_ and its name in capitals."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all."""
    port: int = 8420
    database: str = "sqlite:///hubbub.db"
    """Where communities are kept: sqlite:///relative/path.db or sqlite:////absolute/path.db."""
    world: str = "main"
    """The world that is made at the first start, and that command line tools mean when none is named."""
    media: str = "hubbub-media"
    """Folder of uploaded files."""
    url: str = ""
    """How the server is reached from outside, such as https://chat.example.org; from the request when empty."""
    node: int = 0
    """0 to 15; different for every server on one database."""
    max_upload: int = 10 * 1024 * 1024
    """Bytes of one uploaded file."""
    max_message: int = 256 * 1024
    """Bytes of one WebSocket message from a client."""
    max_connections: int = 50_000
    """Connections at once."""
    max_connections_per_address: int = 20_000
    """Connections at once from one address. High, as everybody has the same address behind a proxy."""
    push: bool = True
    """Whether mentions and direct messages go to the browsers of people who are not connected."""
    push_allow_private: bool = False
    """Whether a push service may be at a private address, as in an intranet."""
    callbacks_allow_private: bool = False
    """Whether the callback of a bot may be at a private address, as in an intranet."""
    videos: Literal["auto", "youtube", "oembed", "off"] = "auto"
    """Who is asked about videos that rooms watch together: YouTube's Data API, which needs keys, or its public pages,
    which know no search by words; auto is the former when there are keys. off asks nobody."""
    youtube_keys: list[str] = []
    """Keys of the YouTube Data API, a secret; more than one are used in turn as their quotas end. In the environment
    separated by commas."""
    dm: DmOptions = DmOptions()
    """Of the dm dialect: in the TOML file [dm], in the environment HUBBUB_DM_ and the name."""
    groupme: GroupmeOptions = GroupmeOptions()
    """Of the groupme dialect: in the TOML file [groupme.applications], an app's client_id and its address a line."""
    dialects: dict[str, Place] = {}
    """Where dialects are reached, when not at the root of every host; in the TOML file [dialects.dm] and so on, with
    prefix and host."""
    rates: dict[str, Rate] = msgspec.field(default_factory=dict)
    """Rate limits by class, over the defaults; in the TOML file [rates.message] with per_second and burst."""

    def all_rates(self) -> Mapping[str, Rate]:
        """Give the limits of all classes."""
        return {**DEFAULT_RATES, **self.rates}


class SettingsError(Exception):
    """A setting makes no sense; the text says which, where it came from and what to do."""


def variables() -> frozenset[str]:
    """List the environment variables that are read."""
    return frozenset({CONFIG_VARIABLE, *_variables(get_type_hints(Settings))})


def _variables(kinds: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Map each variable to the setting that it is, and the field of that where it has fields."""
    found: dict[str, tuple[str, str]] = {}
    for name, kind in kinds.items():
        if name in FILE_ONLY:
            continue
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            for field in kind.__struct_fields__:
                found[f"{PREFIX}{name}_{field}".upper()] = name, field
        else:
            found[f"{PREFIX}{name}".upper()] = name, ""
    return found


def load_settings(
    environment: Mapping[str, str] = os.environ, *, file: Path | None = None, **given: object
) -> Settings:
    """Read settings; `given` are command line options, of which None means not given.

    The file is `file`, else HUBBUB_CONFIG, else hubbub.toml in the working directory, where that exists. An empty
    variable is as good as none. Raises SettingsError.
    """
    kinds = get_type_hints(Settings)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        _read_file(environment, file),
        _read_environment(environment, kinds),
        ("", {name: value for name, value in given.items() if value is not None}),
    ):
        for name, value in found.items():
            sources[name] = source or f"--{name}"
            if name not in kinds:
                there = ", ".join(kinds)
                raise SettingsError(f"{name} in {source} is no setting. Mend or remove it; there are {there}.")
            before = values.get(name)
            whole = msgspec.to_builtins(before) | value if isinstance(before, msgspec.Struct) else value
            try:
                values[name] = msgspec.convert(whole, kinds[name], strict=source != ENVIRONMENT)
            except msgspec.ValidationError as error:
                raise SettingsError(_wrong(name, sources, str(error))) from error
    settings = Settings(**values)
    for name, what in _check(settings):
        raise SettingsError(_wrong(name, sources, what))
    return settings


def _read_file(environment: Mapping[str, str], file: Path | None) -> tuple[str, dict[str, Any]]:
    named = file or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    path = named or Path(CONFIG_FILE)
    if not named and not path.exists():
        return "", {}
    try:
        return str(path), tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}. Make it, or name another file.") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not TOML: {error}. Mend or remove it.") from error


def _read_environment(environment: Mapping[str, str], kinds: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    found: dict[str, Any] = {}
    for variable, (name, field) in _variables(kinds).items():
        value = environment.get(variable)
        if not value:
            continue
        if field:
            found.setdefault(name, {})[field] = value
        else:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            found[name] = parts if kinds[name] == list[str] else value
    return ENVIRONMENT, found


def _wrong(name: str, sources: Mapping[str, str], what: str) -> str:
    source = sources.get(name, "")
    where = PREFIX + name.upper() if source == ENVIRONMENT else source if source.startswith("--") else ""
    where = where or f"{name} in {source}"
    return f"{where} is wrong: {what}. See docs/settings.md."


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """Say what no type says, by setting."""
    if not 0 <= settings.port <= 65_535:
        yield "port", f"it is 0 to 65535, not {settings.port}"
    if not 0 <= settings.node <= 15:
        yield "node", f"it is 0 to 15, not {settings.node}"
    if "://" not in settings.database:
        yield "database", "it is a URL such as sqlite:///hubbub.db"
    if settings.url and not settings.url.startswith(("http://", "https://")):
        yield "url", "it begins with http:// or https://"
    for name in ("max_upload", "max_message", "max_connections", "max_connections_per_address"):
        if getattr(settings, name) < 1:
            yield name, "it is at least 1"
    for dialect, place in settings.dialects.items():
        if dialect not in NAMES:
            yield "dialects", f"there is no {dialect}, but {', '.join(NAMES)}"
        if place.prefix and not re.fullmatch(r"(/[a-z0-9_-]+)+", place.prefix):
            yield "dialects", f"the prefix of {dialect} is like /{dialect}, not {place.prefix}"
    for field in ("welcome_name", "greeting"):
        if not getattr(settings.dm, field).strip():
            yield "dm", f"{field} is not empty"
    for client, callback in settings.groupme.applications.items():
        if not client or not is_callback(callback):
            yield "groupme", f"the address of the application {client!r} is like https://app.example.org/signed-in"
    if settings.videos == "youtube" and not settings.youtube_keys:
        yield "videos", "youtube needs youtube_keys"
    for kind, rate in settings.rates.items():
        if kind not in DEFAULT_RATES:
            yield "rates", f"there is no class {kind}, but {', '.join(DEFAULT_RATES)}"
        if not (rate.per_second > 0 and rate.burst >= 1):
            yield "rates", f"{kind} needs a per_second over 0 and a burst of at least 1"
