"""A data export as GroupMe gives it, made up: `python -m bench.groupme_export OUT.zip --messages 80000`.

The same seed gives the same export, and one with more messages begins with those of one with fewer. Every type of event
is in it, in the shapes of protocols/groupme.md 1, beside what exports have had over the years: numbers and texts as
times, reactions as a list and as a map, the system as "0", senders whom no list of members has.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

Json = dict[str, Any]

BEGIN = 1_596_240_000
"""The 1st of August 2020."""
OLD = 1_370_000_000
"""In 2013, when the system was user 0."""
PERSONS = 40
TEXT = (
    "the a we you they pub beer friday meet bring chairs who has anybody seen my keys see you at eight great thanks lol"
    " no yes maybe running late bus train rain sun game won lost again tomorrow practice exam book library pizza cake"
)
WORDS = TEXT.split()
SIGNS = ("👍", "😂", "❤️", "🔥", "😮")
HEART = "❤️"


def user(number: int) -> str:
    """Give the id of a person."""
    return str(10_000_000 + 37 * number)


def name(number: int) -> str:
    """Give what a person is called."""
    return f"{('Ada', 'Bob', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gus', 'Hana')[number % 8]} {number}"


def digest(*parts: object) -> str:
    """Give 32 hexadecimal digits."""
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()


def number_of(identity: str) -> int:
    """Give an id as a number, as events of groups have it."""
    return int(identity)


class Talk:
    """One conversation as it goes on."""

    def __init__(self, identity: str, members: list[int], seed: int, *, direct: bool = False) -> None:
        self.identity = identity
        self.members = members
        self.direct = direct
        self.messages: list[Json] = []
        self.polls: list[Json] = []
        self.pictures: dict[str, bytes] = {}
        self._random = random.Random(f"{seed} {identity}")
        self._at = float(BEGIN)
        self._events = list(EVENTS)
        self._last: Json | None = None

    # Messages

    def go_on(self) -> None:
        """Let one more thing be said."""
        dice, count = self._random.random(), len(self.messages)
        self._at += self._random.expovariate(1 / 300)
        if count % 20 == 7 and not self.direct:
            make = self._events[(count // 20) % len(self._events)]
            self._happen(*make(self))
        elif dice < 0.04 and self._last:
            self._say(attachments=[self._reply(self._last)])
        elif dice < 0.06:
            self._say(attachments=[self._mention()])
        elif dice < 0.07:
            self._say(text=None, attachments=[self._picture()])
        elif dice < 0.075:
            self._say(attachments=[{"type": "location", "lat": "51.5", "lng": "-0.1", "name": "The pub"}])
        elif dice < 0.08:
            self._say(attachments=[{"type": "emoji", "placeholder": "\ufffd", "charmap": [[1, 12]]}])
        elif dice < 0.085 and not self.direct:
            self._old()
        elif dice < 0.09 and not self.direct:
            self._by_bot()
        else:
            self._say()

    def _base(self, sender: str, called: str | None, text: str | None) -> Json:
        number = len(self.messages)
        return {
            "id": str(int(self._at * 1_000_000) * 100 + number % 100).zfill(18)[:18],
            "source_guid": digest(self.identity, number),
            "created_at": int(self._at),
            "user_id": sender,
            "sender_id": sender,
            "sender_type": "user",
            "name": called,
            "avatar_url": f"https://i.groupme.com/200x200.jpeg.{digest(sender)}",
            "text": text,
            "attachments": [],
            "favorited_by": [],
        }

    def _add(self, message: Json) -> Json:
        if self.direct:
            one, other = self.members
            message |= {
                "conversation_id": f"{user(one)}+{user(other)}",
                "recipient_id": user(other if message["sender_id"] == user(one) else one),
            }
        else:
            message |= {"group_id": self.identity, "platform": "gm", "pinned_at": None, "pinned_by": ""}
            message.setdefault("system", False)
        if len(self.messages) % 50 == 3:
            message["created_at"] = datetime.fromtimestamp(int(self._at), UTC).isoformat().replace("+00:00", "Z")
        self.messages.append(message)
        return message

    def _say(self, text: str | None = "", attachments: list[Json] | None = None) -> Json:
        pick = self._random.randrange(len(self.members) + (0 if self.direct else 2))
        who = self.members[pick] if pick < len(self.members) else 500 + pick  # somebody who left
        said = " ".join(self._random.choices(WORDS, k=self._random.randint(1, 24))) if text == "" else text
        message = self._add(self._base(user(who), name(who), said))
        message["attachments"] = attachments or []
        self._like(message)
        dice = self._random.random()
        if dice < 0.01:
            message |= {"updated_at": int(self._at) + 60, "text": f"{said} (edited)"}
        elif dice < 0.015 and not self.direct:
            message |= {"pinned_at": int(self._at) + 90, "pinned_by": user(self.members[0])}
        self._last = message
        return message

    def _like(self, message: Json) -> None:
        likers = [user(one) for one in self.members if self._random.random() < 0.06]
        message["favorited_by"] = likers
        if not likers or self._random.random() < 0.3:
            return
        first, rest = likers[:1], likers[1:]
        kind = self._random.random()
        if kind < 0.2:
            message["reactions"] = {self._random.choice(SIGNS): first}
        elif kind < 0.4:
            message["reactions"] = [{"type": "emoji", "pack_id": 2, "pack_index": 7, "user_ids": first}]
        else:
            message["reactions"] = [{"type": "unicode", "code": self._random.choice(SIGNS), "user_ids": first}]
            if rest:
                message["reactions"].append({"type": "unicode", "code": HEART, "user_ids": rest})

    def _reply(self, to: Json) -> Json:
        return {"type": "reply", "user_id": to["user_id"], "reply_id": to["id"], "base_reply_id": to["id"]}

    def _mention(self) -> Json:
        who = [user(self._random.choice(self.members)) for _ in range(2)]
        return {"type": "mentions", "user_ids": [*who, "-1"], "loci": [[0, 3], [4, 3], [8, 4]]}

    def _picture(self) -> Json:
        fmt = self._random.choice(("png", "jpeg"))
        file = f"16x12.{fmt}.{digest(self.identity, len(self.messages))}"
        image, data = Image.new("RGB", (16, 12), (len(self.messages) % 256, 90, 160)), io.BytesIO()
        image.save(data, fmt)
        message = str(int(self._at * 1_000_000) * 100 + len(self.messages) % 100)
        self.pictures[f"{message}_{file}"] = data.getvalue()
        return {"type": "image", "url": f"https://i.groupme.com/{file}"}

    def _old(self) -> None:
        message = self._add(self._base("0", "GroupMe", f"{name(self.members[0])} joined the group"))
        message |= {"system": True, "sender_type": "system", "created_at": OLD + len(self.messages)}
        message["id"] = str((OLD + len(self.messages)) * 10**8)

    def _by_bot(self) -> None:
        message = self._add(self._base("880011", "Robo", "beep"))
        message["sender_type"] = "bot"

    # What happens

    def _happen(self, kind: str, data: Json, text: str, more: Json | None = None) -> Json:
        message = self._add(self._base("system", "GroupMe", text))
        message |= {"sender_type": "system", "system": True, "avatar_url": None, "event": {"type": kind, "data": data}}
        message |= more or {}
        return message

    def person(self, place: int = 0, *, text: bool = False) -> Json:
        """Give a member as events of groups name them, or (`text`) as all others do."""
        who = self.members[place % len(self.members)]
        return {"id": user(who) if text else number_of(user(who)), "nickname": name(who)}

    def delete_last(self) -> Json:
        """Let the last message have been deleted by its sender; give what tells of it."""
        last = self._last or self._say()
        at = int(self._at)
        last |= {"text": "This message was deleted", "attachments": [], "deleted_at": at, "deletion_actor": "sender"}
        last.pop("updated_at", None)
        data = {
            "message_id": last["id"],
            "deleted_at": at,
            "deletion_actor": "sender",
            "deleter_id": last["user_id"],
        }
        self._last = None
        return data

    def edit_last(self) -> Json:
        """Let the last message have been edited; give what tells of it."""
        last, at = self._last or self._say(), int(self._at)
        last |= {"text": "what I meant to say", "updated_at": at}
        content = {"text": last["text"], "attachments": []}
        return {"message_id": last["id"], "sender_id": last["user_id"], "updated_at": at, "message": content}

    def pin_last(self) -> Json:
        """Let the last message be pinned; give what tells of it."""
        last, at = self._last or self._say(), int(self._at)
        last |= {"pinned_at": at, "pinned_by": user(self.members[0])}
        return {"message_id": last["id"], "pinned": True, "pinned_by": user(self.members[0]), "pinned_at": at}

    def poll(self) -> Json:
        """Make a poll, and give it."""
        number, at = len(self.polls), int(self._at)
        voters = [user(one) for one in self.members]
        public = number % 2 == 0
        first: Json = {"id": "1", "title": "Pub", "votes": 3}
        poll = {
            "id": str(at * 10**6 + number),
            "subject": f"Where to, {number}?",
            "owner_id": voters[0],
            "conversation_id": self.identity,
            "created_at": at,
            "last_modified": at + 10,
            "expiration": at + 3600,
            "status": "past",
            "type": "single" if number % 3 else "multi",
            "visibility": "public" if public else "anonymous",
            "options": [first | ({"voter_ids": voters[:3]} if public else {}), {"id": "2", "title": "Park"}],
        }
        self.polls.append({"data": poll})
        return poll


Told = tuple[str, Json, str] | tuple[str, Json, str, Json]


def _group(kind: str, text: str, **data: Any) -> Callable[[Talk], Told]:
    return lambda talk: (kind, {"user": talk.person(), **data}, f"{talk.person()['nickname']} {text}")


def _calendar(kind: str, text: str, view: str = "brief", **data: Any) -> Callable[[Talk], Told]:
    def make(talk: Talk) -> Told:
        event = {"id": digest(talk.identity, "picnic"), "name": "Picnic"}
        who = talk.person(text=True)
        sender = {"sender_id": who["id"], "user_id": who["id"], "name": who["nickname"], "sender_type": "user"}
        if view == "brief":
            sender = {
                "sender_id": "calendar",
                "user_id": "calendar",
                "name": "GroupMe Calendar",
                "sender_type": "service",
            }
        attachment = {"type": "event", "event_id": event["id"], "view": view}
        told = {"event": event, "user": who, **data}
        return kind, told, f"{who['nickname']} {text}", {**sender, "system": False, "attachments": [attachment]}

    return make


def _starting(talk: Talk) -> Told:
    sender = {"sender_id": "calendar", "user_id": "calendar", "name": "GroupMe Calendar", "sender_type": "service"}
    attachment = {"type": "event", "event_id": digest(talk.identity, "picnic"), "view": "brief"}
    data = {"event_name": "Picnic", "minutes": "0"}
    return (
        "calendar.event.starting",
        data,
        "'Picnic' is starting now",
        {**sender, "system": False, "attachments": [attachment]},
    )


def _poll_created(talk: Talk) -> Told:
    poll, who = talk.poll(), talk.person(text=True)
    data = {"conversation": {"id": talk.identity}, "poll": {"id": poll["id"], "subject": poll["subject"]}, "user": who}
    sender = {"sender_id": who["id"], "user_id": who["id"], "name": who["nickname"], "sender_type": "user"}
    attachment = {"type": "poll", "poll_id": poll["id"]}
    text = f"Created new poll '{poll['subject']}'"
    return "poll.created", data, text, {**sender, "system": False, "attachments": [attachment]}


def _poll_reminder(talk: Talk) -> Told:
    poll = talk.polls[-1]["data"] if talk.polls else talk.poll()
    about = {"id": poll["id"], "subject": poll["subject"], "expiration": poll["expiration"]}
    text = f"Poll '{poll['subject']}' is about to expire"
    return "poll.reminder", {"conversation": {"id": talk.identity}, "poll": about}, text


def _poll_finished(talk: Talk) -> Told:
    poll = talk.polls[-1]["data"] if talk.polls else talk.poll()
    about = {"id": poll["id"], "subject": poll["subject"]}
    data = {"conversation": {"id": talk.identity}, "options": poll["options"], "poll": about}
    return "poll.finished", data, f"Poll '{poll['subject']}' has expired"


def _added(talk: Talk) -> Told:
    data = {"added_users": [talk.person(1), talk.person(2)], "adder_user": talk.person()}
    return "membership.announce.added", data, "somebody added others to the group"


def _autokicked(talk: Talk) -> Told:
    gone = {"id": number_of(user(777)), "nickname": name(777)}
    attachment = {"type": "autokicked_member", "user_id": user(777)}
    return "membership.notifications.autokicked", {"user": gone}, f"{name(777)} is gone", {"attachments": [attachment]}


def _exited(talk: Talk) -> Told:
    gone = {"id": number_of(user(501)), "nickname": name(501)}
    return "membership.notifications.exited", {"removed_user": gone}, f"{name(501)} has left the group."


def _removed(talk: Talk) -> Told:
    gone = {"id": number_of(user(600)), "nickname": name(600)}
    data = {"remover_user": talk.person(), "removed_user": gone}
    return "membership.notifications.removed", data, f"{name(0)} removed {name(600)} from the group."


def _renamed(talk: Talk) -> Told:
    who = talk.person(3)
    return (
        "membership.nickname_changed",
        {"user": who, "name": "Countess"},
        f"{who['nickname']} changed name to Countess",
    )


def _role(talk: Talk) -> Told:
    data = {"user": talk.person(), "role": "admin", "member": talk.person(1)}
    return "group.role_change_admin", data, "somebody made somebody an admin"


def _owner(talk: Talk) -> Told:
    return "group.owner_changed", {"old_owner": talk.person(1), "new_owner": talk.person()}, "the owner changed"


ICON = {"pack_id": 1, "pack_index": 44, "type": "emoji"}
SUBGROUP = {"subgroup_topic": "Trips", "parent_id": 1}
EVENTS: tuple[Callable[[Talk], Told], ...] = (
    _group("bot.add", "added the Robo bot to the group", bot="Robo"),
    _group("bot.del", "removed the Robo bot from the group", bot="Robo"),
    _calendar(
        "calendar.event.created",
        "created event 'Picnic' https://s.groupme.com/abc",
        "full",
        url="https://s.groupme.com/abc",
    ),
    _starting,
    _calendar("calendar.event.user.going", "is going to 'Picnic'"),
    _calendar("calendar.event.user.not_going", "is not going to 'Picnic'"),
    _calendar("calendar.event.user.undecided", "is undecided about 'Picnic'"),
    _group("group.added_to_directory", "added the group to the directory", directory_name="MIT"),
    _group("group.avatar_change", "changed the group's avatar", avatar_url="https://i.groupme.com/1x1.png.aa"),
    _group("group.like_icon_set", "changed the like icon", like_icon=ICON),
    _group("group.name_change", "changed the group's name to Pub", name="Pub"),
    _group("group.office_mode_disabled", "turned office mode off"),
    _group("group.office_mode_enabled", "turned office mode on"),
    _role,
    _group("group.theme_change", "changed the theme", theme_name="dark"),
    _group("group.topic_change", "changed the topic to: Beer", topic="Beer"),
    _group("group.type_change", "changed the group", type="closed", message_edit_period=15),
    _added,
    _group("membership.announce.joined", "has joined the group"),
    _group("membership.announce.rejoined", "has rejoined the group"),
    _group("membership.avatar_changed", "changed their avatar", avatar_url="https://i.groupme.com/1x1.png.bb"),
    _renamed,
    _autokicked,
    _exited,
    _removed,
    lambda talk: ("message.deleted", talk.delete_last(), "A message was deleted."),
    _poll_created,
    _poll_reminder,
    _poll_finished,
    # Newer than the first list of types.
    _group("bot.rename", "renamed the bot", bot_name_old="Robo", bot_name_new="Robot"),
    _calendar("calendar.event.updated", "updated the name", updated_fields=["calendar.event.field.name"]),
    _calendar("calendar.event.cancelled", "canceled the event 'Picnic'"),
    _owner,
    _group("group.like_icon_removed", "removed the like icon"),
    _group("group.requires_approval_enabled", "wants to approve"),
    _group("group.requires_approval_disabled", "does not want to approve"),
    _group("group.shared", "shared the group", share_url="https://groupme.com/join_group/1/abc", share_qr_code_url=""),
    _group("group.unshared", "unshared the group"),
    _group("group.visibility_set.community", "made it visible"),
    _group("group.visibility_set.hidden", "made it hidden"),
    _group("group.visibility_set.searchable", "made it searchable"),
    _group("group.subgroup_created", "made a topic", subgroup_id=7, subgroup_avatar_url=None, subgroup_topic="Trips"),
    _group("group.subgroup_removed", "removed a topic", subgroup_topic="Trips", subgroup_id=7),
    _group(
        "group.subgroup_avatar_change", "changed a topic", subgroup_avatar_url="https://i.groupme.com/x", **SUBGROUP
    ),
    _group("group.subgroup_description_change", "changed a topic", subgroup_description="Where", **SUBGROUP),
    _group("group.subgroup_like_icon_change", "changed a topic", like_icon=None, **SUBGROUP),
    _group("group.subgroup_name_change", "changed a topic", **SUBGROUP),
    _group("group.subgroup_type_change", "changed a topic", type="private", message_edit_period=15, **SUBGROUP),
    _group("group.call.started", "started a call", meeting_id="m1"),
    lambda talk: (
        "group.call.ended",
        {"call_duration": 61_000, "user": {"id": "system", "nickname": "system"}},
        "The call ended",
    ),
    lambda talk: ("message.pinned", talk.pin_last(), "Somebody pinned a message."),
    lambda talk: ("copilot.group.privacy_notice", {"trigger_message": "hi"}, "Privacy"),
    lambda talk: ("message.update", talk.edit_last(), "Somebody edited to: “what I meant to say”"),
    _group("group.topic_removed", "removed the topic"),
)
"""What happens in groups, each by a function that makes it: type, data, text, and what else the message has."""


def talks(messages: int, seed: int = 1, groups: int = 3, direct: int = 2) -> list[Talk]:
    """Let people talk: so many messages, taking turns over all conversations."""
    # Person 0 asked for the export, so belongs to everything.
    found = [
        Talk(str(40_000_000 + place), [0, *((place * 5 + step) % (PERSONS - 1) + 1 for step in range(11))], seed)
        for place in range(groups)
    ]
    found += [Talk(f"{user(0)}+{user(place + 1)}", [0, place + 1], seed, direct=True) for place in range(direct)]
    for number in range(messages):
        found[number % len(found)].go_on()
    return found


def conversation(talk: Talk) -> Json:
    """Give conversation.json."""
    if talk.direct:
        one, other = talk.members
        return {
            "other_user": {"id": user(other), "name": name(other), "avatar_url": ""},
            "created_at": BEGIN,
            "updated_at": BEGIN,
            "messages_count": len(talk.messages),
            "last_message": {"conversation_id": f"{user(one)}+{user(other)}"},
        }
    return {
        "id": talk.identity,
        "group_id": talk.identity,
        "name": f"Group {talk.identity}",
        "phone_number": "",
        "type": "private",
        "description": "All about it",
        "image_url": None,
        "creator_user_id": user(talk.members[0]),
        "created_at": BEGIN - 86_400,
        "updated_at": BEGIN,
        "office_mode": False,
        "share_url": f"https://groupme.com/join_group/{talk.identity}/secret",
        "theme_name": None,
        "like_icon": ICON,
        "members": [
            {
                "id": str(9_000_000 + who),
                "user_id": user(who),
                "nickname": name(who),
                "name": f"{name(who)} Lovelace",
                "image_url": "",
                "muted": False,
                "autokicked": False,
                "roles": ["admin", "owner"] if place == 0 else ["admin"] if place == 1 else ["user"],
            }
            for place, who in enumerate(talk.members)
        ],
        "messages": {"count": len(talk.messages)},
    }


def write(path: Path, found: list[Talk], *, folder: str = "00001/") -> None:
    """Write an export, the newest messages first."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:

        def add(name: str, data: bytes) -> None:
            info = zipfile.ZipInfo(folder + name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)

        for talk in found:
            add(f"{talk.identity}/conversation.json", json.dumps(conversation(talk)).encode())
            info = zipfile.ZipInfo(f"{folder}{talk.identity}/message.json", (2024, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as file:
                for piece in _array(talk.messages):
                    file.write(piece)
            if talk.polls:
                add(f"{talk.identity}/poll.json", json.dumps(talk.polls).encode())
            add(f"{talk.identity}/likes/everyone.json", b"[]")
            add(f"{talk.identity}/gallery/manifest.json", json.dumps(sorted(talk.pictures)).encode())
            for name_, data in talk.pictures.items():
                add(f"{talk.identity}/gallery/{name_}", data)


def _array(messages: list[Json]) -> Iterator[bytes]:
    sign = b"["
    for message in reversed(messages):
        yield sign + json.dumps(message).encode()
        sign = b","
    yield b"]" if messages else b"[]"


def main(
    path: Annotated[Path, typer.Argument(help="Where to write.")],
    messages: Annotated[int, typer.Option(help="How many.")] = 80_000,
    seed: Annotated[int, typer.Option(help="The same gives the same.")] = 1,
    groups: Annotated[int, typer.Option(help="How many groups.")] = 3,
    direct: Annotated[int, typer.Option(help="How many direct conversations.")] = 2,
) -> None:
    """Make up a data export of GroupMe."""
    write(path, talks(messages, seed, groups, direct))


if __name__ == "__main__":
    typer.run(main)
