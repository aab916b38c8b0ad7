"""Every event of a group (protocols/groupme.md 1): from what somebody does to what everybody gets.

What is done goes through the REST of this dialect; what comes of it is read in the history, heard as a push, and seen
by a client of Venueless and a bot of jumpin that are in the same room.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from tests.golden.groupme.ear import Ear
from tests.golden.groupme.person import Person
from tests.golden.jumpin.bot import Bot
from tests.golden.jumpin.place import START, Place
from tests.golden.venueless.world import Client

from hubbub.core.chat import DeleteMessage
from hubbub.core.joining import AddMembers, DropMember, NewMember
from hubbub.core.moderator import AppointModerator
from hubbub.core.user import GrantRole, UpdateProfile
from hubbub.dialects.venueless.id import Kind, parse, render

Json = Any

NUMBERS = itertools.count(1)
LIKE_ICON = {"pack_id": 1, "pack_index": 63, "type": "emoji"}
ALL = {
    *("bot.add", "bot.del"),
    *(f"calendar.event.{name}" for name in ("created", "starting")),
    *(f"calendar.event.user.{name}" for name in ("going", "not_going", "undecided")),
    *(f"group.{name}_change" for name in ("avatar", "name", "theme", "topic", "type")),
    *(f"group.{name}" for name in ("added_to_directory", "like_icon_set", "role_change_admin")),
    *(f"group.office_mode_{name}" for name in ("disabled", "enabled")),
    *(f"membership.announce.{name}" for name in ("added", "joined", "rejoined")),
    *(f"membership.{name}_changed" for name in ("avatar", "nickname")),
    *(f"membership.notifications.{name}" for name in ("autokicked", "exited", "removed")),
    "message.deleted",
    *(f"poll.{name}" for name in ("created", "finished", "reminder")),
}
"""The 29 of the original list (1.2)."""


class Stage:
    """A group of Ada, who owns it, Bob, who listens, and two who are there by other clients. Cleo is outside."""

    def __init__(self, place: Place, make: Callable[[str], Person], scope: ExitStack) -> None:
        self.place = place
        self.ada, self.bob, self.cleo = make("Ada"), make("Bob"), make("Cleo")
        self.name = f"pub{next(NUMBERS)}x"
        made = self.ada.post("/v3/groups", {"name": self.name, "share": True, "description": "Beer"})
        self.group: str = made["id"]
        self.token: str = made["share_url"].split("/")[-1]
        self.vera = scope.enter_context(Client(f"ws://127.0.0.1:{place.port}/ws/world/main/"))
        self.vera.authenticate({"client_id": f"vera of {self.name}"})
        place.do(UpdateProfile(profile={"display_name": "Vera"}), user=parse(self.vera.id, Kind.USER) or 0)
        jim = place.account()
        vera = parse(self.vera.id, Kind.USER) or 0
        for user, name in ((self.bob.number, "Bob"), (vera, "Vera"), (jim.id, "Jim")):
            member = NewMember(user=user, nickname=name)
            place.do(AddMembers(room=int(self.group), members=(member,)), user=self.ada.number)
        self.channel = render(int(self.group), Kind.CHANNEL)
        self.vera.drain()
        self.vera.ok("chat.subscribe", {"channel": self.channel})
        self.jim = scope.enter_context(Bot(place.port, jim.token))
        self.jim.send("room::join", {"room": self.name})
        self.jim.settle(self.name)
        self.ear = scope.enter_context(Ear(self.bob))
        self.kept: Json = None
        """What an action leaves for the expectation."""

    # Words for what actions do

    def update(self, **fields: Json) -> None:
        self.ada.post(f"/v3/groups/{self.group}/update", fields)

    def member(self, person: Person) -> str:
        """Give the id of a membership."""
        members = self.ada.get(f"/v3/groups/{self.group}")["members"]
        return str(next(member["id"] for member in members if member["user_id"] == person.id))

    def membership(self, person: Person, **fields: Json) -> None:
        person.post(f"/v3/groups/{self.group}/memberships/update", {"membership": fields})

    def join(self, person: Person) -> None:
        person.post(f"/v3/groups/{self.group}/join/{self.token}")

    def leave(self, person: Person) -> None:
        person.post(f"/v3/groups/{self.group}/members/{self.member(person)}/remove")

    def make_bot(self) -> str:
        bot = {"name": "Robo", "group_id": self.group}
        return str(self.ada.post("/v3/bots", {"bot": bot})["bot"]["bot_id"])

    def make_event(self, **more: Json) -> str:
        begin = self.place.ask(self.place.clock) + timedelta(days=1)
        event = {
            "name": "Picnic",
            "start_at": begin.isoformat(),
            "end_at": (begin + timedelta(hours=2)).isoformat(),
            "timezone": "Europe/Berlin",
            "is_all_day": False,
            **more,
        }
        made = self.ada.post(f"/v3/conversations/{self.group}/events/create", event)
        return str(made["event"]["event_id"])

    def answer(self, event: str, going: str) -> None:
        path = f"/v3/conversations/{self.group}/events/rsvp?event_id={event}"
        if going:
            self.bob.post(f"{path}&going={going}")
        else:
            self.bob.ask("DELETE", f"/v3/conversations/{self.group}/events/rsvp/delete?event_id={event}")

    def make_poll(self, **more: Json) -> str:
        end = self.place.ask(self.place.clock) + timedelta(hours=8)
        poll = {
            "subject": "Tea?",
            "options": [{"title": "Yes"}, {"title": "No"}],
            "expiration": int(end.timestamp()),
            "type": "single",
            "visibility": "public",
            **more,
        }
        made = self.ada.post(f"/v3/poll/{self.group}", poll)
        return str(made["poll"]["data"]["id"])

    # What came of it

    def last(self) -> Json:
        return self.bob.last(self.group)

    def user(self, person: Person, nickname: str = "", *, text: bool = False) -> Json:
        return {"id": person.id if text else person.number, "nickname": nickname or person.name}


class Case(NamedTuple):
    """One event: what is done, and what its data and its text are then."""

    action: Callable[[Stage], object]
    data: Callable[[Stage], Json]
    text: Callable[[Stage], str] | str
    sender: str = "system"
    attachments: Callable[[Stage], list[Json]] = lambda _: []
    before: tuple[Callable[[Stage], object], ...] = ()
    venueless: str = "text"
    """How a client of Venueless sees it: as text, as a member who comes or goes, as a poll, as deleted, or not."""
    jumpin: bool = True
    """Whether a bot of jumpin sees it as a line of the room."""


def keep(what: Callable[[Stage], Json]) -> Callable[[Stage], None]:
    def run(stage: Stage) -> None:
        stage.kept = what(stage)

    return run


def by_ada(**more: Json) -> Callable[[Stage], Json]:
    return lambda stage: {"user": stage.user(stage.ada), **more}


def event_of(stage: Stage, person: Person) -> Json:
    return {"event": {"id": stage.kept, "name": "Picnic"}, "user": stage.user(person, text=True)}


def shown(view: str) -> Callable[[Stage], list[Json]]:
    return lambda stage: [{"type": "event", "event_id": stage.kept, "view": view}]


def event_url(stage: Stage) -> str:
    return f"{stage.place.url}/v3/conversations/{stage.group}/events/show?event_id={stage.kept}"


def poll_of(stage: Stage, **more: Json) -> Json:
    return {"conversation": {"id": stage.group}, "poll": {"id": stage.kept, "subject": "Tea?", **more}}


def say_and_delete(stage: Stage) -> None:
    stage.kept = stage.ada.say(stage.group, "Oops")["id"]
    stage.ear.hear("line.create")
    stage.jim.expect("room::message")
    stage.vera.drain()
    answer = stage.ada.ask("DELETE", f"/v3/conversations/{stage.group}/messages/{stage.kept}")
    assert answer.status == 204


def vote_and_end(stage: Stage) -> None:
    stage.kept = stage.make_poll()
    stage.bob.post(f"/v3/poll/{stage.group}/{stage.kept}/2")
    stage.ear.drain(), stage.vera.drain(), stage.jim.drain()
    stage.ada.post(f"/v3/poll/{stage.group}/{stage.kept}/end")


CASES: dict[str, Case] = {
    "bot.add": Case(Stage.make_bot, by_ada(bot="Robo"), "Ada added the Robo bot to the group"),
    "bot.del": Case(
        lambda stage: stage.ada.post("/v3/bots/destroy", {"bot_id": stage.kept}),
        by_ada(bot="Robo"),
        "Ada removed the Robo bot from the group",
        before=(keep(Stage.make_bot),),
    ),
    "calendar.event.created": Case(
        keep(Stage.make_event),
        lambda stage: event_of(stage, stage.ada) | {"url": event_url(stage)},
        lambda stage: f"Ada created event 'Picnic' {event_url(stage)}",
        sender="user",
        attachments=shown("full"),
    ),
    "calendar.event.starting": Case(
        lambda stage: stage.place.move(timedelta(days=1) - timedelta(minutes=15)),
        lambda _: {"event_name": "Picnic", "minutes": "15"},
        "'Picnic' is starting in 15 minutes",
        sender="calendar",
        attachments=shown("brief"),
        before=(keep(lambda stage: stage.make_event(reminders=[900])),),
        venueless="",
    ),
    "calendar.event.user.going": Case(
        lambda stage: stage.answer(stage.kept, "true"),
        lambda stage: event_of(stage, stage.bob),
        "Bob is going to 'Picnic'",
        sender="calendar",
        attachments=shown("brief"),
        before=(keep(Stage.make_event),),
    ),
    "calendar.event.user.not_going": Case(
        lambda stage: stage.answer(stage.kept, "false"),
        lambda stage: event_of(stage, stage.bob),
        "Bob is not going to 'Picnic'",
        sender="calendar",
        attachments=shown("brief"),
        before=(keep(Stage.make_event),),
    ),
    "calendar.event.user.undecided": Case(
        lambda stage: stage.answer(stage.kept, ""),
        lambda stage: event_of(stage, stage.bob),
        "Bob is undecided about 'Picnic'",
        sender="calendar",
        attachments=shown("brief"),
        before=(keep(Stage.make_event), lambda stage: stage.answer(stage.kept, "true")),
    ),
    "group.added_to_directory": Case(
        lambda stage: stage.update(directory="MIT"),
        by_ada(directory_name="MIT"),
        "Ada added the group to the directory MIT",
    ),
    "group.avatar_change": Case(
        lambda stage: stage.update(image_url="https://example.org/a.png"),
        by_ada(avatar_url="https://example.org/a.png"),
        "Ada changed the group's avatar",
    ),
    "group.like_icon_set": Case(
        lambda stage: stage.update(like_icon=LIKE_ICON),
        by_ada(like_icon=LIKE_ICON),
        "Ada changed the like icon",
    ),
    "group.name_change": Case(
        lambda stage: stage.update(name="Bar"),
        by_ada(name="Bar"),
        "Ada changed the group's name to Bar",
    ),
    "group.office_mode_enabled": Case(
        lambda stage: stage.update(office_mode=True), by_ada(), "Ada turned office mode on"
    ),
    "group.office_mode_disabled": Case(
        lambda stage: stage.update(office_mode=False),
        by_ada(),
        "Ada turned office mode off",
        before=(lambda stage: stage.update(office_mode=True),),
    ),
    "group.role_change_admin": Case(
        lambda stage: stage.ada.post(
            f"/v3/groups/{stage.group}/members/{stage.member(stage.bob)}/update", {"role": "admin"}
        ),
        lambda stage: {"user": stage.user(stage.ada), "role": "admin", "member": stage.user(stage.bob)},
        "Ada made Bob an admin",
    ),
    "group.theme_change": Case(
        lambda stage: stage.update(theme_name="dark"), by_ada(theme_name="dark"), "Ada changed the theme to dark"
    ),
    "group.topic_change": Case(
        lambda stage: stage.update(description="Wine"), by_ada(topic="Wine"), "Ada changed the topic to: Wine"
    ),
    "group.type_change": Case(
        lambda stage: stage.update(group_type="closed"),
        by_ada(type="closed", message_edit_period=15),
        "Ada changed the group to closed",
    ),
    "membership.announce.added": Case(
        lambda stage: stage.ada.add(stage.group, stage.cleo),
        lambda stage: {"added_users": [stage.user(stage.cleo)], "adder_user": stage.user(stage.ada)},
        "Ada added Cleo to the group",
        venueless="join",
        jumpin=False,
    ),
    "membership.announce.joined": Case(
        lambda stage: stage.join(stage.cleo),
        lambda stage: {"user": stage.user(stage.cleo)},
        "Cleo has joined the group",
        venueless="join",
        jumpin=False,
    ),
    "membership.announce.rejoined": Case(
        lambda stage: stage.cleo.post("/v3/groups/join", {"group_id": stage.group}),
        lambda stage: {"user": stage.user(stage.cleo)},
        "Cleo has rejoined the group",
        before=(lambda stage: stage.join(stage.cleo), lambda stage: stage.leave(stage.cleo)),
        venueless="join",
        jumpin=False,
    ),
    "membership.avatar_changed": Case(
        lambda stage: stage.membership(stage.bob, avatar_url="https://example.org/b.png"),
        lambda stage: {"user": stage.user(stage.bob), "avatar_url": "https://example.org/b.png"},
        "Bob changed their avatar",
        jumpin=False,
    ),
    "membership.nickname_changed": Case(
        lambda stage: stage.membership(stage.bob, nickname="Robert"),
        lambda stage: {"user": stage.user(stage.bob, "Bob"), "name": "Robert"},
        "Bob changed name to Robert",
        jumpin=False,
    ),
    "membership.notifications.autokicked": Case(
        lambda stage: stage.place.do(DropMember(room=int(stage.group), user=stage.cleo.number)),
        lambda stage: {"user": stage.user(stage.cleo)},
        "Cleo was removed as they could not be reached.",
        attachments=lambda stage: [{"type": "autokicked_member", "user_id": stage.cleo.id}],
        before=(lambda stage: stage.join(stage.cleo),),
        venueless="leave",
        jumpin=False,
    ),
    "membership.notifications.exited": Case(
        lambda stage: stage.leave(stage.cleo),
        lambda stage: {"removed_user": stage.user(stage.cleo)},
        "Cleo has left the group.",
        before=(lambda stage: stage.join(stage.cleo),),
        venueless="leave",
        jumpin=False,
    ),
    "membership.notifications.removed": Case(
        lambda stage: stage.ada.post(f"/v3/groups/{stage.group}/members/{stage.member(stage.cleo)}/remove"),
        lambda stage: {"remover_user": stage.user(stage.ada), "removed_user": stage.user(stage.cleo)},
        "Ada removed Cleo from the group.",
        before=(lambda stage: stage.join(stage.cleo),),
        venueless="leave",
        jumpin=False,
    ),
    "message.deleted": Case(
        say_and_delete,
        lambda stage: {
            "message_id": stage.kept,
            "deleted_at": stage.last()["created_at"],
            "deletion_actor": "sender",
            "deleter_id": stage.ada.id,
        },
        "A message was deleted.",
        venueless="deleted",
        jumpin=False,
    ),
    "poll.created": Case(
        keep(Stage.make_poll),
        lambda stage: poll_of(stage) | {"user": stage.user(stage.ada, text=True)},
        "Created new poll 'Tea?'",
        sender="user",
        attachments=lambda stage: [{"type": "poll", "poll_id": stage.kept}],
        venueless="poll",
    ),
    "poll.finished": Case(
        vote_and_end,
        lambda stage: (
            poll_of(stage)
            | {
                "options": [
                    {"id": "1", "title": "Yes"},
                    {"id": "2", "title": "No", "votes": 1, "voter_ids": [stage.bob.id]},
                ]
            }
        ),
        "Poll 'Tea?' has expired",
        venueless="",
    ),
    "poll.reminder": Case(
        lambda stage: stage.place.move(timedelta(hours=7)),
        lambda stage: poll_of(
            stage, expiration=int((stage.place.ask(stage.place.clock) + timedelta(hours=1)).timestamp())
        ),
        "Poll 'Tea?' is about to expire",
        before=(keep(Stage.make_poll),),
        venueless="",
    ),
}


@pytest.fixture
def stage(groupme_place: Place, person: Callable[[str], Person]) -> Iterator[Stage]:
    with ExitStack() as scope:
        yield Stage(groupme_place, person, scope)


def test_no_event_is_missing() -> None:
    assert set(CASES) == ALL
    assert len(ALL) == 29


@pytest.mark.parametrize("kind", sorted(CASES))
def test_an_event_from_what_causes_it_to_everybody(stage: Stage, kind: str) -> None:
    case = CASES[kind]
    for step in case.before:
        step(stage)
    stage.ear.drain(), stage.vera.drain(), stage.jim.drain()
    case.action(stage)
    message = stage.last()
    text = case.text if isinstance(case.text, str) else case.text(stage)

    # in the history
    assert message["event"] == {"type": kind, "data": case.data(stage)}
    assert message["text"] == text
    assert message["attachments"] == case.attachments(stage)
    assert {name: message[name] for name in SENDERS["system"]} == sender(case, stage)
    assert message["group_id"] == stage.group

    # in the push
    heard = next(one for one in stage.ear.drain() if one["type"] == "line.create" and "event" in one["subject"])
    same = ("id", "event", "text", "attachments", "sender_id", "system", "source_guid", "created_at")
    assert {name: heard["subject"][name] for name in same} == {name: message[name] for name in same}

    # in Venueless
    seen = [push[1] for push in stage.vera.drain() if push[0] == "chat.event"]
    assert [event["content"] for event in seen] == contents(case, text.partition(" http")[0], seen)

    # in jumpin
    lines = [line[1]["message"] for line in stage.jim.drain() if line[0] == "room::status"]
    assert lines == ([text.partition(" http")[0]] if case.jumpin else [])


SENDERS = {
    "system": {
        "name": "GroupMe",
        "sender_id": "system",
        "user_id": "system",
        "sender_type": "system",
        "system": True,
        "avatar_url": None,
    },
    "calendar": {
        "name": "GroupMe Calendar",
        "sender_id": "calendar",
        "user_id": "calendar",
        "sender_type": "service",
        "system": False,
        "avatar_url": None,
    },
}


def sender(case: Case, stage: Stage) -> Json:
    if case.sender != "user":
        return SENDERS[case.sender]
    own = {"name": "Ada", "sender_id": stage.ada.id, "user_id": stage.ada.id, "avatar_url": None}
    return own | {"sender_type": "user", "system": False}


def contents(case: Case, text: str, seen: list[Json]) -> list[Json]:
    match case.venueless:
        case "text":
            return [{"type": "text", "body": text}]
        case "join" | "leave":
            return [{"membership": case.venueless, "user": seen[0]["content"]["user"]}]
        case "poll":
            return [{"poll_id": seen[0]["content"]["poll_id"], "state": "open"}]
        case "deleted":
            return [{"type": "deleted"}]
        case _:
            return []


# The edges of some


def test_one_message_for_each_field_that_changed_and_none_for_others(stage: Stage) -> None:
    stage.update(name="Bar", description="Beer", theme_name="dark", office_mode=False)
    kinds = [message["event"]["type"] for message in stage.bob.history(stage.group)[:3]]
    assert kinds[:2] == ["group.theme_change", "group.name_change"]
    assert kinds[2] == "membership.announce.added"


def test_nobodys_choice_and_who_chose_in_an_anonymous_poll_are_not_told(stage: Stage) -> None:
    stage.kept = stage.make_poll(visibility="anonymous")
    stage.bob.post(f"/v3/poll/{stage.group}/{stage.kept}/2")
    stage.ada.post(f"/v3/poll/{stage.group}/{stage.kept}/end")
    options = stage.last()["event"]["data"]["options"]
    assert options == [{"id": "1", "title": "Yes"}, {"id": "2", "title": "No", "votes": 1}]


def test_a_poll_ends_by_itself(stage: Stage) -> None:
    stage.make_poll()
    stage.place.move(timedelta(hours=9))
    assert stage.last()["event"]["type"] == "poll.finished"


def test_a_gathering_is_told_when_it_starts(stage: Stage) -> None:
    stage.make_event()
    stage.place.move(timedelta(days=1))
    event = stage.last()["event"]
    assert event == {"type": "calendar.event.starting", "data": {"event_name": "Picnic", "minutes": "0"}}
    assert stage.last()["text"] == "'Picnic' is starting now"


def test_the_system_names_the_author_of_what_it_deletes(stage: Stage) -> None:
    message = stage.bob.say(stage.group, "Spam")
    number = int(message["id"]) - 10**17
    stage.place.do(DeleteMessage(room=int(stage.group), number=number))
    data = stage.last()["event"]["data"]
    assert (data["deletion_actor"], data["deleter_id"]) == ("system", stage.bob.id)
    gone = next(one for one in stage.bob.history(stage.group) if one["id"] == message["id"])
    assert (gone["text"], gone["deletion_actor"], gone["attachments"]) == ("This message was removed", "system", [])
    assert gone["deleted_at"] >= int(START.timestamp())


def test_an_edit_is_told_as_newer_clients_know_it(stage: Stage) -> None:
    message = stage.bob.say(stage.group, "Helo")
    stage.bob.ask("PUT", f"/v4/groups/{stage.group}/messages/{message['id']}", json={"text": "Hello"})
    told = stage.last()
    assert told["event"]["type"] == "message.update"
    assert told["event"]["data"] == {
        "message_id": message["id"],
        "sender_id": stage.bob.id,
        "updated_at": told["created_at"],
        "message": {"text": "Hello", "attachments": []},
    }
    assert told["text"] == "Bob edited to: \u201cHello\u201d"


def test_several_who_are_added_at_once_are_one_message(stage: Stage, person: Callable[[str], Person]) -> None:
    dora = person("Dora")
    stage.ada.add(stage.group, stage.cleo, dora)
    told = stage.last()
    assert told["text"] == "Ada added Cleo, Dora to the group"
    assert told["event"]["data"]["added_users"] == [stage.user(stage.cleo), stage.user(dora)]


# The same happenings through other dialects


def test_what_is_done_in_venueless_is_told_here(stage: Stage) -> None:
    vera = parse(stage.vera.id, Kind.USER) or 0
    room, channel = render(int(stage.group), Kind.ROOM), stage.channel
    stage.place.do(GrantRole(user=vera, role="room_owner", room_id=int(stage.group)))
    stage.vera.drain()
    stage.vera.ok("room.config.patch", {"room": room, "name": "Bar"})
    person = {"id": vera, "nickname": "Vera"}
    assert stage.last()["event"] == {"type": "group.name_change", "data": {"user": person, "name": "Bar"}}
    assert stage.last()["text"] == "Vera changed the group's name to Bar"

    stage.vera.drain()
    content = {"type": "text", "body": "Oops"}
    sent = stage.vera.ok("chat.send", {"channel": channel, "event_type": "channel.message", "content": content})
    number = sent["event"]["event_id"]
    stage.vera.drain()
    gone = {"channel": channel, "event_type": "channel.message", "replaces": number, "content": {"type": "deleted"}}
    stage.vera.ok("chat.send", gone)
    data = stage.last()["event"]["data"]
    assert (data["message_id"], data["deletion_actor"]) == (str(10**17 + number), "sender")
    assert data["deleter_id"] == str(vera)

    stage.vera.drain()
    options = [{"content": "Yes", "order": 1}, {"content": "No", "order": 2}]
    stage.vera.ok("poll.create", {"room": room, "content": "Tea?", "state": "open", "options": options})
    told = stage.last()
    assert told["event"]["type"] == "poll.created"
    assert told["event"]["data"]["user"] == {"id": str(vera), "nickname": "Vera"}
    assert stage.ear.drain()[-1]["subject"]["event"]["type"] == "poll.created"

    stage.vera.drain()
    stage.vera.ok("chat.leave", {"channel": channel})
    assert stage.last()["event"] == {"type": "membership.notifications.exited", "data": {"removed_user": person}}


def test_who_moderates_by_a_command_of_jumpin_is_an_admin_here(stage: Stage) -> None:
    jim = stage.ada.get(f"/v3/groups/{stage.group}")["members"][-1]
    assert jim["nickname"] == "Jim"
    stage.place.do(AppointModerator(room=int(stage.group), user=int(jim["user_id"])), user=stage.ada.number)
    event = stage.last()["event"]
    assert (event["type"], event["data"]["role"]) == ("group.role_change_admin", "admin")
    assert event["data"]["member"] == {"id": int(jim["user_id"]), "nickname": "Jim"}
    assert stage.ada.get(f"/v3/groups/{stage.group}")["members"][-1]["roles"] == ["admin"]
