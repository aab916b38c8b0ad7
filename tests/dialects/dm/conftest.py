import pytest
from tests.core.house import House


@pytest.fixture
def house() -> House:
    return House()
