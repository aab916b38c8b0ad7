"""Moderating: kicking, banning by account, browser and address, silencing, closing broadcasts."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.golden.jumpin.bot import Bot
from tests.golden.jumpin.place import Place
from tests.golden.jumpin.said import error, gone, status
from tests.golden.jumpin.scene import Guest, Scene
from tests.golden.placeholder import Placeholder, a_text, an_instant

from hubbub.core.user import GrantRole, TakeRole

Json = Any

ADA = "203.0.113.7"
"""An address of the block for documents (RFC 5737)."""
BOB = "198.51.100.20"
ABROAD = "2001:db8:1:2:3::4"


def entry(handle: str, **more: Json) -> Json:
    return {"_id": a_text("[0-9a-f]{24}"), "handle": handle, "timestamp": an_instant(), **more}


def do(guest: Guest, what: str, target: Json, **more: Json) -> list[list[Json]]:
    guest.bot.send(f"room::operation::{what}", {"user_list_id": target, **more})
    return guest.bot.settle(guest.room)


def refused(scene: Scene, guest: Guest) -> str:
    """Give the code with which a room refuses somebody."""
    guest.bot.send("room::join", {"room": scene.name})
    name, body = guest.bot.receive()
    assert (name, body["context"]) == ("client::error", "dialog")
    assert guest.bot.left() == ["41"]
    return str(body["error"])


# Banning


def test_a_ban_in_order(scene: Scene) -> None:
    mod, bob, eve = scene.moderator("banner1"), scene.guest("bob"), scene.guest()
    mod.bot.drain(), bob.bot.drain()
    told = [status("bob was banned by banner1"), ["room::userbanned", {"user": bob.seen}]]
    assert do(mod, "ban", bob.id, duration="1") == [*told, *gone(bob.seen)]
    assert eve.bot.drain() == [*told, *gone(bob.seen)]
    heard = scene.sent_away(bob)
    assert [json.loads(packet[2:])[0] for packet in heard[:-2]] == ["room::status", "room::userbanned"]
    assert heard[-2:] == ['42["self::banned"]', "41"]
    assert refused(scene, scene.connect(bob.somebody)) == "ERR_USER_BANNED"
    mod.bot.send("room::operation::banlist", {"user_list_id": mod.id})
    listed: Json = ["client::banlist", {"list": [entry("bob")]}]
    assert mod.bot.settle(scene.name) == [listed]
    mod.bot.send("room::operation::unban", {"banlistId": listed[1]["list"][0]["_id"].value, "handle": "Bob!"})
    assert mod.bot.settle(scene.name) == [status("You unbanned Bob!"), ["client::banlist", {"list": []}]]
    scene.guest(somebody=bob.somebody)


def test_an_account_is_banned_wherever_it_comes_from(scene: Scene) -> None:
    mod, bob = scene.moderator(address=ADA), scene.member("barred1", address=BOB)
    do(mod, "ban", bob.id)
    scene.sent_away(bob)
    assert do(mod, "banlist", None) == [["client::banlist", {"list": [entry("barred1", username="barred1")]}]]
    elsewhere = scene.connect(bob.somebody, address=ABROAD)
    assert refused(scene, elsewhere) == "ERR_USER_BANNED"


def test_a_guest_is_banned_by_their_browser_and_by_their_address(scene: Scene) -> None:
    """The session of the token is the browser; the address is what the proxy on this machine says."""
    mod, bob = scene.moderator(address=ADA), scene.guest("bob", address=BOB)
    do(mod, "ban", bob.id)
    scene.sent_away(bob)
    assert refused(scene, scene.connect(bob.somebody, address=ABROAD)) == "ERR_USER_BANNED"
    assert refused(scene, scene.connect(address=BOB)) == "ERR_USER_BANNED"
    account = scene.place.account()
    assert refused(scene, scene.connect(account, address=BOB)) == "ERR_USER_BANNED"
    scene.guest(somebody=account, address=ABROAD)
    scene.guest(address=ADA)


def test_an_account_in_a_banned_browser_is_refused(scene: Scene) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    do(mod, "ban", bob.id)
    scene.sent_away(bob)
    account = scene.place.account()
    member = scene.connect(bob.somebody, cookies=f"jic.ident={account.secret}")
    assert refused(scene, member) == "ERR_USER_BANNED"
    scene.guest(somebody=account)


def test_an_ipv6_ban_holds_for_the_network_of_the_household(scene: Scene) -> None:
    mod, bob = scene.moderator(), scene.guest("bob", address=ABROAD)
    do(mod, "ban", bob.id)
    scene.sent_away(bob)
    assert refused(scene, scene.connect(address="2001:db8:1:2::99")) == "ERR_USER_BANNED"
    scene.guest(address="2001:db8:1:3::1")


def test_people_behind_one_address_do_not_ban_themselves(scene: Scene) -> None:
    """The moderator's own address is left out: it may be that of a whole house."""
    mod, bob = scene.moderator(address=BOB), scene.guest("bob", address=BOB)
    do(mod, "ban", bob.id)
    scene.sent_away(bob)
    scene.guest(address=BOB)
    assert refused(scene, scene.connect(bob.somebody, address=BOB)) == "ERR_USER_BANNED"


