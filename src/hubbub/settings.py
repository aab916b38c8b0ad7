"""Settings of the server: defaults, a TOML file, HUBBUB_ variables, and command line options, each over the former."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from hubbub.live.rate import DEFAULT_RATES, Rate

PREFIX = "HUBBUB_"
CONFIG_FILE = "hubbub.toml"


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
    rates: dict[str, Rate] = msgspec.field(default_factory=dict)
    """Rate limits by class, over the defaults; in the TOML file [rates.message] with per_second and burst."""

    def all_rates(self) -> Mapping[str, Rate]:
        """Give the limits of all classes."""
        return {**DEFAULT_RATES, **self.rates}


class SettingsError(Exception):
    """A setting makes no sense; the text says which, where it came from and what to do."""


def load_settings(
    environment: Mapping[str, str] = os.environ, *, file: Path | None = None, **given: object
) -> Settings:
    """Read settings; `given` are command line options, of which None means not given.

    The file is `file`, else HUBBUB_CONFIG, else hubbub.toml in the working directory, where that exists. Raises
    SettingsError.
    """
    values: dict[str, Any] = {}
    named = file or (Path(environment["HUBBUB_CONFIG"]) if environment.get("HUBBUB_CONFIG") else None)
    path = named or Path(CONFIG_FILE)
    if named or path.exists():
        try:
            values |= tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} cannot be read: {error}. Mend or remove it.") from error
    hints = get_type_hints(Settings)
    for name in hints:
        text = environment.get(PREFIX + name.upper())
        if text and name != "rates":
            values[name] = text
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"A setting is wrong: {error}. See docs/settings.md.") from error
    if not 0 <= settings.port <= 65_535:
        raise SettingsError(f"The port is 0 to 65535, not {settings.port}.")
    if not 0 <= settings.node <= 15:
        raise SettingsError(f"The node is 0 to 15, not {settings.node}.")
    return settings
