"""The log of a server: on stderr, lines for people on a terminal and JSON otherwise, never with a secret in it."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

HIDDEN = "[hidden]"
SECRET_KEYS = re.compile(
    r"password|secret|private_key|token|authorization|cookie|credential|client_id|login_code", re.IGNORECASE
)
SECRET_TEXTS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a signed token
    r"|(?<=/login/)[A-Za-z0-9]+"  # a short login token
    r"|(?<=://)[^/\s@]+:[^/\s@]+(?=@)"  # name and password in a URL
    r"|(?<=\$argon2)\S+"
)


def hide_secrets(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what is secret by its name or its looks."""
    for key, value in entry.items():
        if key.startswith("_"):
            continue  # structlog's own
        if SECRET_KEYS.search(key):
            entry[key] = HIDDEN
        elif isinstance(value, str):
            entry[key] = SECRET_TEXTS.sub(HIDDEN, value)
    return entry


def configure_logging(stream: TextIO = sys.stderr) -> None:
    """Let everything that this process logs, by structlog or by logging, go to a stream."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # as text, without the values of variables
        hide_secrets,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if stream.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