def test_a_ban_ends(scene: Scene) -> None:
    mod, bob, carol, dave = scene.moderator(), scene.guest("bob"), scene.guest("carol"), scene.guest("dave")
    for guest, duration in ((bob, {"duration": 2}), (carol, {}), (dave, {"duration": "4464"})):
        do(mod, "ban", guest.id, **duration)
        scene.sent_away(guest)
    scene.place.move(timedelta(hours=2) - timedelta(seconds=1))
    assert refused(scene, scene.connect(bob.somebody)) == "ERR_USER_BANNED"
    scene.place.move(timedelta(seconds=1))
    scene.leave(scene.guest(somebody=bob.somebody))
    scene.place.move(timedelta(hours=22) - timedelta(seconds=1))
    assert refused(scene, scene.connect(scene.refreshed(carol.somebody))) == "ERR_USER_BANNED"
    scene.place.move(timedelta(seconds=1))
    scene.guest(somebody=scene.refreshed(carol.somebody))
    scene.place.move(timedelta(hours=5000))  # 4464 is for ever
    assert refused(scene, scene.connect(scene.refreshed(dave.somebody))) == "ERR_USER_BANNED"
    assert do(mod, "banlist", None)[-1] == ["client::banlist", {"list": [entry("dave")]}]


@pytest.mark.parametrize("duration", ["1", 1, 1.5, "24", None, "soon", "nan", {}, "", True])
def test_durations_that_are_none_are_a_day(scene: Scene, duration: Json) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    assert do(mod, "ban", bob.id, duration=duration)[0][0] == "room::status"
    until = next(iter(scene.place.state.bans[bob.somebody.id].values())).until
    meant = {"1": 1, "24": 24, 1: 1, 1.5: 1.5}
    hours = meant.get(duration) if isinstance(duration, str | int | float) and duration is not True else None
    assert until == scene.place.clock() + timedelta(hours=hours or 24)
    scene.sent_away(bob)


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        (0, "Duration must be at least 1 hour"),
        ("0", "Duration must be at least 1 hour"),
        (-5, "Duration must be at least 1 hour"),
        ("0.5", "Duration must be at least 1 hour"),
        (4465, "Duration can only be up to 4464 hours"),
        ("4465", "Duration can only be up to 4464 hours"),
        (1e300, "Duration can only be up to 4464 hours"),
        (10**30, "Duration can only be up to 4464 hours"),
        ("inf", "Duration can only be up to 4464 hours"),
    ],
)
def test_durations_that_cannot_be(scene: Scene, duration: Json, message: str) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    mod.bot.drain()
    assert do(mod, "ban", bob.id, duration=duration) == [error("banner", message, "ERR_INVALID_VALUE")]
    bob.bot.silence()


