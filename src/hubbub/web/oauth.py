"""Giving programs a token: /oauth/authorize, to which apps of the groupme dialect lead people, and /oauth/token.

People log in as at every page of ours, in the lobby. Forms carry a stamp that only the page itself can have been given,
and are refused when another site sends them. A token leaves in the address of a redirect, or on a page that nothing
keeps; neither is logged.
"""

import hmac
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, post, route
from litestar.handlers import HTTPRouteHandler

from hubbub.core.account import MAX_LABEL, IssueToken, RevokeOwnToken
from hubbub.core.error import Denied, HubbubError, Limited
from hubbub.core.model import User
from hubbub.core.signature import derive, first_secret
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.oauth import read_wish
from hubbub.dialects.groupme.token import LABEL, LIFE, id_of, label_of, tokens_of
from hubbub.dialects.jumpin.caller import Caller, Desk
from hubbub.dialects.jumpin.encode import username_of
from hubbub.dialects.request import PREFIX_KEY
from hubbub.web.lobby import HTML, READ, read_form, safe_target
from hubbub.web.oauth_page import TOKEN_HEADERS, TokenEntry, consent_headers, consent_page, refusal_page, token_page
from hubbub.web.page import FORM_HEADERS, HEADERS, message_page

AUTHORIZE, TOKEN = "/oauth/authorize", "/oauth/token"
MAX_NAME = MAX_LABEL - len(LABEL)
LEAVING = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
AGAIN = "The form was too old, or was sent from another site. Go back to the app and start anew."

Asked = Request[Any, Any, Any]


def create_oauth(desk: Desk) -> list[HTTPRouteHandler]:
    """Make the routes."""
    return [*_create_authorize(desk), *_create_token(desk)]


# Apps


def _create_authorize(desk: Desk) -> list[HTTPRouteHandler]:
    options = desk.settings.groupme

    @route(AUTHORIZE, http_method=READ, include_in_schema=False, sync_to_thread=False)
    def ask(request: Asked) -> Response[Any]:
        """Ask whether an app may have a token; who has not logged in does that first."""
        caller, path = desk.caller(request), _path(request, AUTHORIZE)
        try:
            wish = read_wish(options, request.query_params)
        except RefusedError as error:
            return _refuse(error, request.query_params.get("client_id", ""))
        login = f"/login?next={quote(f'{path}?{wish.query()}', safe='')}"
        user = _account(caller)
        if user is None:
            return _lead_to_login(f"{path}?{wish.query()}")
        shown = consent_page(
            title=caller.state.world.title,
            username=_name(user),
            client=wish.client,
            place=wish.place,
            here=wish.here,
            action=path,
            fields={
                "client_id": wish.client,
                "redirect_uri": wish.callback,
                "state": wish.state,
                "stamp": _stamp(caller, wish.query()),
            },
            login=login,
        )
        return Response(shown, media_type=HTML, headers=consent_headers(wish.source))

    @post(AUTHORIZE, include_in_schema=False)
    async def answer(request: Asked) -> Response[Any]:
        """Lead on to the app, with a token or without."""
        caller, form = desk.caller(request), await read_form(request)
        try:
            wish = read_wish(options, form)
        except RefusedError as error:
            return _refuse(error, form.get("client_id", ""))
        user = _account(caller)
        if user is None or not _stamped(caller, form, wish.query()):
            return _say(403, AGAIN)
        if form.get("answer") != "allow":
            return _lead(wish.answered(error="access_denied"))
        try:
            secret = await caller.act_as(user, IssueToken(label=label_of(wish.client), life=LIFE))
        except HubbubError as error:
            return _say(*_wrong(error))
        return _lead(wish.answered(access_token=secret))

    return [ask, answer]


# One's own programs


