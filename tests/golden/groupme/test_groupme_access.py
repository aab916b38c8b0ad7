"""Who gets at what: every route, as everybody who may not, with ids of everything that is not theirs.

CALLS has every route with a request that succeeds for a member, so that whoever is refused is refused for who they are;
a new route fails here until it is in it. Whatever outsiders are told, no word of the group is in it, and nothing that
its members see is another afterwards.
"""

import io
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Literal, NamedTuple

import httpx
import msgspec
import pytest
from PIL import Image
from tests.golden.groupme.ear import Ear
from tests.golden.groupme.person import Person
from tests.golden.jumpin.place import START, Place, Somebody

from hubbub.core.account import IssueToken, Register
from hubbub.core.chat import PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.joining import LeaveGroup, RemoveMember
from hubbub.core.model import Ban, Member, Room
from hubbub.core.user import BanUser, DeleteUser, SilenceUser
from hubbub.dialects.groupme.rest import NOUNS
from hubbub.live.world import new_world

Json = Any
Kind = Literal["member", "own", "anybody"]

WORD = "Xylophone"
"""In the name of everything that outsiders must not learn of."""
FUTURE = {"start_at": "2031-01-01T10:00:00Z", "end_at": "2031-01-01T11:00:00Z", "timezone": "UTC"}
PICTURE = io.BytesIO()
Image.new("RGB", (2, 2)).save(PICTURE, "PNG")


class Call(NamedTuple):
    """A request that a member makes, and what comes of it.

    `kind`: whether it is about a group ("member"), about the one who asks ("own"), or needs nobody to be logged in
    ("anybody"). `reads`: who is silenced may do it, too. In texts, words in capitals stand for ids.
    """

    kind: Kind = "member"
    reads: bool = False
    body: Json = None
    query: str = ""
    content: bytes | None = None
    fine: int = 200


