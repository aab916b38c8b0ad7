"""One village for all tests that only read its file."""

import asyncio
from pathlib import Path

import pytest
from tests.transfer.village import export, village


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a village, not to be changed."""
    folder = tmp_path_factory.mktemp("village")

    async def make() -> None:
        async with village(folder) as place:
            await export(place, folder / "tiny.zip")

    asyncio.run(make())
    return folder / "tiny.zip"
