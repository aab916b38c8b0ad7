"""Pages that the server writes itself: what runs here, how people get in, and what went wrong.

No script, and nothing from elsewhere.
"""

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

import msgspec

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #545c6e; --line: #d8dce5; --ground: #fbfbfd; --box: #f0f2f7;
  --link: #1f4fbf; --wrong: #a3131d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f0; --soft: #a4adbf; --line: #353c4b; --ground: #14171e; --box: #1e232d; --link: #9dbcff;
    --wrong: #ffa39c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main, footer { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; }
main { padding-top: clamp(1.5rem, 6vw, 4rem); }
h1 { font-size: clamp(1.7rem, 6vw, 2.4rem); line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
p { margin: .5rem 0; }
.soft, dt, footer { color: var(--soft); }
dl { margin: .75rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--box); }
dl > div { padding: .6rem 1rem; display: grid; grid-template-columns: 9rem 1fr; gap: 0 1rem; }
dl > div + div { border-top: 1px solid var(--line); }
dd { margin: 0; min-width: 0; }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
:is(a, input, button):focus-visible { outline: 3px solid var(--link); outline-offset: 3px; }
a:focus-visible { border-radius: 2px; }
form { max-width: 24rem; margin: 1.25rem 0; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { width: 100%; margin-top: .25rem; padding: .65rem .75rem; border: 1px solid var(--soft); border-radius: .375rem;
  background: var(--ground); color: inherit; font: inherit; }
input[aria-invalid] { border-color: var(--wrong); }
button { margin-top: 1.5rem; min-height: 2.75rem; padding: .5rem 1.5rem; border: 0; border-radius: .375rem;
  background: var(--link); color: var(--ground); font: inherit; font-weight: 600; cursor: pointer; }
button + button { margin-left: .75rem; }
button.quiet { border: 1px solid var(--soft); background: none; color: var(--link); }
pre { white-space: pre-wrap; padding: .75rem 1rem; border-radius: .375rem; background: var(--box); }
.rooms form { margin: .25rem 0 0; }
.rooms button { margin-top: .25rem; }
.told { margin: 1rem 0; padding: .75rem 1rem 1rem; border: 1px solid var(--link); border-left-width: .4rem;
  border-radius: .375rem; }
.told h2 { margin-top: 0; }
.wrong { padding: .6rem 1rem; border: 1px solid var(--wrong); border-left-width: .4rem; border-radius: .375rem;
  color: var(--wrong); overflow-wrap: anywhere; }
.rooms { list-style: none; margin: 1rem 0; padding: 0; border-top: 1px solid var(--line); }
.rooms li { padding: .75rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.rooms a { font-weight: 600; }
nav { display: flex; gap: 1.5rem; flex-wrap: wrap; margin: 1.5rem 0; }
footer { margin-top: 3rem; padding-top: 1rem; padding-bottom: 2rem; font-size: .9rem; }
@media (max-width: 32rem) { dl > div { grid-template-columns: 1fr; } }
"""

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; manifest-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action "
)

HEADERS = {"Content-Security-Policy": _POLICY + "'none'", "Cache-Control": "no-cache"}
"""What goes with every page."""

FORM_HEADERS = {
    "Content-Security-Policy": _POLICY + "'self'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}
"""What goes with pages that have a form. With a stricter policy for referrers, browsers would not say with the form
from which site it comes."""

Endpoint = tuple[str, str, str]
"""A method or scheme of access, the address with {origin}, {socket} and {world}, and what it is for."""

DIALECTS: dict[str, tuple[Endpoint, ...]] = {
    "Venueless": (
        ("WebSocket", "{socket}/ws/world/{world}/", "Clients and bots"),
        ("REST", "{origin}/api/v1/worlds/{world}/", "Programs of the organisers"),
        ("POST", "{origin}/storage/upload/", "Pictures and files"),
    ),
    "Jumpin": (
        ("Socket.IO", "{origin}/socket.io/", "Clients and bots"),
        ("REST", "{origin}/api/", "What they ask besides"),
    ),
    "Direct messages": (
        ("REST", "{origin}/new", "Accounts; channels and messages beside it"),
        ("Socket.IO", "{origin}/socket.io/", "What is said"),
    ),
    "GroupMe": (
        ("REST", "{origin}/v3/", "Clients and bots"),
        ("Bayeux", "{origin}/faye", "What happens"),
        ("OAuth", "{origin}/oauth/authorize", "Apps that ask"),
    ),
}


def page(title: str, body: str) -> str:
    """Write a page; `title` is text, `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        '<link rel="icon" href="data:,">\n<link rel="manifest" href="/manifest.json">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "<footer>Served by Hubbub.</footer>\n</body>\n</html>\n"
    )


def message_page(title: str, message: str) -> str:
    """Write a page that says one thing."""
    back = '<p><a href="/">To the front page</a></p>'
    return page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(message)}</p>\n{back}")


def index_page(*, title: str, world: str, origin: str, version: str) -> str:
    """Write the front page: whose it is, how programs reach it, how its owner gets in."""
    socket = "ws" + origin.removeprefix("http") if origin else ""
    place = f" on <code>{escape(origin)}</code>" if origin else ""
    dialects = "\n".join(
        f'<h3 class="soft">{escape(name)}</h3>\n<dl>\n'
        + "\n".join(_endpoint(entry, origin, socket, world) for entry in endpoints)
        + "\n</dl>"
        for name, endpoints in DIALECTS.items()
    )
    return page(
        title,
        f"""<h1>{escape(title)}</h1>
<p class="soft">A community{place}, run by Hubbub {escape(version)}.</p>
<nav aria-label="Pages"><a href="/directory">Public rooms</a> <a href="/login">Log in</a>
<a href="/oauth/token">Tokens for programs</a></nav>
<h2>Coming in</h2>
<p>This server has no web client yet: use an app or a bot that speaks one of the protocols below. An invite link leads
to its room in such an app.</p>
<p>Is this your server? The link that lets you in as its owner is in the console where it was started for the first
time; <code>hubbub user token admin</code> makes a new one.</p>
<h2>Protocols</h2>
{dialects}
<h2>For programs</h2>
<p><a href="/schema/openapi.json">Description of the REST interface</a> (OpenAPI) and
<a href="/healthcheck/">health check</a>.</p>""",
    )


def _endpoint(entry: Endpoint, origin: str, socket: str, world: str) -> str:
    method, address, purpose = entry
    shown = escape(address.format(origin=origin, socket=socket, world=world))
    return (
        f'<div><dt>{escape(purpose)}</dt><dd><span class="soft">{escape(method)}</span> <code>{shown}</code></dd></div>'
    )


# Coming in


class RoomEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A room as the directory shows it; `place` is its name in addresses, `people` None when nobody may know."""

    name: str
    place: str
    people: int | None = None
    description: str = ""
    topic: str = ""
    asks: tuple[str, ...] = ()
    """What is asked of who comes in, in words such as `a password`."""


def login_page(*, title: str, target: str, username: str = "", error: str = "") -> str:
    """Write the form for logging in; `target` is the path where it leads, `error` what to do about the last try."""
    invalid = ' aria-invalid="true" aria-describedby="wrong"' if error else ""
    wrong = f'<p class="wrong" id="wrong" role="alert">{escape(error)}</p>\n' if error else ""
    # Who tried once has most likely to type the password again.
    first, second = (" autofocus", "") if not username else ("", " autofocus")
    return page(
        f"{'Error: ' if error else ''}Log in - {title}",
        f"""<h1>Log in</h1>
<p class="soft">to {escape(title)}</p>
{wrong}<form method="post" action="/login">
<input type="hidden" name="action" value="login">
<input type="hidden" name="next" value="{escape(target)}">
<label for="username">Username</label>
<input id="username" name="username" value="{escape(username)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="150" required{first}{invalid}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200"
 required{second}{invalid}>
<button type="submit">Log in</button>
</form>
<p class="soft">You need no account to be in most rooms: an app lets you in as a guest. A link that you were sent to log
in with belongs in an app, too.</p>
<nav aria-label="Pages"><a href="/">Front page</a> <a href="/directory">Public rooms</a></nav>""",
    )


def account_page(*, title: str, username: str, target: str) -> str:
    """Write who has logged in, and how to log out."""
    return page(
        f"Logged in - {title}",
        f"""<h1>You are logged in</h1>
<p>as <strong>{escape(username)}</strong>, in {escape(title)}.</p>
<form method="post" action="/logout">
<button type="submit">Log out</button>
</form>
<nav aria-label="Pages"><a href="{escape(target)}">Go on</a> <a href="/directory">Public rooms</a></nav>""",
    )


def directory_page(*, title: str, rooms: Iterable[RoomEntry], number: int, last: int) -> str:
    """Write a page of the public directory; pages count from 1."""
    shown = "\n".join(f"<li>{_room_line(room)}</li>" for room in rooms)
    listed = f'<ul class="rooms">\n{shown}\n</ul>' if shown else "<p>There are no public rooms yet.</p>"
    turns = ""
    if last > 1:
        before = f'<a rel="prev" href="/directory?page={number - 1}">Busier rooms</a>' if number > 1 else ""
        after = f'<a rel="next" href="/directory?page={number + 1}">Quieter rooms</a>' if number < last else ""
        turns = f'<nav aria-label="Pages of the list">{before}<span>Page {number} of {last}</span>{after}</nav>\n'
    return page(
        f"Public rooms - {title}",
        f"""<h1>Public rooms</h1>
<p class="soft">of {escape(title)}, the busiest first.</p>
{listed}
{turns}<nav aria-label="Pages"><a href="/">Front page</a> <a href="/login">Log in</a></nav>""",
    )


def _room_line(room: RoomEntry) -> str:
    about = room.topic or room.description
    return (
        f'<a href="/directory/{quote(room.place)}">{escape(room.name)}</a> '
        f'<span class="soft">{_people(room)}{_asks(room)}</span>'
        + (f"<br>{escape(about[:200])}{'…' if len(about) > 200 else ''}" if about else "")
    )


def _people(room: RoomEntry) -> str:
    if not room.people:
        return "nobody there" if room.people == 0 else "people are not shown"
    return "1 person" if room.people == 1 else f"{room.people} people"


def _asks(room: RoomEntry) -> str:
    return f", asks for {_words(room.asks)}" if room.asks else ""


def _words(parts: tuple[str, ...]) -> str:
    return escape(" and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part))


def room_page(*, title: str, room: RoomEntry, origin: str) -> str:
    """Write what a room is, and how clients get there."""
    topic = f"<div><dt>Topic</dt><dd>{escape(room.topic)}</dd></div>\n" if room.topic else ""
    about = f"<p>{escape(room.description)}</p>\n" if room.description else ""
    return page(
        f"{room.name} - {title}",
        f"""<h1>{escape(room.name)}</h1>
<p class="soft">A room of {escape(title)}.</p>
{about}<dl>
{topic}<div><dt>Now there</dt><dd>{_people(room)}</dd></div>
<div><dt>Asks for</dt><dd>{_words(room.asks) if room.asks else "nothing: everybody may come in"}</dd></div>
<div><dt>Address for bots</dt><dd><code>{escape(origin)}</code>, room <code>{escape(room.place)}</code></dd></div>
</dl>
<p>Open the room in an app that speaks one of <a href="/">this server's protocols</a>.</p>
<nav aria-label="Pages"><a href="/directory">Public rooms</a>
<a href="/login?next=/directory/{quote(room.place)}">Log in</a></nav>""",
    )
