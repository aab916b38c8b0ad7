"""The faye client of npm hears everything live (protocols/groupme.md 3)."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.clients import story
from tests.golden.jumpin.place import Place, Somebody

from hubbub.core.chat import DeleteMessage, PostMessage, ReactToMessage
from hubbub.core.direct import SendDirect
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.joining import AddMembers, NewMember
from hubbub.core.model import Message

Json = Any

PATIENCE = 20

pytestmark = story.needs_npm("faye")


class Listener:
    """A process with a faye client."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hear(self) -> Json:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the client has ended"
        return json.loads(line)

    def expect(self, kind: str, channel: str) -> Json:
        """Give the data of what comes next, which is this."""
        heard = self.hear()
        assert (heard.get("channel"), heard.get("data", {}).get("type")) == (channel, kind), heard
        return heard["data"]

    def publish(self, channel: str, data: Json) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"channel": channel, "data": data}) + "\n")
        self._process.stdin.flush()


@contextmanager
def listener(place: Place, who: Somebody, transport: str, *channels: str) -> Iterator[Listener]:
    words, environment = story.node("story_faye.js", f"{place.url}/faye", transport, who.secret, *channels)
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield Listener(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


@pytest.mark.parametrize("transport", ["websocket", "long-polling"])
def test_a_faye_client_hears_a_group_live(place: Place, transport: str) -> None:
    ada, bob = place.account(), place.account()
    room = place.do(CreateGroup(settings=GroupSettings(name="Pub")), user=ada.id).id
    member = NewMember(user=bob.id, nickname="Bob")
    place.do(AddMembers(room=room, members=(member,)), user=ada.id)
    own, group, foreign = f"/user/{bob.id}", f"/group/{room}", f"/user/{ada.id}"
    with listener(place, bob, transport, own, group, foreign) as there:
        answers = [there.hear() for _ in range(4)]
        assert {"subscribed": own} in answers
        assert {"subscribed": group} in answers
        assert [one["refused"] for one in answers if "refused" in one] == [foreign]
        assert answers[-1] == {"ready": True}
        message: Message = place.do(PostMessage(room=room, body="Hello"), user=ada.id)
        subject = there.expect("line.create", own)["subject"]
        assert (subject["text"], subject["group_id"], subject["sender_id"]) == ("Hello", str(room), str(ada.id))
        place.do(ReactToMessage(room=room, number=message.number, reaction="👍"), user=bob.id)
        there.expect("favorite", group)
        place.do(SendDirect(user=bob.id, body="Psst"), user=ada.id)
        assert there.expect("direct_message.create", own)["subject"]["text"] == "Psst"
        place.do(DeleteMessage(room=room, number=message.number), user=ada.id)
        assert there.expect("line.create", own)["subject"]["event"]["type"] == "message.deleted"
        there.expect("message.deleted", group)
        there.publish(group, {"type": "typing", "user_id": str(bob.id), "started": 1})
        answers = sorted((there.hear() for _ in range(2)), key=lambda one: "published" in one)
        assert answers[0]["data"]["type"] == "typing"
        assert answers[1] == {"published": group}
