"""The catalogue of commands, written from the registry: `python -m hubbub.core.catalogue > docs/commands.md`."""

import sys
from inspect import getdoc

import msgspec

from hubbub.core import permission
from hubbub.core.command import Spec
from hubbub.core.nouns import NOUNS, REGISTRY

HEAD = """\
# Commands

Everything that can be asked of the core, whichever dialect it comes through. Written from the registry by `make docs`;
a test holds it against the code. Of several permissions one suffices. A `room:` permission is asked of the command's
room, or of the world where the command has none. In a direct conversation, belonging to it stands for every permission.
The classes of rate limits are in [settings](settings.md).
"""


def write() -> str:
    """Write the whole page."""
    parts = [HEAD]
    for noun in NOUNS:
        specs = [spec for spec in REGISTRY.values() if spec.command.__module__ == noun.__name__]
        name = noun.__name__.rpartition(".")[2]
        parts.append(f"## {name.capitalize()}\n\n{_first_line(noun.__doc__)}\n\n{_table(specs)}")
    parts.append(_permissions())
    return "\n".join(parts)


def _table(specs: list[Spec]) -> str:
    rows = ["| command | fields | permission | rate | events |", "|---|---|---|---|---|"]
    for spec in specs:
        fields = ", ".join(
            f"`{field.name}`" + ("" if field.required else "?") for field in msgspec.structs.fields(spec.command)
        )
        needed = " or ".join(f"`{name}`" for name in spec.permission) or ("-" if spec.before_login else "any user")
        events = ", ".join(event.__name__ for event in spec.events) or "-"
        about = _first_line(getdoc(spec.command))
        rows.append(f"| **{spec.command.__name__}**: {about} | {fields or '-'} | {needed} | {spec.rate} | {events} |")
    return "\n".join(rows) + "\n"


def _permissions() -> str:
    rows = ["## Permissions\n", "| permission | Venueless' own | roles of a new world that hold it |", "|---|---|---|"]
    for name in (*permission.VENUELESS, *permission.OURS):
        roles = ", ".join(role for role, names in permission.DEFAULT_ROLES.items() if name in names) or "-"
        rows.append(f"| `{name}` | {'yes' if name in permission.VENUELESS else 'no'} | {roles} |")
    return "\n".join(rows) + "\n"


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(write())
