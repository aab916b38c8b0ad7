"""An echo over Engine.IO at /engine.io/ and Socket.IO at /socket.io/, for clients of all ages.

Run it with `python examples/socketio_echo.py --port 3000`. Its heartbeat is quick, as the protocols' own test suites
expect it.
"""

import argparse
import asyncio
from datetime import timedelta
from typing import Any

import uvicorn

from hubbub.wire.connection import Receive, Scope, Send, refuse
from hubbub.wire.engine_io.option import Options as EngineOptions
from hubbub.wire.engine_io.server import EngineServer
from hubbub.wire.engine_io.session import Session
from hubbub.wire.outbox import Turn
from hubbub.wire.socket_io.option import Options
from hubbub.wire.socket_io.server import SocketServer
from hubbub.wire.socket_io.socket import Reply, Socket
from hubbub.wire.sweep import Limits
from hubbub.wire.uvicorn_protocol import WebSocketProtocol

PING_INTERVAL = timedelta(milliseconds=300)
PING_TIMEOUT = timedelta(milliseconds=200)
MAX_PAYLOAD = 1_000_000


class EngineEcho:
    """Sends back every message."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def on_message(self, message: str | bytes) -> None:
        """Send it back."""
        self.session.send(message)

    def on_close(self, reason: str) -> None:
        """Do nothing."""


class SocketEcho:
    """Answers two events, and says at first what the client connected with."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        socket.emit("auth", socket.auth)

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        """Send it back, as an event or an ack."""
        if name == "message":
            self.socket.emit("message-back", *arguments)
        elif name == "message-with-ack" and reply is not None:
            reply(*arguments)

    def on_disconnect(self, reason: str) -> None:
        """Do nothing."""


class Application:
    """Both endpoints."""

    def __init__(self) -> None:
        turn = Turn()
        self.engine = EngineServer(
            EngineEcho,
            turn=turn,
            options=EngineOptions(
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_TIMEOUT,
                old_ping_interval=PING_INTERVAL,
                old_ping_timeout=PING_TIMEOUT,
                max_payload=MAX_PAYLOAD,
            ),
        )
        self.sockets = SocketServer(
            SocketEcho,
            turn=turn,
            options=Options(
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_TIMEOUT,
                old_ping_interval=PING_INTERVAL,
                old_ping_timeout=PING_TIMEOUT,
                max_payload=MAX_PAYLOAD,
                connect_timeout=timedelta(seconds=1),
            ),
            namespaces={"/", "/custom"}.__contains__,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the endpoint of a request."""
        for server in (self.engine, self.sockets):
            if server.serves(scope["path"]):
                await server(scope, receive, send)
                return
        if scope["type"] == "websocket":
            await refuse(scope, receive, send, 404, "Not found")
        else:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})


async def main(port: int) -> None:
    """Serve until a signal comes, then let everybody go."""
    application = Application()
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        ws=WebSocketProtocol.configured(Limits(message=MAX_PAYLOAD)),
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    await uvicorn.Server(config).serve()
    await application.engine.close()
    await application.sockets.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3000)
    asyncio.run(main(parser.parse_args().port))
