"""What went wrong, as one sentence for the person at the terminal, with what to do next."""

from typing import Any

import typer
from typer.core import TyperGroup

WRONG_SETTING = 2
"""Exit code of a setting or option that makes no sense; everything else that fails ends with 1."""


class Failure(Exception):
    """A command cannot do what it was asked; the text says why and what to do next."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Root(TyperGroup):
    """All commands; turns what they raise into one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = explain(error)
            if failure is None:
                raise
            typer.echo(f"hubbub: {failure}", err=True)
            raise typer.Exit(failure.exit_code) from None


def explain(error: BaseException) -> Failure | None:
    """Give what to tell about an error, or None when it is a fault of ours that needs a traceback."""
    from hubbub.core.error import HubbubError
    from hubbub.settings import SettingsError
    from hubbub.store import contract

    match error:
        case Failure():
            return error
        case SettingsError():
            return Failure(str(error), WRONG_SETTING)
        case contract.SchemaMismatch():
            return Failure(
                f"The database does not fit this version of Hubbub: {error}. An older one is brought up to date when"
                " `hubbub serve` starts; a newer one needs a newer Hubbub."
            )
        case contract.Conflict():
            return Failure("Somebody else has just changed the same. Look, and try again.")
        case contract.Unstorable():
            return Failure(f"That cannot be stored: {error}.")
        case contract.StoreError():
            return Failure(f"{_sentence(str(error))} `hubbub doctor` says more.")
        case HubbubError():
            return Failure(_refusal(error))
        case _:
            return None


def _refusal(error: Any) -> str:
    if not error.details:
        return _sentence(error.message or error.code.replace("_", " "))
    return _sentence("; ".join(f"{field}: {', '.join(map(str, what))}" for field, what in error.details.items()))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
