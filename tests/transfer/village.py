"""A community with at least one of everything that is kept, made by its own commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.live.scene import HandClock, Scene, scene

from hubbub.core.account import IssueToken, Register
from hubbub.core.announcement import CreateAnnouncement
from hubbub.core.bot import AddBot, PostAsBot
from hubbub.core.chat import DeleteMessage, EditMessage, PostMessage, ReactToMessage
from hubbub.core.command import Command
from hubbub.core.direct import SendDirect
from hubbub.core.gate import SetRoomPassword
from hubbub.core.gathering import AnswerGathering, CreateGathering, Place, When
from hubbub.core.group import CreateGroup, GroupSettings, UpdateGroup
from hubbub.core.history import OldMessage, TakeOverMessages
from hubbub.core.ignore import IgnoreVisitor
from hubbub.core.joining import AddMembers, JoinGroup, LeaveGroup, NewMember, RemoveMember
from hubbub.core.login import IssueLogin
from hubbub.core.moderation import BanVisitor
from hubbub.core.pin import PinMessage
from hubbub.core.playlist import AddVideo, Media
from hubbub.core.poll import Choice, CreatePoll, VotePoll
from hubbub.core.push import SubscribePush
from hubbub.core.question import AskQuestion, VoteQuestion
from hubbub.core.reading import MarkRead
from hubbub.core.room import AddRoom, DeleteRoom, InviteAnonymous, RoomSettings
from hubbub.core.upload import UploadFile
from hubbub.core.user import BanUser, BlockUser, CreateUser, DeleteUser, GrantRole, UpdateUser
from hubbub.core.visit import JoinRoom
from hubbub.core.world import UpdateWorld
from hubbub.live.password import Argon2
from hubbub.live.world import own_secrets
from hubbub.transfer.export import Exported, export_world

HOUR = timedelta(hours=1)
OPEN: dict[str, Any] = {"viewer": [], "participant": []}
STAGE = ("livestream.native", "chat.native", "poll", "question", "playlist.native")
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
FILES = {"here/AAAAAAAAAAAAAAAAAAAAAAAA.png": b"\x89PNG\r\n" + bytes(range(256)) * 2000, "here/empty.txt": b""}


class Village:
    """The scene, and what is in it by name."""

    def __init__(self, here: Scene, media: Path) -> None:
        self.here = here
        self.media = media
        self.admin = self.ann = self.walkers = 0

    async def do(self, user: int, command: Command) -> Any:
        """Do a command as a user, or as the operator (0)."""
        return await self.here.community.call(self.here.state, command, user=user, operator=not user)

    async def person(self, login: str) -> int:
        made = await self.do(self.admin, CreateUser(login=login))
        await self.do(self.admin, UpdateUser(user=made.id, profile={"display_name": login.title(), "avatar": None}))
        return int(made.id)


async def export(place: Village, target: Path, **options: Any) -> Exported:
    here = place.here
    return await export_world(here.store, here.state.world.id, place.media, target, now=here.clock(), **options)


@asynccontextmanager
async def village(folder: Path) -> AsyncIterator[Village]:
    """Open a village in `hubbub.db` of a folder, with its files in `media`."""
    passwords = Argon2()
    try:
        async with scene(f"sqlite:///{folder / 'hubbub.db'}", clock=HandClock()) as here:
            here.community.passwords = passwords
            opened = Village(here, folder / "media")
            opened.admin = await here.admin()
            await furnish(opened)
            await here.settle()
            yield opened
    finally:
        passwords.close()


async def furnish(place: Village) -> None:
    """Do something of every kind in it."""
    here, do, admin = place.here, place.do, place.admin
    config = {"theme": {"a": [1, 2.5]}, **own_secrets("here")}
    await do(0, UpdateWorld(title="Tiny \U0001f3e1 village", domain="tiny.example", config=config, secrets=True))
    await do(0, GrantRole(user=admin, role="owner"))
    ann, bob, cleo, dan = [await place.person(login) for login in ("ann", "bob", "cleo", "dan")]
    await do(0, Register(username="eve", password="a pass phrase"))
    await do(ann, IssueToken(label="phone", life=HOUR * 1000))
    await do(0, IssueLogin(user=bob))
    await do(bob, SubscribePush(endpoint="https://push.example/abc", p256dh=POINT, auth="A" * 22))
    await do(bob, BlockUser(user=dan))
    await do(0, BanUser(user=dan))
    await do(0, DeleteUser(user=cleo))
    place.ann = ann
    for user in (ann, bob):
        await do(0, GrantRole(user=user, role="admin"))
    await gather(place, ann, bob)
    await meet(place, ann, bob)
    for path, content in FILES.items():
        target = place.media / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        await do(ann, UploadFile(path=path, type="image/png", size=len(content)))
    await do(ann, UploadFile(path="here/lost.png", type="image/png", size=1))
    await do(0, CreateAnnouncement(text="Soup at noon", active=True, show_until=here.clock() + HOUR))


async def gather(place: Village, ann: int, bob: int) -> None:
    """Make a group, and do in it what groups do."""
    here, do = place.here, place.do
    fay, gus = await place.person("fay"), await place.person("gus")
    settings = GroupSettings(name="Walkers", description="We walk", group="private", share=True)
    walkers = place.walkers = (await do(ann, CreateGroup(settings=settings))).id
    sworn = (await do(ann, CreateGroup(settings=GroupSettings(name="Sworn", share=True, approval=True)))).id
    await do(fay, JoinGroup(room=sworn, token=here.state.rooms[sworn].share_token))
    members = tuple(NewMember(user=user, nickname=f"No. {user}") for user in (bob, fay, gus))
    await do(ann, AddMembers(room=walkers, members=members))
    await do(fay, LeaveGroup(room=walkers))
    await do(ann, RemoveMember(room=walkers, user=gus))
    await do(ann, UpdateGroup(room=walkers, settings=GroupSettings(like_icon={"pack": 1}, theme="dark")))
    said = [await do(ann, PostMessage(room=walkers, body=f"Step {n} \u2028\x1f")) for n in range(5)]
    await do(bob, PostMessage(room=walkers, body="@Ann", mentions=(ann,), nonce="once", extra={"x": {"y": None}}))
    await do(ann, EditMessage(room=walkers, number=said[0].number, body="A first step"))
    await do(ann, DeleteMessage(room=walkers, number=said[1].number))
    await do(bob, ReactToMessage(room=walkers, number=said[2].number, reaction="\u2764\ufe0f"))
    await do(ann, PinMessage(room=walkers, number=said[3].number))
    await do(bob, MarkRead(room=walkers, number=said[2].number))
    when = When(start=here.clock() + 48 * HOUR, timezone="Europe/Berlin")
    picnic = await do(ann, CreateGathering(room=walkers, name="Picnic", when=when, place=Place(name="Hill")))
    await do(bob, AnswerGathering(room=walkers, gathering=picnic.gathering.id, answer="not_going"))
    options = (Choice(content="Up"), Choice(content="Down"))
    poll = (await do(ann, CreatePoll(room=walkers, content="Where?", options=options))).poll
    await do(bob, VotePoll(room=walkers, poll=poll.id, options=(poll.options[1].id,)))
    bot = await do(ann, AddBot(room=walkers, name="Robo", callback="https://bot.example/hear"))
    await do(0, PostAsBot(token=bot.token, body="Beep"))
    await do(ann, SendDirect(user=bob, body="Psst"))


async def meet(place: Village, ann: int, bob: int) -> None:
    """Make a live room, and let people meet there."""
    here, do = place.here, place.do
    modules = tuple({"type": kind, "config": {"active": True}} for kind in STAGE)
    stage = (await do(0, AddRoom(settings=RoomSettings(name="Stage", modules=modules, trait_grants=OPEN)))).id
    question = (await do(ann, AskQuestion(room=stage, content="Why?"))).question
    await do(bob, VoteQuestion(room=stage, question=question.id))
    await do(ann, AddVideo(room=stage, media=Media(media_id="dQw4w9WgXcQ", title="A song", duration=212)))
    await do(0, InviteAnonymous(room=stage))
    await do(0, SetRoomPassword(room=stage, password="knock knock"))
    ivy, joe = await here.talker("Ivy"), await here.talker("Joe")
    for client in (ivy, joe):
        await client.do(JoinRoom(room=here.lounge))
    visit = next(visit for visit in here.state.presence.visits[here.lounge].values() if visit.user == joe.user)
    await ivy.do(IgnoreVisitor(room=here.lounge, visit=visit.id))
    await do(0, BanVisitor(room=here.lounge, visit=visit.id))
    gone = await here.add_room("Gone")
    await do(0, DeleteRoom(room=gone))
    old = OldMessage(foreign="1", at=here.clock() - 99 * HOUR, sender=ann, body="Long ago")
    await do(0, TakeOverMessages(room=here.lounge, source="groupme", messages=(old,)))
    for client in (ivy, joe):
        await client.leave()
