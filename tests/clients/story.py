"""Stories: what a client from a registry lives through, told by a script in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Json = Any

HERE = Path(__file__).parent
CLIENTS = Path(sys.prefix) / "clients"
"""Where `make .venv/clients.stamp` installs the libraries: those of npm, and a folder for each list of PyPI's."""
MODULES = CLIENTS / "node_modules"
PATIENCE = 50  # seconds; how long a whole story may take


def needs_npm(package: str) -> pytest.MarkDecorator:
    """Skip what needs a package of npm where that, or Node, is missing."""
    missing = shutil.which("node") is None or not (MODULES / package).exists()
    return pytest.mark.skipif(missing, reason="missing program: node and npm")


def needs_pypi(package: str, folder: str) -> pytest.MarkDecorator:
    """Skip what needs a package of PyPI where its folder is missing."""
    missing = not (CLIENTS / folder).exists()
    return pytest.mark.skipif(missing, reason=f"missing program: {package} (make .venv/clients.stamp)")


def node(script: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Give how a script that lies here is run by Node with the libraries of npm: the words, and the environment."""
    return ["node", str(HERE / script), *arguments], os.environ | {"NODE_PATH": str(MODULES)}


def python(script: str, folder: str) -> tuple[list[str], dict[str, str]]:
    """Give the same of a script for Python and the libraries in a folder."""
    environment = os.environ | {"PYTHONPATH": str(CLIENTS / folder), "NO_PROXY": "*"}
    return [sys.executable, str(HERE / script)], environment


def tell(how: tuple[list[str], dict[str, str]], given: Json) -> Json:
    """Run a story to its end: it reads JSON from its input, and writes what it saw as JSON."""
    words, environment = how
    done = subprocess.run(
        words, input=json.dumps(given), capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)
