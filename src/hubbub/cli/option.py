"""Options that many commands have, and the settings that come of them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hubbub.settings import Settings, load_settings

HostOption = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all.")
]
PortOption = Annotated[
    int | None, typer.Option("--port", metavar="NUMBER", help="Port to listen on; 8420 if not given.")
]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="The database, such as sqlite:///hubbub.db.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings file; else hubbub.toml, if there is one.")
]
WorldOption = Annotated[str | None, typer.Option("--world", "-w", metavar="NAME", help="The world; main if not given.")]


def read_settings(config: Path | None, **given: object) -> Settings:
    """Read the settings of this process; `given` are options, of which None means not given. Raises SettingsError."""
    return load_settings(os.environ, file=config, **given)