def _create_token(desk: Desk) -> list[HTTPRouteHandler]:
    def show(request: Asked, caller: Caller, user: User, status: int = 200, **more: str) -> Response[Any]:
        tokens = [
            TokenEntry(
                id=id_of(token),
                label=token.label.removeprefix(LABEL),
                created=token.created,
                expires=token.expires,
                here=token.digest == caller.visitor.access,
            )
            for token in tokens_of(caller.state, user.id, caller.now)
        ]
        shown = token_page(
            title=caller.state.world.title,
            username=_name(user),
            tokens=tokens,
            action=_path(request, TOKEN),
            stamp=_stamp(caller, TOKEN),
            most=MAX_NAME,
            **more,
        )
        return Response(shown, status_code=status, media_type=HTML, headers=TOKEN_HEADERS)

    @route(TOKEN, http_method=READ, include_in_schema=False, sync_to_thread=False)
    def index(request: Asked) -> Response[Any]:
        """Show the tokens of who has logged in."""
        caller = desk.caller(request)
        user = _account(caller)
        return show(request, caller, user) if user else _lead_to_login(_path(request, TOKEN))

    @post(TOKEN, include_in_schema=False)
    async def create(request: Asked) -> Response[Any]:
        """Make a token and show it, once."""
        caller, form = desk.caller(request), await read_form(request)
        user, label = _account(caller), form.get("label", "").strip()
        if user is None or not _stamped(caller, form, TOKEN):
            return _say(403, AGAIN)
        if not (0 < len(label) <= MAX_NAME and label.isprintable()):
            return show(request, caller, user, 400, error=f"Say what it is for, in at most {MAX_NAME} characters.")
        try:
            secret = await caller.act_as(user, IssueToken(label=label_of(label), life=LIFE))
        except HubbubError as error:
            status, text = _wrong(error)
            return show(request, caller, user, status, error=text)
        return show(request, caller, user, secret=secret)

    @post(f"{TOKEN}/end", include_in_schema=False)
    async def end(request: Asked) -> Response[Any]:
        """Let a token be good for nothing any more."""
        caller, form = desk.caller(request), await read_form(request)
        user = _account(caller)
        if user is None or not _stamped(caller, form, TOKEN):
            return _say(403, AGAIN)
        try:
            for token in tokens_of(caller.state, user.id, caller.now):
                if id_of(token) == form.get("token"):
                    await caller.act_as(user, RevokeOwnToken(digest=token.digest))
        except HubbubError as error:
            return _say(*_wrong(error))
        return _lead(_path(request, TOKEN))

    return [index, create, end]


# What both need


def _path(request: Asked, path: str) -> str:
    return f"{request.scope.get(PREFIX_KEY, '')}{path}"


def _account(caller: Caller) -> User | None:
    return caller.state.users.get(caller.visitor.user)


def _name(user: User) -> str:
    return username_of(user) or user.display_name


def _stamp(caller: Caller, what: str) -> str:
    """Give what shows that a form came from a page that this browser was shown."""
    secret = first_secret(caller.state.world)["secret"]
    return derive(secret, caller.state.world, "oauth form", f"{caller.visitor.access} {what}")


def _stamped(caller: Caller, form: dict[str, str], what: str) -> bool:
    stamp = form.get("stamp", "").encode()
    return not caller.foreign and hmac.compare_digest(stamp, _stamp(caller, what).encode())


def _lead(target: str) -> Response[Any]:
    return Response(b"", status_code=302, media_type="text/plain", headers={**LEAVING, "Location": target})


def _lead_to_login(target: str) -> Response[Any]:
    if safe_target(target) != target:
        return _say(400, "The address of this page is too long.")
    return _lead(f"/login?next={quote(target, safe='')}")


def _refuse(error: RefusedError, client: str) -> Response[Any]:
    shown = refusal_page(reason=error.errors[0], client=client[:80])
    return Response(shown, status_code=error.status, media_type=HTML, headers={**HEADERS, "Cache-Control": "no-store"})


def _wrong(error: HubbubError) -> tuple[int, str]:
    if isinstance(error, Limited):
        return 429, "Too many tries. Wait a moment."
    if isinstance(error, Denied):
        return 403, "This account may not have a token. Ask the organisers why."
    return 503, "That does not work at the moment. Try again in a minute."


def _say(status: int, text: str) -> Response[Any]:
    shown = message_page("That did not work", text)
    return Response(shown, status_code=status, media_type=HTML, headers=FORM_HEADERS)
