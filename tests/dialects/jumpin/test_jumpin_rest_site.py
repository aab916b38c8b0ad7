"""Videos, cams that there are not, reports and what organisers may, over /api/."""

from typing import Any

import pytest
from tests.dialects.jumpin.browser import Browser, add_room, enter
from tests.web.site import Site

from hubbub.core.gate import SetRoomPassword
from hubbub.core.playlist import AddVideo, GetPlaying, Media
from hubbub.core.user import GrantRole
from hubbub.dialects.jumpin.id import Kind, parse, render
from hubbub.media.contract import MAX_QUERY, ProviderUnavailable

ABC = Media(
    media_id="_UR-l3QI2nE",
    title="ABC SONG &amp; more",
    link="https://youtu.be/_UR-l3QI2nE",
    thumbnail="https://i.ytimg.com/vi/_UR-l3QI2nE/mqdefault.jpg",
    channel="UCbCmjCuTUZos6Inko4u57UQ",
    duration=240,
)


class Library:
    """What is asked of the media provider."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.found: list[Media] = [ABC]
        self.error: Exception | None = None
        monkeypatch.setattr(site.application.media, "search", self.search, raising=False)

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        self.asked.append(query)
        if self.error:
            raise self.error
        return self.found


@pytest.fixture
def library(site: Site, monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(site, monkeypatch)


# Videos


def test_what_is_found(ada: Browser, library: Library) -> None:
    answer = ada.get("/api/youtube/search/abc")
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "title": "ABC SONG &amp; more",
            "videoId": "_UR-l3QI2nE",
            "thumb": {"url": "https://i.ytimg.com/vi/_UR-l3QI2nE/mqdefault.jpg", "width": 320, "height": 180},
            "channelId": "UCbCmjCuTUZos6Inko4u57UQ",
            "urls": {
                "video": "https://youtu.be/_UR-l3QI2nE",
                "channel": "https://youtube.com/channel/UCbCmjCuTUZos6Inko4u57UQ",
            },
        }
    ]
    library.found = []
    assert ada.get("/api/youtube/search/abc").json() == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("abc", "abc"),
        ("abc%20song", "abc song"),
        ("https%3A%2F%2Fyoutu.be%2F_UR-l3QI2nE", "https://youtu.be/_UR-l3QI2nE"),
        (
            "https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D_UR-l3QI2nE%26t%3D5",
            "https://www.youtube.com/watch?v=_UR-l3QI2nE&t=5",
        ),
        ("https://youtu.be/_UR-l3QI2nE", "https://youtu.be/_UR-l3QI2nE"),
        ("50%25%20off", "50% off"),
        ("%C3%A4", "ä"),
        ("%FF", "\ufffd"),
        ("x" * 3000, "x" * MAX_QUERY),
    ],
)
def test_words_and_addresses_arrive_as_they_were_sent(ada: Browser, library: Library, path: str, query: str) -> None:
    assert ada.get(f"/api/youtube/search/{path}").status_code == 200
    assert library.asked == [query]


def test_nothing_to_search_for(ada: Browser, library: Library) -> None:
    answer = ada.get("/api/youtube/search/%20")
    assert (answer.status_code, answer.json()["message"]) == (400, "Not a video URL or ID")
    assert ada.get("/api/youtube/search/").status_code in (400, 404)
    assert library.asked == []


def test_searching_is_limited(ada: Browser, library: Library) -> None:
    found = [ada.get("/api/youtube/search/abc").status_code for _ in range(21)]
    assert found == [200] * 20 + [429]


def test_a_provider_that_cannot_be_asked(ada: Browser, library: Library) -> None:
    library.error = ProviderUnavailable(advice="the key sesame is worn out")
    answer = ada.get("/api/youtube/search/abc")
    assert (answer.status_code, answer.json()["error"]) == (503, "ERR_SRV")
    assert "sesame" not in answer.text
    library.error = RuntimeError("sesame")
    answer = ada.get("/api/youtube/search/abc")
    assert (answer.status_code, answer.json()["error"]) == (500, "ERR_SRV")
    assert "sesame" not in answer.text and "Internal error " in answer.json()["message"]


def test_a_playlist(site: Site, ada: Browser, browser: Browser) -> None:
    assert ada.user
    club = add_room(site)
    assert browser.get("/api/youtube/club/playlist").json() == []
    for _ in range(2):
        site.do(AddVideo(room=club.id, media=ABC), user=ada.user.id)
    site.do(GetPlaying(room=club.id), user=ada.user.id)
    first, second = browser.get("/api/youtube/club/playlist").json()
    assert first == {
        "startTime": "2026-03-01T12:00:00.000Z",
        "endTime": "2026-03-01T12:04:00.000Z",
        "description": None,
        "channelId": "UCbCmjCuTUZos6Inko4u57UQ",
        "pausedAt": None,
        "createdAt": "2026-03-01T12:00:00.000Z",
        "_id": first["_id"],
        "mediaId": "_UR-l3QI2nE",
        "title": "ABC SONG &amp; more",
        "link": "https://youtu.be/_UR-l3QI2nE",
        "duration": 240,
        "thumb": "https://i.ytimg.com/vi/_UR-l3QI2nE/mqdefault.jpg",
        "mediaType": "TYPE_YOUTUBE",
        "startedBy": {"userId": ada.id, "username": "Ada", "pic": "user-avatar/avatar-blank.png"},
    }
    assert second["startTime"] is None
    assert browser.guest() is None


def test_playlists_that_are_not_shown(site: Site, browser: Browser) -> None:
    club = add_room(site)
    answer = browser.get("/api/youtube/nowhere/playlist")
    assert (answer.status_code, answer.json()["error"]) == (404, "ERR_NO_ROOM")
    site.do(SetRoomPassword(room=club.id, password="tango"))
    assert browser.get("/api/youtube/club/playlist").status_code == 403


# Cams


def test_there_are_no_cams(site: Site, browser: Browser) -> None:
    assert browser.get("/api/janus/endpoints").json() == []
    assert browser.get("/api/janus/token").json() == {"token": ""}
    for path in ("/api/turn/", "/api/turn"):
        assert Browser(site).get(path).json() == {"username": "", "password": "", "uris": [], "ttl": 86_400}
    assert Browser(site).get("/api/status").text == "OK"


# Reports


def report(target: str, **more: Any) -> dict[str, Any]:
    given = {"room": "club", "reporterId": "x", "targetId": target, "reason": "rude", "description": "He shouts."}
    return {**given, "screenshotUri": "data:,", "messages": [], "privateMessages": [], **more}


def reports(site: Site) -> list[Any]:
    entries = site.runner.run(site.community.store.audit(site.world.world.id, types=["room.user.reported"]))
    return list(entries)


def test_reporting_somebody(site: Site, ada: Browser, browser: Browser) -> None:
    assert ada.user
    place = enter(site, ada.user.id, add_room(site).id)
    answer = browser.post("/api/report", report(place))
    assert (answer.status_code, answer.content) == (201, b"")
    (entry,) = reports(site)
    guest = browser.guest()
    assert guest and (entry.user, entry.data["object"]) == (guest.id, ada.user.id)
    assert entry.data.items() >= {"reason": "rude", "description": "He shouts.", "handle": "Ada"}.items()


def test_reports_that_make_no_sense(site: Site, ada: Browser, browser: Browser) -> None:
    assert ada.user
    club = add_room(site)
    place = enter(site, ada.user.id, club.id)
    for body, status in (
        (report(place, room="nowhere"), 404),
        (report(place, room=None), 404),
        (report("0" * 24), 404),
        (report(render(club.id, Kind.ROOM)), 404),
        (report(place, reason=""), 400),
        (report(place, reason={"a": 1}), 400),
        (report(place, description="x" * 141), 400),
        ({}, 404),
        ([], 404),
    ):
        assert browser.post("/api/report", body).status_code == status, body
    assert ada.post("/api/report", report(place)).status_code == 403
    assert Browser(site).post("/api/report", report(place)).status_code == 401
    assert reports(site) == []


def test_reports_are_limited(site: Site, ada: Browser, browser: Browser) -> None:
    assert ada.user
    place = enter(site, ada.user.id, add_room(site).id)
    found = [browser.post("/api/report", report(place)) for _ in range(21)]
    assert [answer.status_code for answer in found] == [201] * 20 + [429]
    assert found[-1].json().keys() == {"message"}


# Organisers


def test_banning_from_the_site(site: Site, ada: Browser, browser: Browser) -> None:
    assert ada.user
    bob = Browser(site).log_in("Bob")
    assert bob.user
    assert ada.post("/api/admin/siteban", {"userId": bob.id, "reason": "x"}).status_code == 403
    site.do(GrantRole(user=ada.user.id, role="admin"))
    body = {"userId": bob.id, "reason": "x", "restrictJoin": True, "sessionId": "x", "ip": "192.0.2.1"}
    answer = ada.post("/api/admin/siteban", body)
    assert (answer.status_code, answer.json()) == (201, {"userId": bob.id})
    assert site.world.moderation(bob.user.id, site.community.clock()) == "banned"
    browser.post("/api/rooms/confirmAge")
    guest = browser.guest()
    assert guest
    place = enter(site, guest.id, add_room(site).id)
    assert ada.post("/api/admin/siteban", {"userListId": place}).status_code == 201
    assert site.world.moderation(guest.id, site.community.clock()) == "banned"


def test_bans_that_make_no_sense(site: Site, ada: Browser) -> None:
    assert ada.user
    site.do(GrantRole(user=ada.user.id, role="admin"))
    wrong: list[Any] = [{}, {"userId": "x"}, {"userId": 5, "userListId": []}, [], {"userId": "", "sessionId": "x"}]
    for body in wrong:
        answer = ada.post("/api/admin/siteban", body)
        assert (answer.status_code, answer.json()["error"]) == (404, "ERR_NO_USER")
    bob = Browser(site).log_in("Bob")
    answer = ada.post("/api/admin/siteban", {"userId": bob.id, "restrictJoin": False, "restrictBroadcast": True})
    assert (answer.status_code, answer.json()["error"]) == (501, "ERR_NOT_SUPPORTED")
    assert ada.post("/api/admin/siteban", {"userId": ada.id}).status_code == 400
    owner = site.world.by_login["admin"]
    assert ada.post("/api/admin/siteban", {"userId": render(owner, Kind.USER)}).status_code == 403
    assert parse(ada.id, Kind.USER) == ada.user.id and not site.world.bans
