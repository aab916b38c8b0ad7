"""The figures as a table in the terminal and as Markdown."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figure import Figure

COLUMNS = ("figure", "value", "target", "ratio", "verdict", "repeats", "spread", "load CPU", "server CPU", "note")


def number(value: float) -> str:
    """Give a number with three digits that matter."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cells(figure: Figure) -> tuple[str, ...]:
    """Give the cells of one figure, in the order of the columns."""
    target = "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {number(figure.target)}"
    verdict = {None: "", True: "pass", False: "FAIL"}[figure.passed]
    load, server = (f"{share:.0%}" for share in figure.meter.shares()) if figure.meter else ("", "")
    spread = f"{number(min(figure.values))} to {number(max(figure.values))}" if len(figure.values) > 1 else ""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    value = f"{number(figure.value)} {figure.unit}".strip()
    return (
        figure.name, value, target, ratio, verdict, str(len(figure.values)), spread, load, server, figure.note,
    )  # fmt: skip


def machine(directory: Path) -> str:
    """Say where the figures come from."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line), "?")
    kind = "?"
    longest = 0
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, name, *_ = line.split()
        if directory.resolve().is_relative_to(mount) and len(mount) > longest:
            kind, longest = name, len(mount)
    return (
        f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}; "
        f"server on one core, load on another; databases on {kind}"
    )


def show(console: Console, figures: list[Figure], heading: str) -> None:
    """Print the table."""
    table = Table(title=heading)
    for column in COLUMNS:
        right = column not in {"figure", "verdict", "note"}
        table.add_column(column, justify="right" if right else "left")
    for figure in figures:
        style = {None: "", True: "green", False: "bold red"}[figure.passed]
        table.add_row(*cells(figure), style=style)
    console.print(table)


def markdown(figures: list[Figure], heading: str, failures: dict[str, str], skipped: dict[str, str]) -> str:
    """Give the same as Markdown."""
    lines = [heading, "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(cells(figure))} |" for figure in figures]
    lines += ["", *(f"- {name} could not be measured: {why.splitlines()[0]}" for name, why in failures.items())]
    lines += [f"- {name} was skipped: {why}" for name, why in skipped.items()]
    return "\n".join(lines).rstrip() + "\n"