READS = Call(reads=True)
MESSAGE: Json = {"text": WORD}
LOGIN: Json = {"username": "nobody", "password": "none", "grant_type": "password"}
CALLS: dict[str, Call] = {
    "GET /v3/users/me": Call("own", reads=True),
    "POST /v3/users/update": Call("own", reads=True, body={"name": "Ivan"}),
    "GET /v3/groups": Call("own", reads=True),
    "POST /v3/groups": Call("own", body={"name": "Another"}, fine=201),
    "GET /v3/groups/former": Call("own", reads=True),
    "GET /v3/groups/pending_memberships": Call("own", reads=True),
    "GET /v3/memberships/states": Call("own", reads=True),
    "POST /v3/groups/change_owners": Call(
        "own", reads=True, body={"requests": [{"group_id": "GROUP", "owner_id": "ADA"}]}
    ),
    "GET /v3/groups/GROUP": READS,
    "POST /v3/groups/GROUP/update": Call(body={"description": WORD}),
    "GET /v3/groups/GROUP/preview": READS,
    "GET /v3/groups/GROUP/preview/TOKEN": Call("anybody", reads=True),
    "POST /v2/groups/GROUP/memberships/mute": Call(reads=True, body={"duration": 5}),
    "POST /v2/groups/GROUP/memberships/unmute": READS,
    "POST /v3/groups/GROUP/memberships/mute_all": READS,
    "POST /v3/groups/GROUP/memberships/unmute_all": READS,
    "GET /v3/groups/GROUP/members": READS,
    "GET /v3/groups/GROUP/members/results/RESULTS": READS,
    "POST /v3/groups/GROUP/members/MEMBER/update": Call(body={"role": "admin"}),
    "GET /v3/groups/GROUP/pending_memberships": Call(),
    "POST /v3/groups/GROUP/memberships/update": Call(body={"membership": {"nickname": WORD}}),
    "POST /v2/groups/GROUP/memberships/FORMER/destroy": Call(),
    "POST /v3/poll/GROUP": Call(
        body={"subject": WORD, "options": [{"title": "A"}, {"title": "B"}], "expiration": 1_780_000_000}, fine=201
    ),
    "GET /v3/poll/GROUP": Call(),
    "GET /v3/poll/GROUP/POLL": Call(),
    "POST /v3/poll/GROUP/POLL": Call(body={"votes": ["1"]}),
    "POST /v3/poll/GROUP/POLL/OPTION": Call(),
    "POST /v3/poll/GROUP/POLL/end": Call(),
    "GET /v3/conversations/GROUP/events/list": READS,
    "GET /v3/conversations/GROUP/events/show": Call(reads=True, query="event_id=EVENT"),
    "POST /v3/conversations/GROUP/events/create": Call(body={"name": WORD, **FUTURE}, fine=201),
    "POST /v3/conversations/GROUP/events/update": Call(query="event_id=EVENT", body={"description": WORD}),
    "POST /v3/conversations/GROUP/events/rsvp": Call(query="event_id=EVENT&going=false"),
    "DELETE /v3/conversations/GROUP/events/rsvp/delete": Call(query="event_id=EVENT"),
    "DELETE /v3/conversations/GROUP/events/delete": Call(query="event_id=EVENT"),
    "GET /v3/groups/GROUP/calendar": READS,
    "GET /v3/groups/GROUP/calendar.ics": Call("anybody", reads=True, query="token=FEED"),
    "POST /pictures": Call("own", content=PICTURE.getvalue()),
    "GET /i/PICTURE": Call("anybody", reads=True),
    "HEAD /i/PICTURE": Call("anybody", reads=True),
    "POST /v1/GROUP/files": Call(content=b"x", fine=201),
    "GET /v1/GROUP/uploadStatus": Call(reads=True, query="job=FILE"),
    "POST /v1/GROUP/fileData": Call(reads=True, body={"file_ids": ["FILE"]}),
    "GET /v1/GROUP/files/FILE": READS,
    "POST /v1/GROUP/files/FILE": READS,
    "POST /transcode": Call("anybody", reads=True, fine=501),
    "GET /v3/conversations/GROUP/gallery": READS,
    "POST /v2/access_tokens": Call("anybody", reads=True, body=LOGIN, fine=401),
    "GET /v2/access_tokens": Call("own", reads=True),
    "POST /v2/access_tokens/current/destroy": Call("own", reads=True),
    "POST /v2/access_tokens/ACCESS/destroy": Call("own", reads=True, fine=404),
    "POST /v3/access_tokens": Call("anybody", reads=True, body=LOGIN, fine=401),
    "GET /v3/access_tokens": Call("own", reads=True),
    "POST /v3/access_tokens/current/destroy": Call("own", reads=True),
    "POST /v3/access_tokens/ACCESS/destroy": Call("own", reads=True, fine=404),
    "GET /v3/groups/GROUP/messages": READS,
    "POST /v3/groups/GROUP/messages": Call(body={"message": MESSAGE}, fine=201),
    "GET /v3/groups/GROUP/messages/MESSAGE": READS,
    "GET /v4/groups/GROUP/messages/MESSAGE": READS,
    "PUT /v4/groups/GROUP/messages/MESSAGE": Call(body=MESSAGE),
    "POST /v3/messages/GROUP/MESSAGE/like": Call(),
    "POST /v3/messages/GROUP/MESSAGE/unlike": Call(),
    "GET /v3/groups/GROUP/likes": READS,
    "GET /v3/groups/GROUP/likes/mine": READS,
    "GET /v3/groups/GROUP/likes/for_me": READS,
    "POST /v3/conversations/GROUP/messages/MESSAGE/pin": Call(),
    "POST /v3/conversations/GROUP/messages/MESSAGE/unpin": Call(),
    "GET /v3/pinned/groups/GROUP/messages": READS,
    "DELETE /v3/conversations/GROUP/messages/MESSAGE": Call(fine=204),
    "GET /v3/pinned/direct_messages": Call("own", reads=True, query="other_user_id=BOB"),
    "GET /v3/chats": Call("own", reads=True),
    "GET /v3/chats/PAIR": READS,
    "GET /v3/direct_messages": Call("own", reads=True, query="other_user_id=BOB"),
    "POST /v3/direct_messages": Call("own", body={"direct_message": {"recipient_id": "DORA", "text": "Hi"}}, fine=201),
    "GET /v3/direct_messages/DIRECT": Call(reads=True, query="other_user_id=BOB"),
    "POST /v2/read_receipts": Call(reads=True, body={"read_receipt": {"chat_id": "GROUP", "message_id": "MESSAGE"}}),
    "POST /v3/conversations/GROUP/read_receipt": READS,
    "POST /v4/read_receipts/GROUP": Call(reads=True, fine=202),
    "GET /v3/bots": Call("own", reads=True),
    "POST /v3/bots": Call(body={"bot": {"name": WORD, "group_id": "GROUP"}}, fine=201),
    "POST /v3/bots/update": Call(body={"bot_id": "BOT", "name": WORD}),
    "POST /v3/bots/post": Call("anybody", body={"bot_id": "BOT-TOKEN", "text": WORD}, fine=202),
    "GET /v3/bots/BOT/deliveries": READS,
    "POST /v3/bots/destroy": Call(reads=True, body={"bot_id": "BOT"}),
    "GET /v3/blocks": Call("own", reads=True, query="otherUser=BOB"),
    "POST /v3/blocks": Call("own", reads=True, query="otherUser=DORA", fine=201),
    "DELETE /v3/blocks": Call("own", reads=True, query="otherUser=DORA"),
    "POST /v3/blocks/delete": Call("own", reads=True, query="otherUser=DORA"),
    "GET /v3/blocks/between": Call("own", reads=True, query="otherUser=BOB"),
    "GET /v2/users/BOB": READS,
    "GET /v4/relationships": Call("own", reads=True),
    "GET /v4/pinned_conversations": Call("own", reads=True),
    "PUT /v4/pinned_conversations": Call(reads=True, body={"pinned_conversations": ["GROUP"]}),
    "GET /v3/groups/GROUP/search": Call(reads=True, query=f"q={WORD}"),
    "GET /v3/search": Call("own", reads=True, query=f"q={WORD}"),
    "POST /v3/groups/GROUP/members/add": Call(body={"members": [{"user_id": "DORA"}]}, fine=202),
    "POST /v3/groups/GROUP/members/PENDING/approval": Call(body={"approval": False}),
    "POST /v3/groups/GROUP/members/MEMBER/remove": Call(),
    "POST /v3/groups/GROUP/join": READS,
    "POST /v3/groups/GROUP/join/NO-TOKEN": READS,
    "POST /v3/groups/join": Call(reads=True, body={"group_id": "GROUP"}, fine=404),
    "POST /v3/groups/GROUP/destroy": Call(),
}
"""In the order in which the owner makes them all."""
ENDING = "/access_tokens/current/destroy"
"""What takes away the token that shows who asks."""
THEIRS = {
    "left": {"GET /v3/groups/former", "POST /v3/groups/join"},
    "pending": {"GET /v3/groups/pending_memberships"},
}
"""What outsiders may know or do all the same; that has tests of its own."""


