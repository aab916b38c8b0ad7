import pytest


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Tests marked anyio run on both event loops: their transports differ in when they write, pause and close."""
    return "asyncio", {"use_uvloop": request.param}
