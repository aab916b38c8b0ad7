"""What commands show: tables and a spinner for people at a terminal, plain lines for programs."""

import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer

LONG = ("venueless id",)
WIDE = 140
"""Columns of characters of a terminal that has room for everything."""


def clean(text: object) -> str:
    """Give a text on one line and without what moves a terminal's cursor: names are chosen by strangers."""
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") else sign for sign in str(text))


def say(text: str) -> None:
    """Tell on stdout what was done."""
    typer.echo(text)


def note(text: str) -> None:
    """Tell on stderr what somebody should know, so that it is in no program's way."""
    typer.echo(text, err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Show rows: as a table on a terminal, else as lines with tabs between the values and without a heading.

    The first column identifies a row and stays whole. A terminal that is not wide does not get the LONG columns.
    """
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(clean(value) for value in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    kept = [place for place, name in enumerate(columns) if name not in LONG or console.width >= WIDE]
    shown = Table(box=box.SIMPLE_HEAD)
    for place in kept:
        shown.add_column(columns[place], no_wrap=place == 0, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(clean(row[place])) for place in kept))
    console.print(shown)


@contextmanager
def waiting(doing: str) -> Iterator[None]:
    """Show on a terminal that something is being done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(doing):
        yield


@contextmanager
def counting(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how far something is: give what is to be told how many are done, of how many."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