def routes() -> list[str]:
    """Give all routes of the dialect, with what is in braces as CALLS writes it."""
    words = {"conversation": "GROUP", "group": "GROUP", "name": "PICTURE", "user": "BOB"}
    found = []
    for noun in NOUNS:
        for route in noun.ROUTES:
            path = re.sub(r"\{(\w+):str\}", lambda found: words.get(found[1], found[1].upper()), route.path)
            for old, new in (
                ("access_tokens/TOKEN", "access_tokens/ACCESS"),
                ("join/TOKEN", "join/NO-TOKEN"),
                ("chats/GROUP", "chats/PAIR"),
                ("direct_messages/MESSAGE", "direct_messages/DIRECT"),
                ("MEMBER/approval", "PENDING/approval"),
                ("MEMBER/destroy", "FORMER/destroy"),
            ):
                path = path.replace(old, new)
            found.append(f"{route.method.value} {path}")
    return found


def test_every_route_is_known() -> None:
    assert sorted(CALLS) == sorted(routes())


class Scene:
    """Ada's group with one thing of everything, what she says to Bob, and ids of all that."""

    def __init__(self, ada: Person, bob: Person, person: Callable[[str], Person]) -> None:
        self.ada, self.bob = ada, bob
        dora, erin, fred = (person(name) for name in ("Dora", "Erin", "Fred"))
        group = ada.make_group(f"{WORD} group", share=True)
        ada.add(group, bob, erin, fred)
        erin.post(f"/v3/groups/{group}/members/{self.member(group, erin)}/remove")
        said = ada.say(group, f"{WORD} said", attachments=[{"type": "image", "url": "https://x.example/a.png"}])
        file = ada.fetch("POST", f"/v1/{group}/files", content=WORD.encode()).json()["file_id"]
        direct = {"recipient_id": bob.id, "text": f"{WORD} to Bob"}
        options = [{"title": f"{WORD} A"}, {"title": "B"}]
        poll = {"subject": f"{WORD} poll", "options": options, "expiration": 1_780_000_000}
        event = ada.post(f"/v3/conversations/{group}/events/create", {"name": f"{WORD} event", **FUTURE})["event"]
        bot = ada.post("/v3/bots", {"bot": {"name": f"{WORD} bot", "group_id": group}})["bot"]
        added = ada.post(f"/v3/groups/{group}/members/add", {"members": [{"user_id": person("Gus").id}]})
        picture = ada.fetch("POST", "/pictures", content=PICTURE.getvalue()).json()["payload"]["url"]
        room = ada.place.state.rooms[int(group)]
        self.group = group
        self.words = {
            "GROUP": group,
            "NO-TOKEN": "x",
            "TOKEN": room.share_token,
            "RESULTS": added["results_id"],
            "MEMBER": self.member(group, fred),
            "FORMER": str(ada.place.state.former[int(group)][erin.number].id),
            "MESSAGE": said["id"],
            "POLL": ada.post(f"/v3/poll/{group}", poll)["poll"]["data"]["id"],
            "OPTION": "1",
            "EVENT": event["event_id"],
            "FEED": ada.get(f"/v3/groups/{group}/calendar")["url"].partition("token=")[2],
            "PICTURE": picture.rpartition("/")[2],
            "FILE": file,
            "ACCESS": "7",
            "DIRECT": ada.post("/v3/direct_messages", {"direct_message": direct})["direct_message"]["id"],
            "PAIR": f"{ada.id}+{bob.id}",
            "BOT-TOKEN": bot["bot_id"],
            "BOT": bot["user_id"],
            "ADA": ada.id,
            "BOB": bob.id,
            "DORA": dora.id,
        }
        ada.post(f"/v3/groups/{group}/update", {"requires_approval": True})
        hal = person("Hal")
        hal.post(f"/v3/groups/{group}/join/{room.share_token}")
        self.words["PENDING"] = str(ada.place.state.requests[int(group)][hal.number].id)

    @property
    def direct(self) -> Room:
        found = self.ada.place.state.direct_between(self.ada.number, self.bob.number)
        assert found
        return found

    def member(self, group: str, who: Person) -> str:
        return str(who.place.state.members[int(group)][who.number].id)

    def fill(self, text: str) -> str:
        """Write ids in place of the words that stand for them."""
        for word in sorted(self.words, key=len, reverse=True):
            text = re.sub(rf"(?<![A-Z-]){word}(?![A-Z-])", self.words[word], text)
        return text

    def make(self, who: Person, name: str, *, place: str = "", **more: Any) -> httpx.Response:
        """Make a call of CALLS as somebody, in another place than the group where one is given."""
        call = CALLS[name]
        method, _, path = name.partition(" ")
        if place:
            path = path.replace("GROUP", place)
        body = (
            call.body
            if call.body is None
            else msgspec.json.decode(self.fill(str(msgspec.json.encode(call.body), "utf-8")))
        )
        if body is not None:
            more["json"] = body
        elif call.content is not None:
            more["content"] = call.content
        return who.fetch(method, f"{self.fill(path)}?{self.fill(call.query)}", **more)

    def seen(self) -> dict[str, Json]:
        """Give all that its owner sees, by path, so that changes show."""
        ada, group = self.ada, self.group
        paths = [name.removeprefix("GET ") for name, call in CALLS.items() if name.startswith("GET ") and call.reads]
        left_out = ("/i/", "calendar.ics", "/access_tokens", "/RESULTS")
        found = {path: self.make(ada, f"GET {path}").text for path in paths if not any(o in path for o in left_out)}
        return {**found, "history": ada.history(group), "chat": self.bob.get(f"/v3/chats/{self.words['PAIR']}")}


