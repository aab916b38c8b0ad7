"""The application: everything that a server is made of, put together, as one ASGI application."""

import asyncio
import os
import secrets
from contextlib import AsyncExitStack

from hubbub.bus.memory import MemoryBus
from hubbub.core.id import EPOCH, IdGenerator
from hubbub.core.nouns import APPOINTMENTS
from hubbub.dialects.dm import rest as dm_rest
from hubbub.dialects.dm.endpoint import DmEndpoint
from hubbub.dialects.groupme import caller as groupme_desk
from hubbub.dialects.groupme import rest as groupme_rest
from hubbub.dialects.groupme.endpoint import GroupmeEndpoint, site_of
from hubbub.dialects.groupme.view import View
from hubbub.dialects.jumpin import rest as jumpin_rest
from hubbub.dialects.jumpin.caller import Desk
from hubbub.dialects.jumpin.endpoint import JumpinEndpoint
from hubbub.dialects.place import EVERYWHERE
from hubbub.dialects.sockets import SharedEndpoint
from hubbub.dialects.venueless import rest as venueless_rest
from hubbub.dialects.venueless.endpoint import VenuelessEndpoint
from hubbub.dialects.venueless.link import create_links
from hubbub.dialects.venueless.push import write_notification
from hubbub.dialects.venueless.upload import create_download, create_upload
from hubbub.live.admission import Admission
from hubbub.live.appointment import AppointmentKeeper
from hubbub.live.callback import CallbackSender
from hubbub.live.clock import Clock, SystemClock
from hubbub.live.community import Community
from hubbub.live.hub import Hub
from hubbub.live.password import Argon2
from hubbub.live.push import PushSender
from hubbub.live.world import ensure_push_keys, ensure_world
from hubbub.media.open import open_provider
from hubbub.settings import Settings
from hubbub.store.open import open_store
from hubbub.web.entrance import Dialect, Entrance
from hubbub.web.http import create_http
from hubbub.web.invitation import create_invitation
from hubbub.web.lobby import create_lobby, create_login
from hubbub.web.oauth import create_oauth
from hubbub.wire.bayeux.option import Options as BayeuxOptions
from hubbub.wire.bayeux.server import BayeuxServer
from hubbub.wire.connection import Receive, Scope, Send
from hubbub.wire.outbox import Turn
from hubbub.wire.socket_io.option import Options
from hubbub.wire.socket_io.server import SocketServer


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
        """Open the store, read the worlds, make the first one. Raises StoreError, SettingsError."""
        async with AsyncExitStack() as opened:  # what is open when a later step fails would keep the process alive
            await self._open(opened)
            self._opened = opened.pop_all()

    async def _open(self, opened: AsyncExitStack) -> None:
        """Open one after another; `opened` closes them in the opposite order."""
        settings = self.settings
        self.turn = Turn(asyncio.get_running_loop())
        self.hub = Hub(self.turn)
        self.store = open_store(settings.database, node=_node_name(), clock=self.clock)
        opened.push_async_callback(self.store.close)
        await self.store.open()
        passwords = Argon2()
        opened.callback(passwords.close)
        self.media = open_provider(settings.videos, keys=settings.youtube_keys, clock=self.clock)
        await self.media.open()
        opened.push_async_callback(self.media.close)
        self.community = Community(
            self.store,
            MemoryBus(),
            self.hub,
            clock=self.clock,
            new_id=IdGenerator(self.clock, settings.node, await self.store.last_commit() or EPOCH),
            rates=settings.all_rates(),
            passwords=passwords,
        )
        await self.community.open()
        opened.push_async_callback(self.community.close)
        self.admin_link = await ensure_world(self.community, settings.world)
        await ensure_push_keys(self.community)
        self.push = self._push_sender() if settings.push else None
        if self.push:
            await self.push.open()
            opened.push_async_callback(self.push.close)
        self.callbacks = self._callback_sender()
        self.callbacks.open()
        opened.push_async_callback(self.callbacks.close)
        self.appointments = AppointmentKeeper(self.community, APPOINTMENTS)
        self.appointments.open()
        opened.callback(self.appointments.close)
        self.entrance = self._build()

    def _build(self) -> Entrance:
        """Put the dialects at their places. Raises SettingsError."""
        community, settings, turn = self.community, self.settings, self.turn
        admission = Admission(settings.max_connections, settings.max_connections_per_address)
        venueless = VenuelessEndpoint(community, turn, admission, settings.url)
        jumpin = JumpinEndpoint(community, turn, self.media, settings.world)
        desk = Desk(community, jumpin, self.media, settings)
        dm = DmEndpoint(community, turn, settings.world)
        groupme = groupme_desk.Desk(community, settings)
        groupme.callbacks = self.callbacks
        connect = {
            frozenset({"jumpin", "dm"}): SharedEndpoint(jumpin, dm).connect,
            frozenset({"jumpin"}): jumpin.connect,
            frozenset({"dm"}): dm.connect,
        }
        options = Options(max_payload=settings.max_message)
        servers = {
            names: SocketServer(let_in, turn=turn, options=options, admission=admission)
            for names, let_in in connect.items()
        }
        dialects = {
            "venueless": Dialect(
                routes=[
                    venueless_rest.create_rest(community, settings.url),
                    create_upload(community, settings),
                    create_download(settings),
                    *create_links(community, url=settings.url, world=settings.world),
                ],
                websocket=venueless,
            ),
            "jumpin": Dialect(
                routes=[
                    jumpin_rest.create_rest(desk),
                    *(create_login(desk) if settings.dialects.get("jumpin", EVERYWHERE).prefix else ()),
                ]
            ),
            "groupme": Dialect(
                routes=[groupme_rest.create_rest(groupme), *create_oauth(desk), *create_invitation(groupme)],
                push=BayeuxServer(
                    GroupmeEndpoint(
                        community,
                        turn,
                        world=settings.world,
                        url=settings.url,
                        prefix=settings.dialects.get("groupme", EVERYWHERE).prefix,
                    ).open,
                    turn=turn,
                    options=BayeuxOptions(max_payload=settings.max_message, bare_publish=True),
                    admission=admission,
                ),
            ),
            "dm": Dialect(routes=[dm_rest.create_rest(community, dm.encoder, settings.dm, settings.world)]),
        }
        return Entrance(
            dialects,
            settings.dialects,
            sockets=lambda names: servers.get(names & {"jumpin", "dm"}),
            http=lambda routes, pages: create_http(
                community, settings, [*routes, *(create_lobby(desk) if pages else ())], pages=pages
            ),
        )

    async def stop(self) -> None:
        """Let clients go that wait for answers to requests: a server could not stop before these were given."""
        for server in self.entrance.servers:
            await server.close()

    async def close(self) -> None:
        """Finish what is being done and close the store."""
        await self.stop()
        await self._opened.aclose()

    def _push_sender(self) -> PushSender:
        url = self.settings.url
        return PushSender(
            self.community,
            write_notification,
            subject=url if url.startswith("https://") else "",
            allow_private=self.settings.push_allow_private,
        )

    def _callback_sender(self) -> CallbackSender:
        url, prefix = self.settings.url, self.settings.dialects.get("groupme", EVERYWHERE).prefix
        return CallbackSender(
            self.community,
            lambda state, message: View(state, site_of(state, url, prefix)).callback(message),
            node=self.settings.node,
            allow_private=self.settings.callbacks_allow_private,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or WebSocket connection, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            if scope["type"] == "http":
                await self.community.refresh()
            await self.entrance(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})