def test_whom_nobody_bans(scene: Scene) -> None:
    mod, other, owner = scene.moderator(), scene.moderator(), scene.moderator(role="room_owner")
    people = {role: scene.place.account() for role in ("moderator", "admin", "owner")}
    for role, somebody in people.items():
        scene.place.grant(somebody, role)
    site = {role: scene.guest(somebody=somebody) for role, somebody in people.items()}
    scene.drain()
    assert do(mod, "ban", mod.id) == [error("banner", "You can not ban yourself", "ERR_SELF_BAN")]
    for target, whom in (
        (owner, "the room owner"),
        (other, "a moderator"),
        (site["moderator"], "a site moderator"),
        (site["admin"], "an admin"),
        (site["owner"], "an admin"),
    ):
        assert do(mod, "ban", target.id) == [error("chat", f"You can not ban {whom}", "PermissionError")]
    gone_id = "User is no longer in the room"
    for nobody in ("0" * 24, "", None, 7, mod.user["user_id"]):
        assert do(mod, "ban", nobody) == [error("banner", gone_id, "ERR_NO_USER")]
    for guest in (mod, other, owner, *site.values()):
        guest.bot.silence()
    assert do(site["moderator"], "ban", owner.id)[0] == status(
        f"{owner.handle} was banned by {site['moderator'].handle}"
    )
    scene.sent_away(owner)
    site["admin"].bot.drain()
    assert do(site["admin"], "kick", other.id)[0] == status(f"{other.handle} was kicked by {site['admin'].handle}")
    scene.sent_away(other)


def test_who_may_not_ban(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.member()
    for guest in (ada, bob):
        for what, permission in (
            ("ban", "ban"),
            ("kick", "kick"),
            ("silence", "muteUserChat"),
            ("closeBroadcast", "closeCam"),
        ):
            denied = f"You do not have permission to do this: {permission}"
            target = bob if guest is ada else ada
            assert do(guest, what, target.id) == [error("banner", denied, "PermissionError")]
        denied = "you do not have permission to do this"
        assert do(guest, "banlist", None) == [error("alert", denied, "PermissionError")]
        guest.bot.send("room::operation::unban", {"banlistId": "0" * 24, "handle": "x"})
        denied = "You do not have permission to do this: ban"
        assert guest.bot.settle(scene.name) == [error("modal", denied, "PermissionError", modal="banlist")]


def test_a_ban_holds_in_one_room_only_and_is_its_own(scene: Scene) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    do(mod, "ban", bob.id)
    scene.sent_away(bob)
    elsewhere = scene.place.room()
    guest = scene.connect(bob.somebody)
    guest.join(elsewhere.name)
    stranger = scene.place.account()
    scene.place.grant(stranger, "moderator", elsewhere)
    other = scene.connect(stranger)
    other.join(elsewhere.name)
    assert do(other, "banlist", None) == [["client::banlist", {"list": []}]]
    (ban,) = do(mod, "banlist", None)[-1][1]["list"]
    other.bot.send("room::operation::unban", {"banlistId": ban["_id"], "handle": "bob"})
    assert other.bot.settle(elsewhere.name) == [["client::banlist", {"list": []}]]
    assert do(mod, "banlist", None)[-1][1]["list"] == [ban]


def test_the_newest_ban_is_the_first(scene: Scene) -> None:
    mod = scene.moderator()
    for name in ("first", "second", "third"):
        guest = scene.guest(name)
        do(mod, "ban", guest.id)
        scene.sent_away(guest)
    mod.bot.drain()
    assert [one["handle"] for one in do(mod, "banlist", None)[0][1]["list"]] == ["third", "second", "first"]


def test_lifting_what_is_no_ban_gives_the_list(scene: Scene) -> None:
    mod = scene.moderator()
    for identity in ("0" * 24, "", None, 7, mod.id):
        mod.bot.send("room::operation::unban", {"banlistId": identity, "handle": "x"})
        assert mod.bot.settle(scene.name) == [["client::banlist", {"list": []}]]


def test_a_venueless_client_sees_a_ban(scene: Scene) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    visitor = scene.visitor("Vera")
    place, _ = scene.channel(visitor)
    visitor.ok("room.enter", {"room": place})
    mod.bot.drain(), bob.bot.drain()
    heard = do(mod, "ban", bob.id)
    scene.sent_away(bob)
    assert heard[0] == status(f"bob was banned by {mod.handle}")
    assert "room.viewer.removed" in [push[0] for push in visitor.drain()]
    mod.bot.send("room::users")
    listed = {user["handle"]: user["_id"] for user in mod.bot.expect("room::updateUsers")["users"]}
    assert do(mod, "ban", listed["Vera"])[0] == status(f"Vera was banned by {mod.handle}")
    visitor.drain()
    assert visitor.refused("room.enter", {"room": place})["code"] == "protocol.denied"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Place]:
    """Give a server that the test may stop."""
    running = Place(tmp_path)
    running.start()
    yield running
    running.stop()


