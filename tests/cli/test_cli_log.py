"""The server's log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hubbub.cli.log import configure_logging

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiJhIn0.c2lnbmF0dXJl"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_lines_of_json() -> None:
    stream = io.StringIO()
    configure_logging(stream)
    logging.getLogger("hubbub.test").warning("%s rooms", 3)
    structlog.get_logger("hubbub.test").info("said", room=7)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("3 rooms", "warning", "hubbub.test")
    assert (second["event"], second["room"]) == ("said", 7)


def test_lines_for_people_on_a_terminal() -> None:
    stream = Terminal()
    configure_logging(stream)
    structlog.get_logger("hubbub.test").info("said", room=7)
    assert "said" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_no_secret_is_logged(kind: type[io.StringIO]) -> None:
    stream = kind()
    configure_logging(stream)
    logger = structlog.get_logger("hubbub.test")
    logger.info("login", token=TOKEN, password="hunter2", jwt_secret="s3cret")
    logger.info(f"GET /login/aBcDeF123 with Bearer {TOKEN}", database="postgresql://me:pw4me@db/hubbub")
    try:
        password = "in-a-variable"
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        logging.getLogger("hubbub.test").exception("fault")
        logger.exception("fault")
        del password
    text = stream.getvalue()
    assert "ValueError: bad token [hidden]" in text
    for secret in (TOKEN, "hunter2", "s3cret", "aBcDeF123", "pw4me", 'in-a-variable"\n    raise'):
        assert secret not in text