@pytest.fixture
def scene(ada: Person, bob: Person, person: Callable[[str], Person]) -> Scene:
    return Scene(ada, bob, person)


@pytest.fixture(autouse=True)
def clean_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Show that nothing that is asked here is a fault of the server's."""
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Outsiders


def stranger(scene: Scene, who: Person) -> None:
    """Nothing is between them and the group."""


def come(scene: Scene, who: Person) -> None:
    """Belong to the group for a while, and leave something there."""
    scene.ada.add(scene.group, who)
    who.say(scene.group, "Hi")
    who.post("/v3/bots", {"bot": {"name": "Robo", "group_id": scene.group}})
    scene.ada.post(f"/v3/groups/{scene.group}/update", {"name": f"{WORD} renamed"})


def left(scene: Scene, who: Person) -> None:
    come(scene, who)
    who.place.do(LeaveGroup(room=int(scene.group)), user=who.number)


def removed(scene: Scene, who: Person) -> None:
    come(scene, who)
    who.place.do(RemoveMember(room=int(scene.group), user=who.number), user=scene.ada.number)


def banned_there(scene: Scene, who: Person) -> None:
    """Who is banned from a room still belongs to it, for when the ban is over."""
    come(scene, who)
    place, room = who.place, int(scene.group)
    ban = Ban(id=place.application.community.new_id(), world=place.state.world.id, user=who.number, room=room, at=START)
    place.ask(lambda: place.state.put(ban))