def test_a_ban_survives_a_restart(own: Place) -> None:
    with Scene(own) as scene:
        mod = scene.moderator(address=ADA)
        bob, carol = scene.guest("bob", address=BOB), scene.member("carolx1", address=ABROAD)
        for guest in (bob, carol):
            do(mod, "ban", guest.id, duration=3)
            scene.sent_away(guest)
        (listed,) = do(mod, "banlist", None)
        own.restart()
        for somebody, address in ((bob.somebody, ABROAD), (None, BOB), (carol.somebody, ADA), (None, ABROAD)):
            assert refused(scene, scene.connect(somebody, address=address)) == "ERR_USER_BANNED"
        scene.here.clear()
        mod = scene.guest(somebody=mod.somebody)
        assert do(mod, "banlist", None) == [listed]
        own.move(timedelta(hours=3))
        scene.guest(somebody=bob.somebody, address=BOB)


# Kicking


def test_a_kick_in_order(scene: Scene) -> None:
    mod, bob, eve = scene.moderator("kicker1"), scene.guest("bob"), scene.guest()
    mod.bot.drain(), bob.bot.drain()
    told = [status("bob was kicked by kicker1"), *gone(bob.seen)]
    assert do(mod, "kick", bob.id) == told
    assert eve.bot.drain() == told
    heard = scene.sent_away(bob)
    assert json.loads(heard[0][2:]) == told[0]
    assert heard[1:] == ['42["self::banned"]', "41"]


def test_all_connections_of_somebody_are_kicked(scene: Scene) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    again = scene.connect(bob.somebody, polling=True)
    again.join(scene.name)
    do(mod, "kick", bob.id)
    scene.sent_away(bob)
    assert again.bot.left()[-1] == "41"


def test_whom_nobody_kicks(scene: Scene) -> None:
    mod, owner = scene.moderator(), scene.moderator(role="room_owner")
    admin = scene.place.account()
    scene.place.grant(admin, "admin")
    boss = scene.guest(somebody=admin)
    scene.drain()
    for nobody in ("0" * 24, None, 7):
        assert do(mod, "kick", nobody) == [error("banner", "Could not find user", "NotFoundError")]
        assert do(mod, "silence", nobody) == [error("alert", "target user not found", "NotFoundError")]
        assert do(mod, "closeBroadcast", nobody) == [error("chat", "Can not find user", "ERR_NO_USER")]
    assert do(mod, "kick", boss.id) == [error("banner", "You can not kick an admin", "PermissionError")]
    assert do(mod, "silence", boss.id) == [error("alert", "You can not silence an admin", "PermissionError")]
    assert do(mod, "kick", owner.id) == [error("banner", "You can not kick the room owner", "PermissionError")]
    boss.bot.silence()


# Silencing


def test_silence_lasts_two_minutes(scene: Scene) -> None:
    mod, bob = scene.moderator("hush1"), scene.guest("bob")
    mod.bot.drain(), bob.bot.drain()
    told, begun = status("bob was silenced by hush1"), scene.place.clock()
    assert do(mod, "silence", bob.id) == [told]
    assert bob.bot.drain() == [status("You have been silenced by hush1"), told]

    def speak(message: str) -> list[list[Json]]:
        bob.bot.send("room::message", {"message": message})
        return bob.bot.settle(scene.name)

    for past, wait in (
        (0, "2 minutes"),
        (30, "2 minutes"),
        (31, "a minute"),
        (75, "a minute"),
        (90, "30 seconds"),
        (119, "a second"),
    ):
        scene.place.move(begun - scene.place.clock() + timedelta(seconds=past))
        assert speak("x") == [error("chat", f"You are silenced, wait {wait}", "ERR_SRV")]
        bob.bot.send("room::command", {"message": {"command": "me", "value": "x"}})
        assert bob.bot.settle(scene.name)[0][1]["error"] == "ERR_SRV"
    scene.place.move(timedelta(seconds=1))
    assert [event[0] for event in speak("I may again")] == ["room::message"]
    assert [event[0] for event in mod.bot.drain()] == ["room::message"]


