"""Pages that are written from the code are as the code is."""

from pathlib import Path

from hubbub.core import catalogue
from hubbub.core.nouns import REGISTRY

DOCS = Path(__file__).parent.parent / "docs"


def test_the_catalogue_of_commands_is_up_to_date() -> None:
    assert (DOCS / "commands.md").read_text("utf-8") == catalogue.write(), "run `make docs`"


def test_the_catalogue_has_every_command() -> None:
    page = catalogue.write()
    missing = [command.__name__ for command in REGISTRY if f"**{command.__name__}**" not in page]
    assert not missing, "add the module of these to core/nouns.py"
