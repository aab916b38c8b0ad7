"""Pages that the server writes itself: what runs here, and what went wrong. No script, and nothing from elsewhere."""

import base64
import hashlib
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #545c6e; --line: #d8dce5; --ground: #fbfbfd; --box: #f0f2f7;
  --link: #1f4fbf; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f0; --soft: #a4adbf; --line: #353c4b; --ground: #14171e; --box: #1e232d; --link: #9dbcff; }
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
a:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; border-radius: 2px; }
footer { margin-top: 3rem; padding-top: 1rem; padding-bottom: 2rem; font-size: .9rem; }
@media (max-width: 32rem) { dl > div { grid-template-columns: 1fr; } }
"""

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}
"""What goes with every page."""

Endpoint = tuple[str, str, str]
"""A method or scheme of access, the address with {origin}, {socket} and {world}, and what it is for."""

DIALECTS: dict[str, tuple[Endpoint, ...]] = {
    "Venueless": (
        ("WebSocket", "{socket}/ws/world/{world}/", "Clients and bots"),
        ("REST", "{origin}/api/v1/worlds/{world}/", "Programs of the organisers"),
        ("POST", "{origin}/storage/upload/", "Pictures and files"),
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