def pending(scene: Scene, who: Person) -> None:
    who.post(f"/v3/groups/{scene.group}/join/{scene.words['TOKEN']}")


def banned(scene: Scene, who: Person) -> None:
    scene.ada.add(scene.group, who)
    who.place.do(BanUser(user=who.number))


def deleted(scene: Scene, who: Person) -> None:
    scene.ada.add(scene.group, who)
    who.place.do(DeleteUser(user=who.number))


OUTSIDERS = (stranger, left, removed, banned_there, pending, banned, deleted)
NOBODY = (banned, deleted)
"""Outsiders whose tokens are good for nothing."""


@pytest.mark.parametrize("become", OUTSIDERS, ids=lambda become: become.__name__)
def test_outsiders_learn_and_change_nothing(scene: Scene, person: Callable[[str], Person], become: Any) -> None:
    who = person("Ivan")
    become(scene, who)
    direct = str(scene.direct.id)
    before, faults = scene.seen(), []
    for name, call in CALLS.items():
        if call.kind == "anybody" or ENDING in name or name in THEIRS.get(become.__name__, ()):
            continue
        for place in ("", scene.words["PAIR"], direct) if "GROUP" in name else ("",):
            answer = scene.make(who, name, place=place)
            fine = answer.status_code in ((401,) if become in NOBODY else (403, 404) if call.kind == "member" else ALL)
            if not fine or WORD in answer.text:
                faults.append((name, place, answer.status_code, answer.text[:200]))
    assert faults == []
    after = scene.seen()
    assert {path for path in before if after[path] != before[path]} == set()


ALL = range(200, 500)


@pytest.mark.parametrize("become", OUTSIDERS, ids=lambda become: become.__name__)
def test_outsiders_hear_nothing(scene: Scene, person: Callable[[str], Person], become: Any) -> None:
    who = person("Ivan")
    become(scene, who)
    pair = f"/direct_message/{scene.ada.id}_{scene.bob.id}"
    own = "" if become in NOBODY else f"/user/{who.id}"
    with Ear(who, own) as ear, Ear(scene.ada, f"/group/{scene.group}", pair) as ada:
        for channel in (f"/group/{scene.group}", pair, f"/user/{scene.ada.id}", "/**", "/group/*", "/meta/connect"):
            assert not ear.subscribe(channel)["successful"], channel
            assert not ear.publish(channel, {"type": "typing"}).get("successful"), channel
        scene.ada.say(scene.group, "Hi")
        assert ada.drain() == []
        assert ear.drain() == []


def test_members_do_all_of_it(scene: Scene) -> None:
    """Otherwise outsiders might be refused for what they send."""
    statuses = {name: scene.make(scene.ada, name).status_code for name in CALLS if ENDING not in name}
    assert statuses == {name: call.fine for name, call in CALLS.items() if ENDING not in name}


