"""The application: everything that a server is made of, put together, as one ASGI application."""

import asyncio
import os
import secrets

from hubbub.bus.memory import MemoryBus
from hubbub.core.id import IdGenerator
from hubbub.dialects.venueless.endpoint import VenuelessEndpoint
from hubbub.dialects.venueless.push import write_notification
from hubbub.live.admission import Admission
from hubbub.live.clock import Clock, SystemClock
from hubbub.live.community import Community
from hubbub.live.hub import Hub
from hubbub.live.push import PushSender
from hubbub.live.world import ensure_push_keys, ensure_world
from hubbub.settings import Settings
from hubbub.store.open import open_store
from hubbub.web.http import create_http
from hubbub.wire.connection import Receive, Scope, Send, refuse
from hubbub.wire.outbox import Turn


def _node_name() -> str:
    return f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"


class Application:
    """A server without its sockets: an ASGI application with HTTP, WebSocket and lifespan."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.admin_link = ""
        """A link that lets whoever has it be the owner of the world that was made at the first start; else empty."""

    async def open(self) -> None:
        """Open the store, read the worlds, make the first one. Raises StoreError."""
        self.turn = Turn(asyncio.get_running_loop())
        self.hub = Hub(self.turn)
        self.store = open_store(self.settings.database, node=_node_name(), clock=self.clock)
        await self.store.open()
        self.community = Community(
            self.store,
            MemoryBus(),
            self.hub,
            clock=self.clock,
            new_id=IdGenerator(self.clock, self.settings.node),
            rates=self.settings.all_rates(),
        )
        await self.community.open()
        self.admin_link = await ensure_world(self.community, self.settings.world)
        await ensure_push_keys(self.community)
        self.push = self._push_sender() if self.settings.push else None
        if self.push:
            await self.push.open()
        admission = Admission(self.settings.max_connections, self.settings.max_connections_per_address)
        self.venueless = VenuelessEndpoint(self.community, self.turn, admission, self.settings.url)
        self.http = create_http(self.community, self.settings)

    async def close(self) -> None:
        """Finish what is being done and close the store."""
        if self.push:
            await self.push.close()
        await self.community.close()
        await self.store.close()

    def _push_sender(self) -> PushSender:
        url = self.settings.url
        return PushSender(
            self.community,
            write_notification,
            subject=url if url.startswith("https://") else "",
            allow_private=self.settings.push_allow_private,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or WebSocket connection, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            if self.venueless.serves(scope["path"]):
                await self.venueless(scope, receive, send)
            else:
                await refuse(scope, receive, send, 404, "There is nothing here.")
        else:
            await self.community.refresh()
            await self.http(scope, receive, send)  # type: ignore[arg-type]

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})
