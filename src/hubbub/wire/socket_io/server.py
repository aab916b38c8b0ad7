"""Socket.IO for clients of all ages, on one path: an ASGI application."""

from collections.abc import Callable

from ..connection import Receive, Scope, Send
from ..engine_io.server import Admission, EngineServer
from ..engine_io.session import Session
from ..outbox import Turn
from .client import Client
from .option import Options
from .socket import Connect


class SocketServer:
    """Serves clients of the Socket.IO protocols 4 and 5, which are told apart by the EIO of their first request."""

    def __init__(
        self,
        connect: Connect,
        *,
        turn: Turn,
        options: Options | None = None,
        admission: Admission | None = None,
        namespaces: Callable[[str], bool] = lambda namespace: namespace == "/",
    ) -> None:
        """Make a server.

        Args:
            connect: Called for each client and namespace.
            turn: The turn of this event loop.
            options: By default those of the original servers.
            admission: Counts the sessions; without one there is no limit.
            namespaces: Tells which there are, as "/custom".
        """
        self.options = options or Options()
        self._connect = connect
        self._namespaces = namespaces
        self._clients: set[Client] = set()
        self._engine = EngineServer(self._open, turn=turn, options=self.options, admission=admission)

    def serves(self, path: str) -> bool:
        """Tell whether a path is this server's."""
        return self._engine.serves(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, of type http or websocket."""
        await self._engine(scope, receive, send)

    async def close(self) -> None:
        """Flush and close everything; see `EngineServer.close`. Clients come back by themselves."""
        await self._engine.close()

    def statistics(self) -> dict[str, int]:
        """Tell what is held, and for how many; all zero when nobody is here."""
        sockets = [socket for client in self._clients for socket in client.sockets.values()]
        return {
            **self._engine.statistics(),
            "clients": len(self._clients),
            "sockets": len(sockets),
            "owed_acknowledgements": sum(socket.owed for socket in sockets),
        }

    def _open(self, session: Session) -> Client:
        return Client(session, self._connect, self._namespaces, self.options, self._clients)
