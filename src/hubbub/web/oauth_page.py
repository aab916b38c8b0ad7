"""The pages on which people give programs a token, and take it back.

All works without a script; there is one, for copying, that browsers know by its digest.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape

import msgspec

from hubbub.web.page import FORM_HEADERS, page

SCRIPT = """
const button = document.getElementById("copy"), field = document.getElementById("token");
button.hidden = false;
button.addEventListener("click", async () => {
  field.select();
  const said = document.getElementById("copied");
  try { await navigator.clipboard.writeText(field.value); said.textContent = "Copied."; }
  catch { said.textContent = "It is selected: press Ctrl and C, or Command and C."; }
});
"""

_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
TOKEN_HEADERS = {
    **FORM_HEADERS,
    "Content-Security-Policy": f"{FORM_HEADERS['Content-Security-Policy']}; script-src 'sha256-{_DIGEST}'",
}
"""What goes with the page of tokens."""


def consent_headers(source: str) -> dict[str, str]:
    """Give what goes with the page of consent: its form may lead on to a place that is not ours."""
    # Browsers hold the policy also against where the answer to a form leads. It is the last of the policies there.
    return {**FORM_HEADERS, "Content-Security-Policy": f"{FORM_HEADERS['Content-Security-Policy']} {source}"}


class TokenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A token as its owner sees it; `here` for the one of this browser."""

    id: str
    label: str
    created: datetime
    expires: datetime
    here: bool = False


def consent_page(
    *,
    title: str,
    username: str,
    client: str,
    place: str,
    here: bool,
    action: str,
    fields: Mapping[str, str],
    login: str,
) -> str:
    """Write what an app asks for.

    Args:
        title: How the community is called.
        username: Whom it asks.
        client: How the app calls itself.
        place: Where the token goes, for people.
        here: Whether that is on their own computer.
        action: The path that the form is sent to.
        fields: What is sent along.
        login: The path where somebody else can log in.
    """
    where = f"a program on your computer (<code>{escape(place)}</code>)" if here else f"<code>{escape(place)}</code>"
    own = "Agree only if you have just started that program yourself." if here else "Agree only if you trust it."
    return page(
        f"{client} asks for access - {title}",
        f"""<h1>{escape(client)} asks for access</h1>
<p>to your account <strong>{escape(username)}</strong> in {escape(title)}.</p>
<dl>
<div><dt>It can then</dt><dd>do everything that you can: read your groups and conversations, and write and change things
in your name.</dd></div>
<div><dt>It will not know</dt><dd>your password.</dd></div>
<div><dt>The answer goes to</dt><dd>{where}</dd></div>
<div><dt>For how long</dt><dd>A year, or until you <a href="{escape(_tokens(action))}">end it</a>.</dd></div>
</dl>
<p>{own}</p>
<form method="post" action="{escape(action)}">
{_hidden(fields)}
<button type="submit" name="answer" value="allow">Allow</button>
<button type="submit" name="answer" value="refuse" class="quiet">Refuse</button>
</form>
<nav aria-label="Pages"><a href="{escape(login)}">Not {escape(username)}?</a></nav>""",
    )


def _tokens(action: str) -> str:
    return action.removesuffix("authorize") + "token"


def refusal_page(*, reason: str, client: str) -> str:
    """Write why an app cannot ask, and what to do about it."""
    name = client if re.fullmatch("[A-Za-z0-9_-]+", client) else "my-app"
    line = f'{name} = "https://app.example.org/signed-in"'
    return page(
        "This app cannot ask for access",
        f"""<h1>This app cannot ask for access</h1>
<p class="wrong" role="alert">{escape(reason)}</p>
<h2>If you wanted to use the app</h2>
<p>Nothing was given to it. Tell its author, or the operator of this server, what it says above.</p>
<h2>If you run this server, and trust the app</h2>
<p>Register the address that its author gives you, in <code>hubbub.toml</code>, and start the server again:</p>
<pre><code>[groupme.applications]
{escape(line)}</code></pre>
<h2>If you write the app</h2>
<p>An app on the person's own computer needs no registration: give an address of that computer, such as
<code>http://127.0.0.1:5000/</code>, as <code>redirect_uri</code>.</p>
<nav aria-label="Pages"><a href="/">Front page</a></nav>""",
    )


def token_page(
    *,
    title: str,
    username: str,
    tokens: Iterable[TokenEntry],
    action: str,
    stamp: str,
    most: int,
    secret: str = "",
    error: str = "",
) -> str:
    """Write somebody's tokens, and the form for another one.

    Args:
        title: How the community is called.
        username: Whose they are.
        tokens: Those that are good.
        action: The path of this page.
        stamp: What shows that a form came from here.
        most: Characters of a label.
        secret: A token that was made just now; it is shown this once.
        error: What to do about the last try.
    """
    shown = "\n".join(f"<li>{_token(token, action, stamp)}</li>" for token in tokens)
    listed = f'<ul class="rooms">\n{shown}\n</ul>' if shown else "<p>There are none.</p>"
    invalid = ' aria-invalid="true" aria-describedby="wrong"' if error else ""
    wrong = f'<p class="wrong" id="wrong" role="alert">{escape(error)}</p>\n' if error else ""
    return page(
        f"{'Error: ' if error else ''}Tokens for programs - {title}",
        f"""<h1>Tokens for programs</h1>
<p class="soft">of {escape(username)}, in {escape(title)}</p>
{_secret(secret)}<p>A bot or a library signs in with a token. Whoever has it can do everything that you can, for a year
or until you end it here: give it to nobody.</p>
{wrong}<form method="post" action="{escape(action)}">
{_hidden({"stamp": stamp})}
<label for="label">What is it for?</label>
<input id="label" name="label" maxlength="{most}" required{invalid}>
<button type="submit">Make a token</button>
</form>
<h2>Your tokens</h2>
{listed}
<nav aria-label="Pages"><a href="/">Front page</a> <a href="/login">Your account</a></nav>{_script(secret)}""",
    )


def _secret(secret: str) -> str:
    if not secret:
        return ""
    return f"""<section class="told" aria-labelledby="new">
<h2 id="new">Your new token</h2>
<p>Copy it now: it is not shown again.</p>
<label for="token">Token</label>
<input id="token" value="{escape(secret)}" readonly autofocus autocomplete="off" spellcheck="false">
<button type="button" id="copy" hidden>Copy</button>
<p id="copied" role="status"></p>
</section>
"""


def _script(secret: str) -> str:
    return f"\n<script>{SCRIPT}</script>" if secret else ""


def _token(token: TokenEntry, action: str, stamp: str) -> str:
    here = ' <span class="soft">(this browser)</span>' if token.here else ""
    label = escape(token.label) or "without a name"
    return (
        f'<strong>{label}</strong>{here}<br><span class="soft">made on {_day(token.created)}, '
        f"good until {_day(token.expires)}</span>"
        f'<form method="post" action="{escape(action)}/end">{_hidden({"stamp": stamp, "token": token.id})}'
        f'<button class="quiet" aria-label="End {label}">End</button></form>'
    )


def _day(at: datetime) -> str:
    return f'<time datetime="{at:%Y-%m-%d}">{at.day} {at:%B %Y}</time>'


def _hidden(fields: Mapping[str, str]) -> str:
    return "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
