"""What every answer has, whatever was asked; and the pages."""

import json
import logging
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.web.site import Site, open_site

from hubbub.core.world import UpdateWorld

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/healthcheck", "/healthcheck/"])
def test_health(site: Site, path: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["content-type"].startswith("text/plain")
    assert site.ask("HEAD", path).status_code == 200


UNKNOWN = [
    "/nothing/here",
    "/nothing",
    "/index.php",
    "/%00",
    "/%ff%fe",
    "//",
    "/a//b",
    "/..%2f..%2fetc/passwd",
    "/media/pub/",
    "/media/pub",
    "/api/v1/worlds",
    "/api/v1/worlds/",
    "/api/v1/worlds/nowhere/",
    "/api/v1/worlds/%00/",
    "/login/%F0%9F%92%A9",
    "/schema/swagger",
    "/" + "x" * 5000,
]


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("headers", [{}, HTML])
def test_an_unknown_path_is_not_found(site: Site, path: str, headers: dict[str, str]) -> None:
    answer = site.ask("GET", path, headers=headers)
    assert answer.status_code == (200 if path == "//" else 404), answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    if headers and path != "//" and not path.startswith("/api/v1/worlds/"):  # programs want JSON, whatever they say
        assert answer.headers["content-type"].startswith("text/html")
        assert "Not found" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("DELETE", "/healthcheck/"), ("GET", "/storage/upload/"), ("GET", "/_feedback/"), ("PUT", "/")],
)
def test_a_wrong_method_is_refused(site: Site, method: str, path: str) -> None:
    if path == "/_feedback/":  # six letters or more: a code of an invite for all we know
        assert site.ask(method, path).status_code in (404, 405)
    else:
        assert site.ask(method, path).status_code == 405


def test_our_own_mistakes_stay_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the secret is swordfish")

    monkeypatch.setattr("hubbub.web.http.index_page", fail)
    monkeypatch.setattr("hubbub.web.http.base_url", fail)
    for headers in ({}, HTML):
        caplog.clear()
        answer = site.ask("GET", "/", headers=headers)
        assert answer.status_code == 500
        assert "swordfish" not in answer.text
        assert "RuntimeError" not in answer.text
        found = re.search(r"Internal error ([0-9a-f]{8})", answer.text)
        assert found
        assert found[1] in caplog.text
        assert "the secret is swordfish" in caplog.text


# The front page


class Outline(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_the_front_page_says_what_runs_here(site: Site) -> None:
    answer = site.ask("GET", "/", headers={"Host": "chat.example.org:8420"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for text in (
        "Main",
        "ws://chat.example.org:8420/ws/world/main/",
        "http://chat.example.org:8420/api/v1/worlds/main/",
    ):
        assert text in answer.text
    outline = Outline(answer.text)
    assert outline.named("html") == [{"lang": "en"}]
    assert not outline.named("script")
    assert len(outline.named("h1")) == 1
    for link in outline.named("a"):
        there = site.ask("GET", str(link["href"]))
        if there.status_code == 302:  # one must log in first
            there = site.ask("GET", there.headers["location"])
        assert there.status_code == 200
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)


def test_the_front_page_shows_text_as_text(site: Site) -> None:
    site.do(UpdateWorld(title="<script>alert(1)</script>"))
    assert site.ask("GET", "/", headers={"Host": 'x"><script>alert(2)</script>'}).status_code == 400
    answer = site.ask("GET", "/", headers={"Host": "[x@y"})
    assert "x@y" not in answer.text
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert site.ask("GET", "/manifest.json").json()["name"] == "<script>alert(1)</script>"


def test_the_settings_say_where_we_are(tmp_path: Path) -> None:
    with open_site(tmp_path, url="https://chat.example.org/") as site:
        text = site.ask("GET", "/").text
        assert "wss://chat.example.org/ws/world/main/" in text
        assert "hubbub.test" not in text


def test_a_place_for_the_client(site: Site) -> None:
    assert site.ask("GET", "/standalone/0a9edd6a/anonymous").status_code == 200


def test_the_rest_interface_is_described(site: Site) -> None:
    schema = site.ask("GET", "/schema/openapi.json").json()
    assert schema["info"]["title"] == "Hubbub"
    room = schema["paths"]["/api/v1/worlds/{world}/rooms/{room}"]
    assert room.keys() >= {"get", "patch", "put", "delete"}
    assert "module_config" in json.dumps(schema["components"]["schemas"])


# Feedback


def test_feedback_goes_to_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    report = {"module": "chat", "message": "It broke\nFAKE line", "trace": "x" * 50_000, "more": 1}
    answer = site.ask("POST", "/_feedback/", json=report)
    assert answer.status_code == 201
    (record,) = [record for record in caplog.records if "a client reports" in record.getMessage()]
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 12_000


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"module": 5}', b'{"trace": null}', b'{"message": "\\ud800"}', b"[" * 60_000]
)
def test_bad_feedback_is_refused(site: Site, body: bytes) -> None:
    assert site.ask("POST", "/_feedback/", content=body).status_code == 400


def test_too_large_a_body_is_refused(site: Site) -> None:
    assert site.ask("POST", "/_feedback/", json={"trace": "x" * 100_000}).status_code == 413


def test_feedback_is_limited(site: Site) -> None:
    answers = [site.ask("POST", "/_feedback/", json={}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
