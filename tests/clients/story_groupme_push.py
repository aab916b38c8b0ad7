"""A story that groupme-push hears, of which only the addresses are changed; run in an environment of its own.

Bob listens with it, and Ada does what there is to hear. Reads {"url", "ada", "bob", "bob_id", "cleo_id"} as JSON from
its input, and writes what it saw, as one object.
"""

import json
import logging
import queue
import socket
import sys
from typing import Any

import groupme_push.client as library
import httpx
from groupme_push import AuthenticationError, PushClient

PATIENCE = 20  # seconds; how long what must come may take

given: dict[str, Any] = json.load(sys.stdin)
library.USER_ENDPOINT = given["url"] + "/v3/users/me"
library.GROUPS_ENDPOINT = given["url"] + "/v3/groups"
library.FAYE_HTTP_ENDPOINT = given["url"] + "/faye"
library.FAYE_WS_ENDPOINT = given["url"].replace("http", "ws", 1) + "/faye"

heard: queue.Queue[tuple[str, Any]] = queue.Queue()
saw: dict[str, Any] = {}


class Log(logging.Handler):
    """Hears of what the library does, and of what it does not like."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            heard.put(("warned", text))
        elif text.startswith(("Subscription success", "Unsubscribed")):
            heard.put(("log", text.rpartition(" ")[2]))


library.logger.setLevel(logging.DEBUG)
library.logger.addHandler(Log())


def do(path: str, body: object = None, *, who: str = "ada", method: str = "POST") -> Any:
    """Do something, as Ada where nobody else is named."""
    headers = {"X-Access-Token": given[who]}
    url = f"{given['url']}/v3/{path}"
    answer = httpx.request(method, url, json=body, headers=headers, timeout=PATIENCE, trust_env=False)
    answer.raise_for_status()
    return answer.json()["response"] if answer.content else None


def say(text: str, *, who: str = "ada") -> str:
    """Say something in the group, and give the message's id."""
    message = do(f"groups/{group}/messages", {"message": {"text": text, "source_guid": text}}, who=who)["message"]
    return str(message["id"])


def add(group: str, user: str) -> None:
    """Add somebody to a group."""
    do(f"groups/{group}/members/add", {"members": [{"user_id": user}]})


def hear(kind: str) -> Any:
    """Give what comes next, which is of this kind."""
    found, what = heard.get(timeout=PATIENCE)
    if found != kind:
        raise AssertionError(f"{found} instead of {kind}: {what}; saw {saw}")
    return what


def callback(kind: str) -> Any:
    return lambda *what: heard.put((kind, what[0] if what else None))


def refused(token: str) -> str:
    """Begin with a token that is none."""
    try:
        PushClient(token).start()
    except AuthenticationError as error:
        return str(error)
    return ""


saw["stranger"] = refused("nobody")
group = do("groups", {"name": "Pub"})["id"]
add(group, given["bob_id"])
foreign = do("groups", {"name": "Club"})["id"]

client = PushClient(
    given["bob"],
    threaded_callbacks=False,
    reconnect=0.1,
    ping_timeout=1,  # also how long it takes to notice that it is to stop
    **{f"on_{kind}": callback(kind) for kind in ("message", "dm", "like", "favorite", "other", "error")},
)
client.receive_connect(lambda: heard.put(("connect", client.client_id)))
client.start(wait=True)
try:
    first = hear("connect")
    saw["subscribed"] = [hear("log")]
    saw["groups"] = [name for _, name in client.list_groups()]
    client.subscribe_to_group(group)
    saw["subscribed"] += [hear("log")]
    saw["club"] = f"/group/{foreign}"
    client.subscribe_to_group(foreign)
    saw["foreign"] = "403" in hear("warned")

    # What there is to hear
    hello = say("hello")
    saw["message"] = hear("message")["text"]
    do(f"messages/{group}/{hello}/like")
    saw["favorite"] = hear("favorite")["line"]["text"]
    mine = say("mine", who="bob")
    saw["own"] = hear("message")["text"]
    do(f"messages/{group}/{mine}/like")
    hear("favorite")
    saw["like"] = hear("like")["line"]["text"]
    do("direct_messages", {"direct_message": {"recipient_id": given["bob_id"], "text": "psst", "source_guid": "two"}})
    saw["dm"] = hear("dm")["text"]
    add(group, given["cleo_id"])
    saw["added"] = hear("message")["event"]["type"]
    add(foreign, given["bob_id"])
    saw["membership"] = hear("other")["type"]
    saw["added to another"] = hear("message")["event"]["type"]
    do(f"conversations/{group}/messages/{hello}", method="DELETE")
    saw["deleted"] = [hear("message")["event"]["type"], hear("other")["type"]]

    # What it says
    client.send_ping(client.ws, f"/user/{given['bob_id']}")
    client._probe()
    saw["probed"] = hear("log")
    client.unsubscribe_from_group(group)
    saw["unsubscribed"] = hear("log")
    do(f"messages/{group}/{say('quiet')}/like")
    say("after it")
    saw["quiet"] = [hear("message")["text"], hear("message")["text"]]

    # Coming back: with a line that broke, and with a session that the server does not know
    client.ws.sock.sock.shutdown(socket.SHUT_RDWR)
    saw["broke"] = [bool(hear(kind)) for kind in ("warned", "error")]
    saw["another"] = hear("connect") != first
    saw["subscribed again"] = sorted(hear("log") for _ in range(2))
    say("are you back?")
    saw["back"] = hear("message")["text"]
    client.client_id = "nobody"
    client._probe()
    saw["unknown"] = hear("warned").rpartition(":")[2]
    saw["subscribed anew"] = sorted(hear("log") for _ in range(2))
    # The session before hears as well until the new one has connected, which is before this is answered.
    client._recovery_thread.join(PATIENCE)
    client._probe()
    hear("log")
    say("and now?")
    say("and then?")
    saw["anew"] = [hear("message")["text"], hear("message")["text"]]
finally:
    client.stop()
saw["stopped"] = not client.thread.is_alive()
json.dump(saw, sys.stdout)
