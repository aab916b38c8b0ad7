"""Logging in by the form, and out."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.dialects.jumpin.browser import PASSWORD, Browser, pass_time
from tests.web.site import Site, open_site

from hubbub.core.account import Register
from hubbub.core.user import BanUser
from hubbub.dialects.jumpin.identity import IDENT_LIFE, SESSION_LIFE

FORM = {"action": "login", "username": "Ada", "password": PASSWORD}


@pytest.fixture
def known(site: Site) -> int:
    return int(site.do(Register(username="Ada", password=PASSWORD), user=0).id)


def cookies(answer: object) -> dict[str, str]:
    """Give the Set-Cookie headers of an answer by the name of the cookie."""
    headers = answer.headers.get_list("set-cookie")  # type: ignore[attr-defined]
    return {header.partition("=")[0]: header for header in headers}


def test_the_form_logs_in(site: Site, known: int) -> None:
    browser = Browser(site)
    answer = browser.ask("POST", "/login", data=FORM)
    assert (answer.status_code, answer.headers["location"], answer.text) == (302, "/", "")
    given = cookies(answer)
    assert given.keys() == {"jic.ident", "jic.activity", "connect.sid"}
    for name, life in (("jic.ident", IDENT_LIFE), ("jic.activity", SESSION_LIFE), ("connect.sid", None)):
        header = given[name]
        assert "HttpOnly" in header and "Path=/;" in header and re.search("samesite=lax", header, re.I)
        assert "Secure" not in header
        assert ("Max-Age" in header) == (life is not None)
        assert life is None or f"Max-Age={int(life.total_seconds())}" in header
    session = browser.post("/api/user/session").json()
    assert session.keys() == {"token", "user"}
    assert session["user"]["username"] == "Ada"


def test_cookies_are_secure_where_the_request_was(site: Site, known: int) -> None:
    answer = Browser(site, https=True).ask("POST", "/login", data=FORM)
    assert all("Secure" in header for header in cookies(answer).values())
    assert len(cookies(answer)) == 3


def test_cookies_are_secure_where_the_settings_say_so(tmp_path: Path) -> None:
    with open_site(tmp_path, url="https://chat.example.org") as site:
        answer = Browser(site).post("/api/user/session")
        assert all("Secure" in header for header in cookies(answer).values())


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({**FORM, "password": "wrong horse"}, 401, "wrong"),
        ({**FORM, "username": "nobody"}, 401, "wrong"),
        ({**FORM, "username": "ad\0a"}, 401, "wrong"),
        ({**FORM, "password": "x" * 10_000}, 401, "wrong"),
        ({**FORM, "password": ""}, 400, "Type your"),
        ({**FORM, "username": " "}, 400, "Type your"),
        ({**FORM, "action": "register"}, 400, "Type your"),
        ({}, 400, "Type your"),
        ({f"f{number}": "" for number in range(30)}, 400, "Type your"),
    ],
)
def test_what_is_wrong_is_said_on_the_form(
    site: Site, known: int, form: dict[str, str], status: int, said: str
) -> None:
    answer = Browser(site).ask("POST", "/login", data=form)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'role="alert"' in answer.text and said in answer.text
    assert "<title>Error: " in answer.text
    assert not cookies(answer)
    assert not form.get("password") or form["password"] not in answer.text


def test_a_wrong_name_and_a_wrong_password_are_not_told_apart(site: Site, known: int) -> None:
    wrong = [Browser(site).ask("POST", "/login", data={**FORM, **one}) for one in ({"password": "x" * 9},)]
    unknown = Browser(site).ask("POST", "/login", data={**FORM, "username": "Adb", "password": "x" * 9})
    assert wrong[0].text.replace("Ada", "Adb") == unknown.text


def test_what_was_typed_is_shown_as_text(site: Site) -> None:
    answer = Browser(site).ask("POST", "/login", data={**FORM, "username": '"><script>alert(1)</script>'})
    assert "<script" not in answer.text
    assert "&quot;&gt;&lt;script&gt;" in answer.text


def test_who_is_banned_is_told_so(site: Site, known: int) -> None:
    site.do(BanUser(user=known))
    answer = Browser(site).ask("POST", "/login", data=FORM)
    assert answer.status_code == 403 and "organisers" in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&&&===", b"a" * 60_000, b"%ZZ=%ff"])
def test_what_is_no_form(site: Site, body: bytes) -> None:
    answer = Browser(site).ask("POST", "/login", content=body)
    assert answer.status_code == 400


def test_a_form_that_is_too_large(site: Site) -> None:
    assert Browser(site).ask("POST", "/login", content=b"a" * 100_000).status_code == 413


# Where it leads


@pytest.mark.parametrize("target", ["/directory", "/directory/club?x=1#y", "/", "/a%20b"])
def test_it_leads_on(site: Site, known: int, target: str) -> None:
    shown = Browser(site).get(f"/login?next={quote(target, safe='')}")
    assert f'name="next" value="{target}"' in shown.text
    answer = Browser(site).ask("POST", "/login", data={**FORM, "next": target})
    assert answer.headers["location"] == target


ELSEWHERE = (
    *("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "evil"),
    *("javascript:alert(1)", "/a b", "/\r\nSet-Cookie: a=b", "/" + "x" * 2000, "", " /x", "/ü", "/x\\y"),
)


def test_it_never_leads_to_another_site(site: Site, known: int) -> None:
    for target in ELSEWHERE:
        shown = Browser(site).get(f"/login?next={quote(target, safe='')}")
        assert 'name="next" value="/"' in shown.text, target
        answer = Browser(site).ask("POST", "/login", data={**FORM, "next": target})
        assert (answer.status_code, answer.headers["location"]) == (302, "/"), target
        pass_time(site, timedelta(seconds=10))


# Other sites


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://hubbub.test:81"},
    {"Origin": "http://["},
    {"Origin": "null", "Host": "[x@y"},
    {"Origin": "http://hubbub.test", "Sec-Fetch-Site": "cross-site"},
]
OURS = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://hubbub.test"},
    {"Origin": "http://elsewhere", "Sec-Fetch-Site": "same-origin"},  # a proxy that does not pass the host on
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_site_logs_anybody_in_or_out(site: Site, known: int, headers: dict[str, str]) -> None:
    answer = Browser(site).ask("POST", "/login", data=FORM, headers=headers)
    assert answer.status_code == 403 and "another site" in answer.text
    assert not cookies(answer)
    ada = Browser(site).log_in("Ada", register=False)
    ada.ask("POST", "/logout", headers=headers)
    assert "user" in ada.post("/api/user/session").json()


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_and_programs_may(site: Site, known: int, headers: dict[str, str]) -> None:
    assert Browser(site).ask("POST", "/login", data=FORM, headers=headers).status_code == 302


# How often


def test_an_address_has_ten_tries(site: Site, known: int) -> None:
    browser, wrong = Browser(site), {**FORM, "password": "wrong horse"}
    found = [browser.ask("POST", "/login", data={**wrong, "username": f"u{number}"}) for number in range(11)]
    assert [answer.status_code for answer in found] == [401] * 10 + [429]
    assert int(found[-1].headers["retry-after"]) > 0 and "Wait" in found[-1].text
    assert Browser(site).ask("POST", "/login", data=FORM).status_code == 302, "others may"
    pass_time(site, timedelta(seconds=30))
    assert browser.ask("POST", "/login", data=FORM).status_code == 302


def test_a_name_has_ten_tries_from_wherever(site: Site, known: int) -> None:
    wrong = {**FORM, "password": "wrong horse"}
    for number in range(10):
        name = ("Ada", "ADA", " ada ")[number % 3]
        assert Browser(site).ask("POST", "/login", data={**wrong, "username": name}).status_code == 401
    assert Browser(site).ask("POST", "/login", data=FORM).status_code == 429
    assert Browser(site).post("/api/user/login", {"username": "ada", "password": PASSWORD}).status_code == 429
    pass_time(site, timedelta(seconds=10))
    assert Browser(site).ask("POST", "/login", data=FORM).status_code == 302


# The page


def test_the_page_needs_no_script_and_nothing_from_elsewhere(site: Site) -> None:
    answer = Browser(site).get("/login")
    policy = answer.headers["content-security-policy"]
    assert "form-action 'self'" in policy and "frame-ancestors 'none'" in policy and "script" not in policy
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text
    for text in ('<label for="username">', '<label for="password">', 'autocomplete="current-password"'):
        assert text in answer.text
    assert not re.search(r'(src|href|action)="(https?:)?//', answer.text)
    assert Browser(site).ask("HEAD", "/login").status_code == 200


def test_who_is_logged_in_is_told_so_and_logs_out(site: Site, ada: Browser) -> None:
    page = ada.get("/login?next=/directory")
    assert "<strong>Ada</strong>" in page.text and 'action="/logout"' in page.text and 'href="/directory"' in page.text
    access = ada.access()
    assert access in site.world.tokens
    answer = ada.ask("POST", "/logout")
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    assert access not in site.world.tokens
    assert "jic.ident" not in ada.client.cookies
    assert 'action="/login"' in ada.get("/login").text
    assert "user" not in ada.post("/api/user/session").json()
    assert ada.ask("POST", "/logout").status_code == 302
    assert ada.get("/logout").status_code in (404, 405)
