"""A whole application on a database of its own, asked over HTTP without a socket."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt

from hubbub.app import Application
from hubbub.core.command import Command
from hubbub.core.login import IssueLogin, LogIn
from hubbub.core.state import WorldState
from hubbub.live.clock import Timer
from hubbub.live.world import new_world
from hubbub.settings import Settings

Json = Any
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Never:
    """A timer that never rings, as the clock stands."""

    def cancel(self) -> None:
        pass


class StandingClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def call_later(self, delay: timedelta, callback: Callable[[], None]) -> Timer:
        return Never()


class Site:
    """The application, and short words for what tests ask of it."""

    def __init__(self, runner: asyncio.Runner, application: Application) -> None:
        self.runner = runner
        self.application = application
        self.community = application.community
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application),
            base_url="http://hubbub.test",
        )

    @property
    def world(self) -> WorldState:
        return self.community.worlds["main"]

    @property
    def media(self) -> Path:
        return Path(self.application.settings.media)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.runner.run(self.client.request(method, path, **more))

    def do(self, command: Command, **more: Any) -> Any:
        """Do a command as the operator, or as `user`."""
        more = more or {"operator": True}
        return self.runner.run(self.community.call(self.world, command, **more))

    def token(self, *traits: str, uid: str = "somebody", secret: str = "", **claims: Json) -> str:
        known = self.world.world.config["JWT_secrets"][0]
        now = self.community.clock()
        body = {
            "iss": known["issuer"],
            "aud": known["audience"],
            "iat": now,
            "exp": now + timedelta(days=1),
            "uid": uid,
            "traits": list(traits),
            **claims,
        }
        return jwt.encode(body, secret or known["secret"], algorithm="HS256")

    def bearer(self, *traits: str, **claims: Json) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*traits, **claims)}"}

    def guest(self, client_id: str) -> int:
        return int(self.do(LogIn(client_id=client_id)).id)

    def member(self, uid: str, *traits: str) -> int:
        return int(self.do(LogIn(token=self.token(*traits, uid=uid))).id)

    def login_code(self, user: int) -> str:
        return str(self.do(IssueLogin(user=user))[1])

    def add_world(self, name: str, **changes: Json) -> WorldState:
        import msgspec

        world = msgspec.structs.replace(new_world(self.community, name), **changes)
        return self.runner.run(self.community.create_world(world))


@contextmanager
def open_site(directory: Path, **settings: Any) -> Iterator[Site]:
    """Run an application that keeps its things in a directory."""
    given = {"database": f"sqlite:///{directory}/hubbub.db", "media": str(directory / "media"), **settings}
    with asyncio.Runner() as runner:
        application = Application(Settings(**given), clock=StandingClock())
        runner.run(application.open())
        site = Site(runner, application)
        try:
            yield site
        finally:
            runner.run(site.client.aclose())
            runner.run(application.close())
