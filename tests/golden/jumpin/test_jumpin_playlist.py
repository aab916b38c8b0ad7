"""Watching together: the playlist, what plays, and at which second."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.jumpin.said import error, status
from tests.golden.jumpin.scene import Guest, Scene
from tests.golden.placeholder import a_text

from hubbub.core.playlist import Media

Json = Any

FIRST, SECOND = "dQw4w9WgXcQ", "71h8MZshGSs"


@pytest.fixture(autouse=True)
def known(scene: Scene) -> None:
    """Let two videos be known, of four and of two minutes."""
    for media_id, title, duration in ((FIRST, "First song", 240), (SECOND, "Second song", 120)):
        scene.place.videos.known[media_id] = Media(
            media_id=media_id,
            title=title,
            link=f"https://youtu.be/{media_id}",
            thumbnail=f"https://i.ytimg.com/vi/{media_id}/mqdefault.jpg",
            channel="UCuAXFkgsw1L7xaCfnd5JJOw",
            duration=duration,
        )


def instant(scene: Scene, seconds: float = 0) -> str:
    at = scene.place.clock() + timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def item(scene: Scene, by: Guest, media_id: str = FIRST, **changes: Json) -> Json:
    title, duration = ("First song", 240) if media_id == FIRST else ("Second song", 120)
    return {
        "startTime": None,
        "endTime": None,
        "description": None,
        "channelId": "UCuAXFkgsw1L7xaCfnd5JJOw",
        "pausedAt": None,
        "_id": a_text("[0-9a-f]{24}"),
        "mediaId": media_id,
        "title": title,
        "link": f"https://youtu.be/{media_id}",
        "duration": duration,
        "thumb": f"https://i.ytimg.com/vi/{media_id}/mqdefault.jpg",
        "mediaType": "TYPE_YOUTUBE",
        "startedBy": by.user["user_id"] or a_text("[0-9a-f]{24}"),
        "createdAt": a_text(r"\d{4}-.*Z"),
        **changes,
    }


def ask(guest: Guest, name: str, *arguments: Json) -> list[list[Json]]:
    guest.bot.send(f"youtube::{name}", *arguments)
    return guest.bot.settle(guest.room)


def play(guest: Guest, media_id: str = FIRST) -> Json:
    """Add a video, and give it as everybody heard of it."""
    heard = ask(guest, "play", {"videoId": media_id, "title": "what the client says"})
    return [event for event in heard if event[0] == "youtube::playlistUpdate"][-1][1][-1]


def test_a_video_in_order(scene: Scene) -> None:
    ada, bob = scene.member("player1"), scene.guest()
    ada.bot.drain()
    told = [
        ["youtube::playlistUpdate", [item(scene, ada)]],
        status(f"player1 added a video to the playlist: First song (https://youtu.be/{FIRST})"),
    ]
    assert ask(ada, "play", {"videoId": FIRST, "title": "Whatever"}) == told
    assert bob.bot.drain() == told
    now = {"startTime": instant(scene), "endTime": instant(scene, 240)}
    starter = {"_id": ada.user["user_id"], "username": "player1", "profile": {"pic": "user-avatar/avatar-blank.png"}}
    playing = {**item(scene, ada, **now), "startedBy": starter, "startAt": 0}
    currently = status(f"Currently playing: First song (https://youtu.be/{FIRST})")
    assert ask(bob, "checkisplaying", {"notify": True}) == [["youtube::playvideo", playing], currently]
    assert ask(bob, "checkisplaying", {"notify": False}) == [["youtube::playvideo", playing]]
    assert ask(bob, "checkisplaying") == [["youtube::playvideo", playing], currently]
    ada.bot.silence()


def test_a_late_joiner_is_at_the_same_second(scene: Scene) -> None:
    ada = scene.guest()
    play(ada)
    ask(ada, "checkisplaying", {"notify": False})
    scene.place.move(timedelta(seconds=100.5))
    bob = scene.guest()
    ((_, playing),) = ask(bob, "checkisplaying", {"notify": False})
    assert playing["startAt"] == 100
    assert playing["startTime"] == instant(scene, -100.5)
    assert playing["startedBy"]["username"] == ada.somebody.name


def test_nothing_plays(scene: Scene) -> None:
    ada, mod = scene.guest(), scene.moderator()
    ada.bot.drain()
    assert ask(ada, "checkisplaying", {"notify": True}) == []
    for what in ("pause", "resume"):
        assert ask(mod, what) == [error("chat", "Nothing is playing.", "ERR_NOT_FOUND")]
    assert ask(mod, "seek", {"seekTo": 10}) == [error("chat", "Nothing is playing.", "ERR_NOT_FOUND")]


def test_when_a_video_ends_the_next_begins(scene: Scene) -> None:
    """Clients are told at that moment, and ask; one who asks first sees the same."""
    ada = scene.guest()
    first, second = play(ada), play(ada, SECOND)
    ask(ada, "checkisplaying", {"notify": False})
    scene.place.move(timedelta(seconds=239))
    assert ada.bot.drain() == []
    scene.place.move(timedelta(seconds=11))
    now = {"startTime": instant(scene, -10), "endTime": instant(scene, 110)}
    assert [event[1] for event in ada.bot.drain() if event[0] == "youtube::playlistUpdate"][-1] == [{**second, **now}]
    ((_, playing),) = ask(ada, "checkisplaying", {"notify": False})
    assert (playing["_id"], playing["startAt"]) == (second["_id"], 10)
    assert playing["_id"] != first["_id"]
    scene.place.move(timedelta(seconds=120))
    assert [event for event in ada.bot.drain() if event[0] == "youtube::playlistUpdate"][-1][1] == []
    assert ask(ada, "checkisplaying", {"notify": True}) == []


def test_pausing_and_going_on(scene: Scene) -> None:
    mod, bob = scene.moderator("pauser1"), scene.guest()
    mod.bot.drain()
    added = play(mod)
    ask(mod, "checkisplaying", {"notify": False})
    bob.bot.drain()
    scene.place.move(timedelta(seconds=60))
    halted = {**added, "startTime": instant(scene, -60), "endTime": None, "pausedAt": instant(scene)}
    heard = ask(mod, "pause")
    ended = heard[0][1].pop("endTime")
    del halted["endTime"]
    assert heard == [["youtube::videoPaused", halted], status("pauser1 paused the video")]
    assert [event[0] for event in bob.bot.drain()] == ["youtube::videoPaused", "room::status"]
    scene.place.move(timedelta(seconds=1000))
    ((_, playing),) = ask(bob, "checkisplaying", {"notify": False})
    assert (playing["startAt"], playing["endTime"]) == (60, ended)
    goes_on = {**added, "startTime": instant(scene, -60), "endTime": instant(scene, 180)}
    assert ask(mod, "resume") == [["youtube::videoResume", goes_on], status("pauser1 resumed the video")]
    ((_, playing),) = ask(bob, "checkisplaying", {"notify": False})[-1:]
    assert playing["startAt"] == 60


@pytest.mark.parametrize("seconds", [100, "100", 100.0, " 100 "])
def test_seeking(scene: Scene, seconds: Json) -> None:
    mod, bob = scene.moderator(), scene.guest()
    mod.bot.drain()
    added = play(mod)
    ask(mod, "checkisplaying", {"notify": False})
    bob.bot.drain()
    moved = {**added, "startTime": instant(scene, -100), "endTime": instant(scene, 140)}
    told = [["youtube::seek", moved], status(f"{mod.handle} changed the current video time")]
    assert ask(mod, "seek", {"seekTo": seconds}) == told
    assert bob.bot.drain() == told
    ((_, playing),) = ask(bob, "checkisplaying", {"notify": False})
    assert playing["startAt"] == 100


def test_skipping_is_seeking_to_the_end(scene: Scene) -> None:
    mod = scene.moderator()
    play(mod)
    second = play(mod, SECOND)
    ask(mod, "checkisplaying", {"notify": False})
    assert ask(mod, "seek", {"seekTo": 240})[0][0] == "youtube::seek"
    ((_, playing),) = [event for event in ask(mod, "checkisplaying", {"notify": False}) if "playvideo" in event[0]]
    assert (playing["_id"], playing["startAt"]) == (second["_id"], 0)


@pytest.mark.parametrize("seconds", [0, "", None, "soon", {}, [10], -5, True, "nan"])
def test_seeking_nowhere(scene: Scene, seconds: Json) -> None:
    mod = scene.moderator()
    play(mod)
    assert ask(mod, "seek", {"seekTo": seconds}) == [error("chat", "New video time not set", "ERR_INVALID_PARAMS")]


@pytest.mark.parametrize("seconds", [1e300, 10**400, "inf", 1e9])
def test_seeking_beyond_the_end(scene: Scene, seconds: Json) -> None:
    mod = scene.moderator()
    play(mod)
    ask(mod, "checkisplaying", {"notify": False})
    assert ask(mod, "seek", {"seekTo": seconds})[0][0] == "youtube::seek"
    assert ask(mod, "checkisplaying", {"notify": True}) == []


def test_removing(scene: Scene) -> None:
    mod, ada, bob = scene.moderator("remover1"), scene.guest("ada"), scene.guest()
    mod.bot.drain(), ada.bot.drain()
    mine, theirs = play(ada), play(mod, SECOND)
    ada.bot.drain(), bob.bot.drain()
    told = [["youtube::playlistUpdate", [theirs]], status("ada removed a video from the playlist: First song")]
    assert ask(ada, "remove", {"id": mine["_id"]}) == told
    assert bob.bot.drain() == told
    unknown = error("chat", "Media no longer exists in playlist", "ERR_NOT_FOUND")
    for identity in (mine["_id"], "", None, 7, "0" * 24):
        assert ask(ada, "remove", {"id": identity}) == [unknown]
    denied = error("chat", "You don't have permission to play videos", "PermissionError")
    assert ask(ada, "remove", {"id": theirs["_id"]}) == [denied]
    mod.bot.drain()
    assert ask(mod, "remove", {"id": theirs["_id"]})[0] == ["youtube::playlistUpdate", []]


def test_who_may_play(scene: Scene) -> None:
    ada, mod = scene.guest(), scene.moderator()
    ada.bot.drain()
    denied = error("chat", "You don't have permission to play videos", "PermissionError")
    play(ada)
    mod.bot.drain()
    for name, *arguments in (("pause",), ("resume",), ("seek", {"seekTo": 10})):
        assert ask(ada, name, *arguments) == [denied]
    scene.set(moderated_playlist=True)
    assert ask(ada, "play", {"videoId": SECOND, "title": "x"}) == [denied]
    play(mod, SECOND)
    mod.bot.silence()


@pytest.mark.parametrize("media_id", ["", None, 7, "nosuchvideo", "x" * 101, {"a": 1}, "<script>"])
def test_what_is_no_video(scene: Scene, media_id: Json) -> None:
    ada, bob = scene.guest(), scene.guest()
    ((name, body),) = ask(ada, "play", {"videoId": media_id, "title": "x"})
    assert (name, body["context"], body["message"]) == ("client::error", "chat", "Error starting Youtube video")
    bob.bot.silence()


def test_a_video_that_nobody_knows_at_the_moment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client says of it is better than nothing; how long it is stays open."""
    from hubbub.media.contract import ProviderUnavailable

    async def details(media_id: str) -> Media:
        raise ProviderUnavailable

    monkeypatch.setattr(scene.place.videos, "details", details)
    ada = scene.guest()
    heard = ask(ada, "play", {"videoId": "abc-_123456", "title": "A title"})
    added = heard[0][1][0]
    assert (added["title"], added["link"], added["duration"]) == ("A title", "https://youtu.be/abc-_123456", 0)
    ((_, playing),) = ask(ada, "checkisplaying", {"notify": False})
    assert (playing["endTime"], playing["startAt"]) == (None, 0)


def test_events_wait_for_a_video_that_is_looked_up(scene: Scene) -> None:
    """What a client sends is done in order, also while a provider is asked."""
    ada = scene.guest()
    for media_id in (FIRST, SECOND, FIRST):
        ada.bot.send("youtube::play", {"videoId": media_id, "title": "x"})
        ada.bot.send("room::message", {"message": media_id})
    heard = ada.bot.settle(scene.name)
    assert [event[0] for event in heard] == ["youtube::playlistUpdate", "room::status", "room::message"] * 3
    assert [event[1]["message"] for event in heard if event[0] == "room::message"] == [FIRST, SECOND, FIRST]
    assert len({one["_id"] for one in heard[6][1]}) == 3
