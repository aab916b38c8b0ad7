"""A room of the jumpin dialect, and everybody whom a test lets into it."""

import itertools
from contextlib import ExitStack
from typing import Any, Self

from tests.golden.jumpin.bot import Bot, Poller, Wire
from tests.golden.jumpin.place import Place, Somebody
from tests.golden.venueless.world import Client

from hubbub.core.model import Room
from hubbub.core.room import RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, ReactivateUser

Json = Any


class Guest:
    """Somebody, and the bot that speaks for them."""

    def __init__(self, somebody: Somebody, bot: Wire) -> None:
        self.somebody = somebody
        self.bot = bot
        self.room = ""
        """The name of the one that was joined last."""
        self.user: Json = {}
        """As they were told of themselves when they joined."""

    @property
    def id(self) -> str:
        """The id in the user list."""
        return str(self.user["_id"])

    @property
    def seen(self) -> Json:
        """As others see them."""
        own = ("createdAt", "joinTime", "operatorPermissions")
        return {key: value for key, value in self.user.items() if key not in own}

    @property
    def handle(self) -> str:
        return str(self.user["handle"])

    def join(self, room: str) -> list[list[Json]]:
        """Join, and give all that this made oneself hear."""
        self.bot.send("room::join", {"room": room})
        heard = self.bot.settle(room)
        self.room = room
        own = [event[1]["user"] for event in heard if event[0] == "self::join"]
        assert own, heard
        (self.user,) = own
        return heard


class Scene:
    """One room."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.room: Room = place.room()
        self._scope = ExitStack()
        self._names = itertools.count(1)
        self.here: list[Guest] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scope.close()
        self.place.run(self.place.settle())

    @property
    def name(self) -> str:
        return self.room.name

    def connect(self, somebody: Somebody | None = None, *, polling: bool = False, **more: Any) -> Guest:
        """Connect somebody, a new guest unless they are given, who then has not joined yet."""
        somebody = somebody or self.place.guest(f"guest{next(self._names)}")
        kind = Poller if polling else Bot
        guest = Guest(somebody, self._scope.enter_context(kind(self.place.port, somebody.token, **more)))
        if not polling:
            guest.bot.silence()
        return guest

    def guest(self, name: str = "", somebody: Somebody | None = None, **more: Any) -> Guest:
        """Let somebody join, and everybody hear of it."""
        somebody = somebody or self.place.guest(name or f"guest{next(self._names)}")
        guest = self.connect(somebody, **more)
        guest.join(self.name)
        self.here.append(guest)
        self.drain()
        return guest

    def member(self, name: str = "", **more: Any) -> Guest:
        """Let somebody with an account join."""
        return self.guest(somebody=self.place.account(name), **more)

    def moderator(self, name: str = "", role: str = "moderator", **more: Any) -> Guest:
        """Let somebody with an account join who moderates the room."""
        somebody = self.place.account(name)
        self.place.grant(somebody, role, self.room)
        return self.guest(somebody=somebody, **more)

    def drain(self) -> None:
        """Let everybody hear what there is to hear by now."""
        for guest in self.here:
            guest.bot.drain()

    def leave(self, guest: Guest) -> None:
        """Let somebody go, and the others hear of it."""
        self.here.remove(guest)
        guest.bot.close()
        self.gone(guest)
        self.drain()

    def sent_away(self, guest: Guest) -> list[str]:
        """Give the last packets of somebody whom the server sends away."""
        self.here.remove(guest)
        packets = guest.bot.left()
        self.gone(guest)
        return packets

    def refreshed(self, somebody: Somebody) -> Somebody:
        """Give somebody a new token of the same session: the old one ends after a day."""
        return self.place.refreshed(somebody)

    def gone(self, guest: Guest) -> None:
        """Wait until the server knows that somebody has gone."""
        presence, room, user = self.place.state.presence, self.room.id, guest.somebody.id
        self.place.until(lambda: presence.visit(room, user) is None)
        self.place.run(self.place.settle())

    def ban_from_world(self, somebody: Somebody) -> None:
        """Keep somebody out of the world, which other tests share, until this one is over."""
        self.place.do(BanUser(user=somebody.id))
        self._scope.callback(self.place.do, ReactivateUser(user=somebody.id))

    def set(self, **settings: Any) -> None:
        """Change the room."""
        self.room = self.place.do(UpdateRoom(room=self.room.id, settings=RoomSettings(**settings)))

    def visitor(self, name: str = "", client_id: str = "") -> Client:
        """Let somebody into the world by the Venueless dialect."""
        client = self._scope.enter_context(Client(f"ws://127.0.0.1:{self.place.port}/ws/world/main/"))
        client.authenticate({"client_id": client_id or f"visitor {next(self._names)} of {self.name}"})
        if name:
            client.rename(name)
        return client

    def channel(self, client: Client) -> tuple[str, str]:
        """Give the id of the room and that of its conversation, as Venueless has them."""
        room = next(room for room in client.rooms if room["name"] == self.name)
        return str(room["id"]), str(room["modules"][0]["channel_id"])
