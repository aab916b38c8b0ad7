"""The directory and the pages of rooms."""

from typing import Any

import pytest
from tests.web.site import Site
from tests.web.test_web_http import Outline

from hubbub.core.gate import SetRoomPassword
from hubbub.core.room import AddRoom, RoomSettings, SetTopic, UpdateRoom
from hubbub.core.world import UpdateWorld

OPEN: dict[str, Any] = {"viewer": [], "participant": []}


def add_room(site: Site, name: str, **fields: Any) -> int:
    settings = RoomSettings(name=name, **{"trait_grants": OPEN, **fields})
    return int(site.do(AddRoom(settings=settings)).id)


def check_page(text: str) -> Outline:
    """Hold a page against what is promised of all."""
    outline = Outline(text)
    assert outline.named("html") == [{"lang": "en"}]
    assert len(outline.named("h1")) == 1 and len(outline.named("title")) == 1
    assert not outline.named("script") and not outline.named("img")
    assert all(str(link["href"]).startswith("/") for link in outline.named("a"))
    return outline


def test_the_directory_leads_to_rooms(site: Site) -> None:
    club = add_room(site, "The Club", description="Where we dance")
    site.do(SetTopic(room=club, topic="Tango <b>tonight</b>"))
    add_room(site, "Hidden", listed=False)
    add_room(site, "Office", trait_grants={"viewer": ["staff"]})
    answer = site.ask("GET", "/directory")
    assert answer.status_code == 200 and "form-action 'none'" in answer.headers["content-security-policy"]
    outline = check_page(answer.text)
    assert "Tango &lt;b&gt;tonight&lt;/b&gt;" in answer.text and "nobody there" in answer.text
    assert "Hidden" not in answer.text and "Office" not in answer.text
    for link in outline.named("a"):
        assert site.ask("GET", str(link["href"])).status_code == 200, link
    assert "/directory/theclub" in [link["href"] for link in outline.named("a")]


def test_a_community_without_rooms(site: Site) -> None:
    for room in site.world.ordered_rooms():
        site.do(UpdateRoom(room=room.id, settings=RoomSettings(listed=False)))
    assert "no public rooms yet" in site.ask("GET", "/directory").text


def test_pages_of_the_directory(site: Site) -> None:
    for number in range(120):
        add_room(site, f"Room {number:03}")
    first = site.ask("GET", "/directory")
    assert 'rel="next" href="/directory?page=2"' in first.text and 'rel="prev"' not in first.text
    last = site.ask("GET", "/directory?page=3")
    assert 'rel="prev" href="/directory?page=2"' in last.text and 'rel="next"' not in last.text
    names = {
        link["href"]
        for page in (1, 2, 3)
        for link in Outline(site.ask("GET", f"/directory?page={page}").text).named("a")
    }
    assert len([name for name in names if str(name).startswith("/directory/room")]) == 120
    for wrong in ("0", "4", "x", "-1", "1e3", "99999", "999999999999", "%00", ""):
        assert site.ask("GET", f"/directory?page={wrong}").status_code == 404


def test_a_room(site: Site) -> None:
    club = add_room(site, "Club", description="Where we <i>dance</i>")
    page = site.ask("GET", "/directory/club").text
    check_page(page)
    assert "Where we &lt;i&gt;dance&lt;/i&gt;" in page and "everybody may come in" in page and "nobody there" in page
    site.do(UpdateRoom(room=club, settings=RoomSettings(accounts_only=True, age_restricted=True)))
    site.do(SetRoomPassword(room=club, password="tango"))
    page = site.ask("GET", "/directory/CLUB").text
    assert "an account, a password and being of age" in page and "people are not shown" in page
    assert "asks for an account" in site.ask("GET", "/directory").text


@pytest.mark.parametrize("name", ["nowhere", "office", "%00", "%F0%9F%92%83", "x" * 5000, "..", "%3Cscript%3E"])
def test_rooms_that_nobody_sees(site: Site, name: str) -> None:
    add_room(site, "Office", trait_grants={"viewer": ["staff"]})
    answer = site.ask("GET", f"/directory/{name}", headers={"Accept": "text/html"})
    assert answer.status_code == (200 if name == ".." else 404)
    assert "<script" not in answer.text


def test_looking_leaves_nothing_behind(site: Site) -> None:
    users, rooms = dict(site.world.users), dict(site.world.rooms)
    for path in ("/directory", "/directory/lobby", "/directory/nowhere", "/login"):
        site.ask("GET", path)
        assert site.ask("HEAD", path).status_code in (200, 404)
    assert (site.world.users, site.world.rooms) == (users, rooms)


def test_names_are_shown_as_text(site: Site) -> None:
    site.do(UpdateWorld(title="<script>alert(1)</script>"))
    add_room(site, "<script>alert(2)</script>")
    for path in ("/directory", "/directory/scriptalert2script", "/login"):
        answer = site.ask("GET", path)
        assert answer.status_code == 200
        assert "<script" not in answer.text and "&lt;script&gt;alert(1)" in answer.text
