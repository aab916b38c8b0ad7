"""Takes what clients say, in order, and replies: Bayeux 1.0 without I/O."""

import secrets
import string
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from .. import frame
from ..connection import log_fault
from ..outbox import Outbox, Turn
from . import message
from .message import CONNECT, DISCONNECT, HANDSHAKE, SUBSCRIBE, UNSUBSCRIBE, VERSION, Message
from .option import Options
from .session import LATER, BayeuxClient, BayeuxListener, Handshake, Poll, Refused

_ALPHABET: Final = string.ascii_lowercase + string.digits
_ID_LENGTH: Final = 31  # as faye's mostly are: 160 bits
_CARRIERS: Final = ("long-polling", "cross-origin-long-polling", "callback-polling", "websocket")
_RESERVED: Final = ("/meta/", "/service/")

_FORBIDDEN: Final = "Forbidden channel"
_INTERNAL: Final = message.error(500, "Internal server error")


class Admission(Protocol):
    """Says how many there may be; each that is let in is counted until it has ended."""

    def admits(self, address: str) -> bool:
        """Tell whether there is room for one more from an address."""

    def enter(self, address: str) -> None:
        """Count one."""

    def leave(self, address: str) -> None:
        """No longer count one that was counted."""


Open = Callable[[BayeuxClient], BayeuxListener]
"""Makes the listener of a client that shakes hands, or raises `Refused`.

What it delivers waits for the first connect.
"""

Shake = Callable[[], Handshake]
"""Tells what the request was, or what the WebSocket began as, if somebody wants to know."""


class Line(Protocol):
    """A WebSocket over which messages come."""

    client: BayeuxClient | None
    """Who last connected over it; kept by the broker."""

    @property
    def connection(self) -> Outbox:
        """The WebSocket itself."""

    @abstractmethod
    def shake(self) -> Handshake:
        """Tell what it began as."""

    @abstractmethod
    def attached(self) -> None:
        """Hear that a client has connected over it."""