def test_the_silenced_look_and_do_nothing(scene: Scene) -> None:
    ada = scene.ada
    ada.place.do(SilenceUser(user=ada.number))
    before = [said["text"] for said in scene.bob.history(scene.group)]
    faults = []
    for name, call in CALLS.items():
        if ENDING in name:
            continue
        answer = scene.make(ada, name)
        if answer.status_code != (call.fine if call.reads else 403):
            faults.append((name, answer.status_code, answer.text[:200]))
    assert faults == []
    after = [said["text"] for said in scene.bob.history(scene.group)]
    assert after == [f"Ivan removed the {WORD} bot bot from the group", *before]


def test_who_is_banned_there_can_leave(scene: Scene, person: Callable[[str], Person]) -> None:
    who = person("Ivan")
    banned_there(scene, who)
    own = scene.member(scene.group, who)
    assert who.refusal("GET", f"/v3/groups/{scene.group}")[0] == 404
    who.post(f"/v3/groups/{scene.group}/members/{own}/remove")
    assert who.id not in [one["user_id"] for one in scene.ada.get(f"/v3/groups/{scene.group}")["members"]]


# Other worlds, other rooms


@pytest.fixture
def elsewhere(groupme_place: Place) -> str:
    """Give the host name of another world on the same server."""
    place, name = groupme_place, "elsewhere.example"
    if "elsewhere" not in place.application.community.worlds:
        community = place.application.community
        world = msgspec.structs.replace(new_world(community, "elsewhere"), domain=name)
        place.run(community.create_world(world))
    return name


def test_another_world_knows_nothing_of_this_one(scene: Scene, http: httpx.Client, elsewhere: str) -> None:
    """Messages have numbers, and everything else ids, that are told apart by nothing but their world."""
    place = scene.ada.place
    community, state = place.application.community, place.application.community.worlds["elsewhere"]
    other = place.run(community.call(state, Register(username=f"eve{scene.group[-9:]}", password="correct horse")))
    secret = place.run(community.call(state, IssueToken(label="test", life=timedelta(days=1)), user=other.id))
    eve = Person(place, http, Somebody(id=other.id, name="Eve", token="", session="", secret=secret))
    host: dict[str, Any] = {"headers": {"Host": elsewhere}}
    own = eve.fetch("POST", "/v3/groups", json={"name": "Own"}, **host).json()["response"]["id"]
    eve.fetch("POST", f"/v3/groups/{own}/messages", json={"message": {"text": "Hi"}}, **host)
    before, faults = scene.seen(), []
    for name, call in CALLS.items():
        if ENDING in name or "PICTURE" in name:
            continue
        if call.kind != "anybody":
            answers = [scene.make(scene.ada, name, **host), scene.make(eve, name)]
            faults += [(name, answer.text) for answer in answers if answer.status_code != 401]
        for there in ("", own) if "GROUP" in name and name.startswith("GET ") else ("",):
            answer = scene.make(eve, name, place=there, **host)
            if WORD in answer.text or (call.kind == "member" and not there and answer.status_code not in (403, 404)):
                faults.append((name, answer.text))
    assert faults == []
    after = scene.seen()
    assert {path for path in before if after[path] != before[path]} == set()


def test_rooms_that_are_no_groups(scene: Scene, person: Callable[[str], Person]) -> None:
    """Talk of three and more, and rooms where people come and go, are none here, also to who is in them."""
    ada, place, cleo = scene.ada, scene.ada.place, person("Cleo")
    three = place.do(OpenDirect(users=(scene.bob.number, cleo.number)), user=ada.number).room
    place.do(PostMessage(room=three.id, body=f"{WORD} to three"), user=ada.number)
    volatile = place.room()
    direct = scene.direct
    place.ask(lambda: place.state.put(Member(room=volatile.id, user=ada.number, world=volatile.world, joined=START)))
    faults = []
    for name in CALLS:
        for room in (three, volatile, direct) if "GROUP" in name else ():
            answer = scene.make(ada, name, place=str(room.id))
            if answer.status_code not in (403, 404):
                faults.append((name, room.kind, answer.text))
    assert faults == []
    for path in ("/v3/groups", "/v3/chats", f"/v3/search?q={WORD}"):
        assert f"{WORD} to three" not in ada.fetch("GET", path).text
    with Ear(ada, "") as ear:
        for room in (three, volatile, direct):
            assert not ear.subscribe(f"/group/{room.id}")["successful"]
