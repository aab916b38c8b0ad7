"""The command line of the benchmark."""

from __future__ import annotations

import gc
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import report, server
from bench.figure import Figure, Run
from bench.load import LoadError
from bench.rows import EXTRA, ROWS
from bench.server import ServerError, Skipped

NAMES = {row.name: row for row in (*ROWS, *EXTRA)}


def stop(*_: object) -> None:
    """Leave by an exception, so that every server is ended on the way out."""
    raise KeyboardInterrupt


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Rows to run: {', '.join(NAMES)}.")] = None,
    quick: Annotated[bool, typer.Option(help="A short smoke run; a missed target does not fail it.")] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file too.")] = None,
    directory: Annotated[Path | None, typer.Option(help="Where the databases go; default the temporary one.")] = None,
) -> None:
    """Measure Hubbub against its targets; exit with 1 when a target is missed or a row cannot be measured."""
    unknown = sorted(set(names or ()) - set(NAMES))
    if unknown:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    how = Run(quick, directory or Path(tempfile.gettempdir()))
    rows = [NAMES[name] for name in names] if names else list(ROWS)
    console = Console()
    signal.signal(signal.SIGTERM, stop)
    server.prepare()
    gc.disable()  # the load makes no cycles worth a pause in the middle of a measurement
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for row in rows:
        console.print(f"{row.name}: {row.title} ...", highlight=False)
        try:
            figures += row.run(how)
        except Skipped as why_not:
            skipped[row.name] = str(why_not)
            console.print(
                f"{row.name} was skipped: {why_not}", style="bold yellow", highlight=False, markup=False, soft_wrap=True
            )
        except Exception as error:  # one row's fault must not cost the others' figures
            failures[row.name] = f"{type(error).__name__}: {error}"
            why = f"{row.name} could not be measured: {failures[row.name]}"
            console.print(why, style="bold red", highlight=False, markup=False)
            if not isinstance(error, (LoadError, ServerError)):
                console.print_exception()
        gc.collect()
    heading = report.machine(how.directory) + ("; quick" if quick else "")
    report.show(console, figures, heading)
    if markdown is not None:
        markdown.write_text(report.markdown(figures, heading, failures, skipped))
    if failures or (not quick and any(figure.passed is False for figure in figures)):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
