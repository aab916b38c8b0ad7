"""Apps that ask people for a token, and the tokens that people make for themselves (protocols/groupme.md 2.1)."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from tests.golden.jumpin.place import PASSWORD, Place, Somebody
from tests.web.test_web_http import Outline

from hubbub.core.user import BanUser, SilenceUser
from hubbub.dialects.groupme.option import GroupmeOptions
from hubbub.live.rate import Rate

HOME = "https://app.example.org/signed-in"
PHONE = "org.example.app:/signed-in?from=hubbub"
OPTIONS = GroupmeOptions(applications={"campus": HOME, "phone": PHONE})
PLENTY = Rate(1000, 1_000_000)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    rates = dict.fromkeys(("login", "account", "password"), PLENTY)
    running = Place(tmp_path_factory.mktemp("oauth"), rates=rates, groupme=OPTIONS)
    running.start()
    yield running
    running.stop()


class Browser:
    """A browser, and who sits before it."""

    def __init__(self, place: Place, who: Somebody) -> None:
        self.place = place
        self.who = who
        self._client = httpx.Client(base_url=place.url, trust_env=False, timeout=10)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path, headers={"Accept": "text/html"})

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        return self._client.post(path, data=fields, headers={"Sec-Fetch-Site": "same-origin", **headers})

    def log_in(self, target: str = "/") -> httpx.Response:
        return self.send("/login", {"username": self.who.name, "password": PASSWORD, "next": target})

    def tokens(self) -> int:
        return self.place.ask(lambda: len(self.place.state.tokens_of[self.who.id]))

    def user_of(self, token: str) -> str:
        answer = httpx.get(f"{self.place.url}/v3/users/me", params={"token": token}, trust_env=False)
        return str(answer.json()["response"]["id"]) if answer.status_code == 200 else ""


@pytest.fixture
def browser(place: Place) -> Iterator[Browser]:
    browser = Browser(place, place.account())
    yield browser
    browser.close()


@pytest.fixture
def other(place: Place) -> Iterator[Browser]:
    other = Browser(place, place.account())
    other.log_in()
    yield other
    other.close()


@pytest.fixture
def inside(browser: Browser) -> Browser:
    browser.log_in()
    return browser


def fields_of(page: str, **more: str) -> dict[str, str]:
    """Fill in the form of a page."""
    hidden = [field for field in Outline(page).named("input") if field.get("type") == "hidden"]
    return {str(field["name"]): unescape(str(field["value"])) for field in hidden} | more


def authorize(client: str, **more: str) -> str:
    fields = {"client_id": client, **more}
    return "/oauth/authorize?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


# Apps


def test_an_app_gets_a_token(inside: Browser) -> None:
    page = inside.get(authorize("campus", state="a&b=c"))
    assert page.status_code == 200
    assert "campus asks for access" in page.text and inside.who.name in page.text and "app.example.org" in page.text
    outline = Outline(page.text)
    assert len(outline.named("h1")) == 1 and not outline.named("script")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy and policy.endswith("form-action 'self' https://app.example.org")
    assert page.headers["cache-control"] == "no-store"
    before = inside.tokens()
    answer = inside.send("/oauth/authorize", fields_of(page.text, answer="allow"))
    assert (answer.status_code, answer.headers["referrer-policy"], answer.content) == (302, "no-referrer", b"")
    assert answer.headers["cache-control"] == "no-store"
    target = answer.headers["location"]
    assert target.startswith(f"{HOME}?access_token=")
    fields = parse_qs(urlsplit(target).query)
    assert fields["state"] == ["a&b=c"] and set(fields) == {"access_token", "state"}
    assert inside.user_of(fields["access_token"][0]) == str(inside.who.id)
    assert inside.tokens() == before + 1


def test_who_has_not_logged_in_does_that_first(browser: Browser) -> None:
    path = authorize("campus", redirect_uri=HOME, state="x y")
    answer = browser.get(path)
    assert answer.status_code == 302
    target = parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]
    back = browser.log_in(target)
    assert (back.status_code, back.headers["location"]) == (302, target)
    assert fields_of(browser.get(target).text)["state"] == "x y"


@pytest.mark.parametrize(
    ("client", "address", "source"),
    [
        ("campus", HOME, "https://app.example.org"),
        ("phone", PHONE, "org.example.app:"),
        ("anything", "http://127.0.0.1:5000/cb?x=1", "http://127.0.0.1:5000"),
        ("campus", "http://localhost/", "http://localhost"),
        ("anything", "http://[::1]:7/", "http:"),
    ],
    ids=["registered", "phone", "loopback", "localhost", "loopback6"],
)
def test_where_tokens_may_go(inside: Browser, client: str, address: str, source: str) -> None:
    page = inside.get(authorize(client, redirect_uri=address))
    assert page.status_code == 200
    assert page.headers["content-security-policy"].endswith(f"form-action 'self' {source}")
    assert ("on your computer" in page.text) == address.startswith("http://")
    target = inside.send("/oauth/authorize", fields_of(page.text, answer="allow")).headers["location"]
    assert target.startswith(f"{address}{'&' if '?' in address else '?'}access_token=")
    refused = inside.send("/oauth/authorize", fields_of(page.text, answer="refuse")).headers["location"]
    assert refused == f"{address}{'&' if '?' in address else '?'}error=access_denied"


WRONG = {
    "unknown": ("nobody", ""),
    "none": ("", ""),
    "other": ("campus", "https://app.example.org/other"),
    "longer": ("campus", HOME + "/more"),
    "query": ("campus", HOME + "?x=1"),
    "case": ("campus", HOME.upper()),
    "of-another": ("campus", PHONE),
    "elsewhere": ("nobody", "https://evil.example/"),
    "scheme": ("nobody", "https://127.0.0.1/"),
    "script": ("nobody", "javascript:alert(1)"),
    "data": ("nobody", "data:text/html,x"),
    "user": ("nobody", "http://127.0.0.1:80@evil.example/"),
    "user-name": ("nobody", "http://localhost@evil.example/"),
    "suffix": ("nobody", "http://localhost.evil.example/"),
    "prefix": ("nobody", "http://127.0.0.1.evil.example/"),
    "backslash": ("nobody", "http://127.0.0.1\\@evil.example/"),
    "fragment": ("nobody", "http://127.0.0.1/#x"),
    "line": ("nobody", "http://127.0.0.1/\r\nX: y"),
    "blank": ("nobody", "http://127.0.0.1/ x"),
    "quote": ("nobody", 'http://127.0.0.1/"><script>'),
    "policy": ("nobody", "http://127.0.0.1;script-src/"),
    "network": ("nobody", "http://192.168.0.1/"),
    "long": ("nobody", "http://127.0.0.1/" + "x" * 400),
    "path": ("nobody", "//127.0.0.1/"),
    "long-client": ("x" * 81, "http://127.0.0.1/"),
    "unseen-client": ("a\u202eb", "http://127.0.0.1/"),
    "blank-client": ("  ", "http://127.0.0.1/"),
}


@pytest.mark.parametrize(("client", "address"), WRONG.values(), ids=WRONG)
def test_everywhere_else_is_refused(inside: Browser, client: str, address: str) -> None:
    given = {"redirect_uri": address} if address else {}
    page = inside.get(authorize(client, **given))
    assert page.status_code == 400 and "location" not in page.headers
    assert "cannot ask for access" in page.text and "groupme.applications" in page.text
    assert not Outline(page.text).named("script") and not Outline(page.text).named("form")
    stamp = fields_of(inside.get(authorize("campus")).text)["stamp"]
    before = inside.tokens()
    fields = {"client_id": client, "redirect_uri": address, "stamp": stamp, "answer": "allow"}
    answer = inside.send("/oauth/authorize", fields)
    assert answer.status_code == 400 and "location" not in answer.headers
    assert inside.tokens() == before


def test_a_name_is_text(inside: Browser) -> None:
    page = inside.get(authorize("<script>alert(1)</script>", redirect_uri="http://127.0.0.1/"))
    assert page.status_code == 200 and "<script" not in page.text and "&lt;script&gt;alert(1)" in page.text
    assert "<script" not in inside.get(authorize("<script>alert(1)</script>")).text


def test_too_much_to_send_back(browser: Browser) -> None:
    assert browser.get(authorize("campus", state="x" * 301)).status_code == 400
    answer = browser.get(authorize("a" * 80, state="ä" * 300, redirect_uri="http://127.0.0.1/" + "%20" * 90))
    assert answer.status_code == 400 and "too long" in answer.text


def test_forms_of_other_pages_are_refused(inside: Browser, other: Browser, browser: Browser) -> None:
    own = fields_of(inside.get(authorize("campus")).text, answer="allow")
    local = {**own, "redirect_uri": "http://127.0.0.1/"}
    theirs = {**own, "stamp": fields_of(other.get(authorize("campus")).text)["stamp"]}
    before = inside.tokens()
    for fields, headers in (
        (own, {"Sec-Fetch-Site": "cross-site"}),
        (own, {"Sec-Fetch-Site": "same-site"}),
        ({**own, "stamp": ""}, {}),
        ({**own, "stamp": "é"}, {}),
        ({**own, "stamp": "0" * 64}, {}),
        (local, {}),
        (theirs, {}),
        ({**own, "client_id": "phone", "redirect_uri": PHONE}, {}),
    ):
        answer = inside.send("/oauth/authorize", fields, **headers)
        assert answer.status_code == 403 and "location" not in answer.headers, fields
    assert inside.tokens() == before
    inside.send("/logout", {})
    assert inside.send("/oauth/authorize", own).status_code == 403
    assert httpx.post(f"{inside.place.url}/oauth/authorize", data=own, trust_env=False).status_code == 403


def test_who_says_nothing_refuses(inside: Browser) -> None:
    fields = fields_of(inside.get(authorize("campus")).text)
    before = inside.tokens()
    assert inside.send("/oauth/authorize", fields).headers["location"] == f"{HOME}?error=access_denied"
    assert inside.tokens() == before


def test_who_is_banned_gives_nothing(inside: Browser) -> None:
    fields = fields_of(inside.get(authorize("campus")).text, answer="allow")
    inside.place.do(BanUser(user=inside.who.id))
    answer = inside.send("/oauth/authorize", fields)
    assert answer.status_code == 403 and "location" not in answer.headers


# One's own programs


def make(browser: Browser, label: str = "Archive") -> str:
    page = browser.get("/oauth/token")
    answer = browser.send("/oauth/token", fields_of(page.text, label=label))
    assert answer.status_code == 200, answer.text
    (field,) = [field for field in Outline(answer.text).named("input") if field.get("id") == "token"]
    return str(field["value"])


def test_a_token_is_made_and_shown_once(inside: Browser) -> None:
    token = make(inside, "Archive <b>")
    assert inside.user_of(token) == str(inside.who.id)
    page = inside.get("/oauth/token")
    assert token not in page.text and "Archive &lt;b&gt;" in page.text and "this browser" in page.text
    assert not Outline(page.text).named("script")
    assert (
        page.headers["cache-control"] == "no-store"
        and "frame-ancestors 'none'" in page.headers["content-security-policy"]
    )


def test_the_only_script_is_ours(inside: Browser) -> None:
    page = inside.get("/oauth/token")
    answer = inside.send("/oauth/token", fields_of(page.text, label="</script><script>alert(1)"))
    assert len(Outline(answer.text).named("script")) == 1 and "unsafe" not in answer.headers["content-security-policy"]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]+'$", answer.headers["content-security-policy"])


def test_a_token_is_ended(inside: Browser, other: Browser) -> None:
    token = make(inside)
    page = inside.get("/oauth/token").text
    stamp = fields_of(page)["stamp"]
    entry = page[page.index("Archive") :]
    identity = fields_of(entry)["token"]
    strange = fields_of(other.get("/oauth/token").text)["stamp"]
    other.send("/oauth/token/end", {"stamp": strange, "token": identity})
    assert inside.send("/oauth/token/end", {"stamp": strange, "token": identity}).status_code == 403
    assert inside.user_of(token)
    answer = inside.send("/oauth/token/end", {"stamp": stamp, "token": identity})
    assert (answer.status_code, answer.headers["location"]) == (302, "/oauth/token")
    assert not inside.user_of(token)
    assert inside.send("/oauth/token/end", {"stamp": stamp, "token": "rubbish"}).status_code == 302


def test_strangers_log_in_first(browser: Browser) -> None:
    assert browser.get("/oauth/token").headers["location"] == "/login?next=%2Foauth%2Ftoken"
    for path in ("/oauth/token", "/oauth/token/end"):
        assert browser.send(path, {"label": "x", "stamp": "x", "token": "1"}).status_code == 403


@pytest.mark.parametrize(
    "label", ["", "   ", "x" * 200, "a\0b", "a\u202eb"], ids=["none", "blank", "long", "nul", "turned"]
)
def test_a_token_without_a_sensible_name(inside: Browser, label: str) -> None:
    before = inside.tokens()
    answer = inside.send("/oauth/token", fields_of(inside.get("/oauth/token").text, label=label))
    assert answer.status_code == 400 and 'role="alert"' in answer.text
    assert inside.tokens() == before


def test_forms_of_other_sites_make_no_token(inside: Browser) -> None:
    fields = fields_of(inside.get("/oauth/token").text, label="x")
    before = inside.tokens()
    assert inside.send("/oauth/token", fields, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert inside.send("/oauth/token", {**fields, "stamp": "x"}).status_code == 403
    assert inside.tokens() == before


def test_the_silenced_may_have_tokens(inside: Browser) -> None:
    inside.place.do(SilenceUser(user=inside.who.id))
    assert inside.user_of(make(inside)) == str(inside.who.id)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a=b&" * 10_000, b"{}"], ids=["none", "bytes", "many", "json"])
@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/token", "/oauth/token/end"])
def test_odd_forms(inside: Browser, path: str, content: bytes) -> None:
    before = inside.tokens()
    answer = httpx.post(f"{inside.place.url}{path}", content=content, trust_env=False)
    assert answer.status_code in (400, 403)
    assert inside.tokens() == before
