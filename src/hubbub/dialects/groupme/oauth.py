"""How apps ask people for an access token: which may, and where it goes (protocols/groupme.md 2.1).

An app leads a browser to /oauth/authorize with its client_id. Who agrees there is led on to the app's address, with the
token as a field of its query. That address is one that the operator has registered, or it is on the person's own
computer (RFC 8252 7.3): everything else would let any site collect tokens.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.option import GroupmeOptions, is_loopback

MAX_CLIENT = 80
"""Characters of the name of an app."""
MAX_STATE = 300
"""Characters that an app wants back."""


class Wish(msgspec.Struct, frozen=True):
    """An app that asks: its name, the address that the answer goes to, and what it wants back with it."""

    client: str
    callback: str
    state: str = ""

    def query(self) -> str:
        """Write it as a query; read_wish reads it."""
        state = {"state": self.state} if self.state else {}
        return urlencode({"client_id": self.client, "redirect_uri": self.callback, **state}, quote_via=quote)

    def answered(self, **fields: str) -> str:
        """Give the address with an answer in its query."""
        state = {"state": self.state} if self.state else {}
        return f"{self.callback}{'&' if '?' in self.callback else '?'}{urlencode({**fields, **state}, quote_via=quote)}"

    @property
    def here(self) -> bool:
        """Tell whether the answer stays on the computer where the browser is."""
        return is_loopback(self.callback)

    @property
    def place(self) -> str:
        """Name where the answer goes, for people: a host, or the scheme of an app."""
        parts = urlsplit(self.callback)
        return parts.netloc or f"{parts.scheme}:"

    @property
    def source(self) -> str:
        """Name it for a content security policy, which has no words for addresses of IPv6."""
        parts = urlsplit(self.callback)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc and "[" not in parts.netloc else f"{parts.scheme}:"


def read_wish(options: GroupmeOptions, fields: Mapping[str, str]) -> Wish:
    """Read what an app asks. Raises RefusedError, with what its author or the operator can do."""
    client, callback, state = (fields.get(name, "") for name in ("client_id", "redirect_uri", "state"))
    if not (0 < len(client) <= MAX_CLIENT and client.isprintable() and client.strip()):
        raise RefusedError(400, f"The app has to say who it is: client_id, of at most {MAX_CLIENT} characters.")
    if len(state) > MAX_STATE:
        raise RefusedError(400, f"The app may have at most {MAX_STATE} characters sent back (state).")
    known = options.applications.get(client)
    if callback and callback != known and not is_loopback(callback):
        raise RefusedError(
            400, "The address that it gives (redirect_uri) is not the one that the operator of this server registered."
        )
    if not callback and known is None:
        raise RefusedError(400, "The operator of this server has not registered an app of this name.")
    return Wish(client, callback or known or "", state)