def test_the_silenced_hear_and_may_come_back(scene: Scene) -> None:
    mod, bob = scene.moderator(), scene.guest("bob")
    do(mod, "silence", bob.id)
    scene.leave(bob)
    again = scene.guest(somebody=bob.somebody)
    mod.bot.drain()
    mod.bot.send("room::message", {"message": "behave"})
    assert again.bot.expect("room::message")["message"] == "behave"
    again.bot.send("room::message", {"message": "x"})
    assert again.bot.expect("client::error")["error"] == "ERR_SRV"
    again.bot.send("room::privateMessage", {"message": "x", "userListId": mod.id})
    assert again.bot.expect("client::error")["context"] == "banner"
    mod.bot.settle(scene.name)
    mod.bot.silence()


# Broadcasts


def test_closing_a_broadcast(scene: Scene) -> None:
    mod, bob, eve = scene.moderator("closer1"), scene.guest("bob"), scene.guest()
    off = error("chat", "User is not broadcasting", "ERR_USER_NOT_BROADCASTING")
    mod.bot.drain(), bob.bot.drain()
    assert do(mod, "closeBroadcast", bob.id) == [off]
    bob.bot.send("room::setUserIsBroadcasting", {"isBroadcasting": True})
    bob.bot.settle(scene.name)
    mod.bot.drain(), eve.bot.drain()
    told = [status("closer1 has closed bob's broadcast"), ["room::updateUser", {"user": bob.seen}]]
    assert do(mod, "closeBroadcast", bob.id) == told
    assert eve.bot.drain() == told
    assert bob.bot.drain() == [["self::closeBroadcast"], status("closer1 has closed your broadcast"), *told]
    bob.bot.send("room::setUserIsBroadcasting", {"isBroadcasting": False})
    assert bob.bot.settle(scene.name) == []


# Roles


def test_somebody_becomes_a_moderator_and_is_none_any_more(scene: Scene) -> None:
    bob, eve = scene.member(), scene.guest()
    bob.bot.drain()
    scene.place.do(GrantRole(user=bob.somebody.id, role="moderator", room_id=scene.room.id))
    operator: Placeholder = a_text("[0-9a-f]{24}")
    seen = {**bob.seen, "operator_id": operator, "roles": ["everybody", "mods"]}
    heard = bob.bot.settle(scene.name)
    assert heard[0] == ["room::updateUser", {"user": seen}]
    assert heard[1][0] == "self::user"
    assert heard[1][1]["user"]["operatorPermissions"]["ban"] is True
    assert eve.bot.drain() == [["room::updateUser", {"user": seen}]]
    do(bob, "silence", eve.id)
    scene.place.do(TakeRole(user=bob.somebody.id, role="moderator", room_id=scene.room.id))
    assert [event[0] for event in bob.bot.settle(scene.name)] == ["room::updateUser", "self::user"]
    assert do(bob, "kick", eve.id)[-1][1]["error"] == "PermissionError"


def test_a_guest_who_moderates(scene: Scene) -> None:
    """Whoever holds the role may do what it allows, with an account or without."""
    somebody = scene.place.guest("warden")
    scene.place.grant(somebody, "moderator", scene.room)
    warden, bob = scene.guest(somebody=somebody), scene.guest("bob")
    assert warden.user["operator_id"]
    assert warden.user["user_id"] is None
    warden.bot.drain()
    assert do(warden, "kick", bob.id)[0] == status("bob was kicked by warden")
    scene.sent_away(bob)


def test_nobody_is_told_of_what_is_a_secret(scene: Scene) -> None:
    """Neither addresses nor sids, sessions or tokens are in anything that others hear."""
    mod, bob = scene.moderator(address=ADA), scene.guest("bob", address=BOB)
    watcher = scene.guest()
    do(mod, "ban", bob.id)
    do(mod, "banlist", None)
    scene.sent_away(bob)
    watcher.bot.drain()
    secrets = [ADA, BOB]
    for guest in (mod, bob, watcher):
        assert isinstance(guest.bot, Bot)
        secrets += [guest.bot.sid, guest.somebody.session, guest.somebody.token]
    for guest in (mod, bob, watcher):
        text = "".join(guest.bot.heard)
        assert [secret for secret in secrets if secret in text] == []