class Broker:
    """Knows the clients of one endpoint. The caller calls `check` now and then, which acts on what is due."""

    def __init__(
        self,
        open: Open,  # noqa: A002
        *,
        turn: Turn,
        options: Options,
        time: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
        admission: Admission | None = None,
        emptied: Callable[[], object] = lambda: None,
    ) -> None:
        """Make a broker.

        Args:
            open: Called for each new client. If it fails, the client is refused.
            turn: The turn of the event loop.
            options: Limits and times.
            time: Tells the time in seconds.
            soon: Calls back in a later turn of the event loop.
            admission: Counts the clients; without one there is no limit.
            emptied: Called when the last client has gone.
        """
        self.turn = turn
        self.options = options
        self.time = time
        self.soon = soon
        self.clients: dict[str, BayeuxClient] = {}
        """By clientId."""
        self._open = open
        self._admission = admission
        self._emptied = emptied
        told = options.hold if options.advice_timeout is None else options.advice_timeout
        self._advice: dict[str, object] = {
            "reconnect": "retry",
            "interval": round(options.interval.total_seconds() * 1000),
            "timeout": round(told.total_seconds() * 1000),
        }
        scripted = options.jsonp and options.origins is None
        self._carriers = [one for one in _CARRIERS if scripted or one != "callback-polling"]

    # What comes in

    def request(self, messages: list[Message], shake: Shake, poll: Poll) -> BayeuxClient | None:
        """Take the messages of an HTTP request, and answer it, unless it is a connect that is held.

        A connect that comes with others is not held: they want their replies.

        Returns:
            The client that must hear it if the request is aborted, by `lose_poll`; None when it is answered.
        """
        messages = _sift(messages)
        replies: list[bytes] = []
        events: list[bytes] = []
        for one in messages:
            if one.channel != CONNECT:
                replies.append(self._take(one, shake))
                continue
            client = self._connecting(one)
            if isinstance(client, bytes):
                replies.append(client)
                continue
            client.flush()
            if client.is_closed():  # it was too much
                replies.append(self._unknown(one))
            elif len(messages) == 1:
                return client if client.connect_poll(poll, one.id, self._patience(one)) else None
            else:
                events += client.collect()
                replies.append(self._connected(one))
        poll.answer(message.join(replies + events))
        return None

    def frame(self, messages: list[Message], line: Line) -> None:
        """Take the messages of a frame of a WebSocket, and reply over it: first of all, and in one frame."""
        connection = line.connection
        if line.client is not None:
            line.client.flush()
        replies: list[bytes] = []
        for one in _sift(messages):
            if one.channel != CONNECT:
                replies.append(self._take(one, line.shake))
                continue
            client = self._connecting(one)
            if isinstance(client, bytes):
                replies.append(client)
                continue
            if not client.is_on(connection):
                client.flush()
            if client.is_closed():
                replies.append(self._unknown(one))
                continue
            if line.client is not None and line.client is not client:
                line.client.flush()
                line.client.lose_line(connection)
            if not client.connect_line(connection, one.id, self._patience(one)):
                replies.append(self._connected(one))
            line.client = client
            line.attached()
        if replies or not messages:  # faye's client pings with an empty list
            prepared = frame.text(message.join(replies))
            if line.client is not None and line.client.is_on(connection):
                line.client.put_first(prepared)
            else:
                connection.put(prepared)

    def check(self) -> None:
        """Act on what is due, for all clients."""
        now = self.time()
        for client in [client for client in self.clients.values() if client.due <= now]:
            client.check()

    # What the clients call

    def advice(self, reconnect: str = "retry", interval: int | None = None) -> dict[str, object]:
        if reconnect == "retry":
            return self._advice if interval is None else {**self._advice, "interval": interval}
        return {"reconnect": reconnect} if reconnect == "none" else {"reconnect": reconnect, "interval": interval}

    def ended(self, client: BayeuxClient) -> None:
        if self.clients.pop(client.id, None) is None:
            return
        if self._admission is not None:
            self._admission.leave(client.handshake.address)
        if not self.clients:
            self._emptied()

    # One message

    def _take(self, one: Message, shake: Shake) -> bytes:
        """Handle any message but a connect, and make the reply."""
        if one.channel == HANDSHAKE:
            return self._shake_hands(one, shake)
        client = self._find(one)
        if isinstance(client, bytes):
            return client
        refusal: str | None = None
        more: dict[str, object] = {"clientId": client.id}
        try:
            if one.channel in (SUBSCRIBE, UNSUBSCRIBE):
                wanted = one.fields.get("subscription")
                more["subscription"] = wanted if _is_names(wanted) else []
                names = self._names(client, wanted, adding=one.channel == SUBSCRIBE)
                if one.channel == SUBSCRIBE:
                    self._subscribe(client, names, one.ext)
                else:
                    self._unsubscribe(client, names, one.ext)
            elif one.channel == DISCONNECT:
                client.say_goodbye()
            else:
                self._publish(client, one)
        except Refused as fault:
            refusal = fault.error
            if fault.reconnect is not None:
                more["advice"] = self.advice(fault.reconnect, LATER)
        except Exception:
            log_fault("listener")
            refusal = _INTERNAL
        return message.reply(one, refusal or "", **more)

    def _shake_hands(self, one: Message, shake: Shake) -> bytes:
        kinds = one.fields.get("supportedConnectionTypes")
        version = one.fields.get("version")
        words = {"version": VERSION, "supportedConnectionTypes": self._carriers}
        later = self.advice(interval=LATER)
        if not isinstance(version, str) or not version:
            return message.reply(one, message.missing("version"), **words, advice=later)
        if version.split(".")[0] != VERSION.split(".")[0]:
            return message.reply(one, message.error(300, "Version mismatch", version), **words, advice=later)
        if not isinstance(kinds, list) or not kinds:
            return message.reply(one, message.missing("supportedConnectionTypes"), **words, advice=later)
        if not any(kind in self._carriers for kind in kinds if isinstance(kind, str)):
            return message.reply(one, message.error(301, "Connection types not supported"), **words, advice=later)
        handshake = msgspec.structs.replace(shake(), ext=one.ext)
        if self._admission is not None and not self._admission.admits(handshake.address):
            return message.reply(one, message.error(403, "Too many clients"), **words, advice=later)
        client = BayeuxClient(self, _new_id(), handshake)
        self.clients[client.id] = client
        if self._admission is not None:
            self._admission.enter(handshake.address)
        try:
            listener = self._open(client)
        except Refused as fault:
            client.close()
            return message.reply(one, fault.error, **words, advice=self.advice(fault.reconnect or "retry", LATER))
        except Exception:
            log_fault("open")
            client.close()
            return message.reply(one, _INTERNAL, **words, advice=later)
        client.listen(listener)
        return message.reply(one, "", clientId=client.id, **words, advice=self.advice())

    def _connecting(self, one: Message) -> BayeuxClient | bytes:
        """Find the client that connects, or make the reply."""
        client = self._find(one)
        if isinstance(client, bytes):
            return client
        kind = one.fields.get("connectionType")
        later = self.advice(interval=LATER)
        if not isinstance(kind, str) or not kind:
            return message.reply(one, message.missing("connectionType"), advice=later)
        if kind not in self._carriers:
            return message.reply(one, message.error(301, "Connection types not supported", kind), advice=later)
        if one.ext is not None and client.listener is not None:
            try:
                client.listener.on_connect(one.ext)
            except Refused as fault:
                return message.reply(one, fault.error, advice=self.advice(fault.reconnect or "retry", LATER))
            except Exception:
                log_fault("listener")
                return message.reply(one, _INTERNAL, advice=later)
        return client

    def _find(self, one: Message) -> BayeuxClient | bytes:
        if not one.client:
            return message.reply(one, message.missing("clientId"))
        client = self.clients.get(one.client)
        return client if client is not None and client.check() else self._unknown(one)

    def _unknown(self, one: Message) -> bytes:
        error = message.error(401, "Unknown client", one.client)
        return message.reply(one, error, advice=self.advice("handshake", 0))

    def _connected(self, one: Message) -> bytes:
        return message.reply(one, "", clientId=one.client, advice=self.advice())

    def _patience(self, one: Message) -> float:
        """Tell how long a connect may be held: the client may wish for less, and does when it has more to say."""
        most = self.options.hold.total_seconds()
        advice = one.fields.get("advice")
        wish = advice.get("timeout") if isinstance(advice, dict) else None
        return min(most, wish / 1000) if isinstance(wish, int | float) else most

    def _names(self, client: BayeuxClient, wanted: object, *, adding: bool) -> list[str]:
        """Check what a client wants to be on, or no longer; one name or several."""
        if not wanted:
            raise Refused(message.missing("subscription"))
        names: list[Any] = wanted if isinstance(wanted, list) else [wanted]
        for name in names:
            if not isinstance(name, str) or len(name) > self.options.max_channel:
                raise Refused(message.error(405, "Invalid channel", name if isinstance(name, str) else ""))
            pattern = message.is_pattern(name)
            if not pattern and not message.is_channel(name):
                raise Refused(message.error(405, "Invalid channel", name))
            if name.startswith(_RESERVED) or (pattern and not self.options.wildcards):
                raise Refused(message.error(403, _FORBIDDEN, name))
        most = self.options.max_channels
        if adding and len(client.channels) + len(names) > most and len({*client.channels, *names}) > most:
            raise Refused(message.error(403, "Too many channels", names[-1]))
        return names

    def _subscribe(self, client: BayeuxClient, names: list[str], ext: object) -> None:
        listener = client.listener
        added: list[str] = []
        try:
            for name in names:
                if name not in client.channels and listener is not None and not client.is_closed():
                    listener.on_subscribe(name, ext)
                    client.channels[name] = None
                    added.append(name)
        except Exception:
            self._unsubscribe(client, added, ext)
            raise

    def _unsubscribe(self, client: BayeuxClient, names: list[str], ext: object) -> None:
        listener = client.listener
        for name in names:
            if name in client.channels and listener is not None:
                del client.channels[name]
                listener.on_unsubscribe(name, ext)

    def _publish(self, client: BayeuxClient, one: Message) -> None:
        name = one.channel
        if len(name) > self.options.max_channel or not message.is_channel(name):
            raise Refused(message.error(405, "Invalid channel", name))
        if name.startswith("/meta/"):
            raise Refused(message.error(403, _FORBIDDEN, name))
        if "data" in one.fields:
            if client.listener is not None:
                client.listener.on_publish(name, one.fields["data"], one.ext)
        elif not self.options.bare_publish:
            raise Refused(message.missing("data"))


def _sift(messages: list[Message]) -> list[Message]:
    """Drop what a handshake makes void: the client that it would be for is not there yet (4.1.1)."""
    return next(([one] for one in messages if one.channel == HANDSHAKE), messages)


def _is_names(wanted: object) -> bool:
    return isinstance(wanted, str) or (isinstance(wanted, list) and all(isinstance(one, str) for one in wanted))


def _new_id() -> str:
    return "".join([secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)])
