"""People come in and go: the login page, sessions in a cookie, passwords, and the service that vouches for people."""

from functools import cache
from html import escape
from importlib import resources
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.exceptions import HTTPException

from loadlens.serving.access.oidc import CALLBACK, Oidc, OidcError, Trip
from loadlens.serving.access.sessions import csrf_token
from loadlens.serving.access.users import UserError
from loadlens.serving.api.cookies import (
    device_of,
    end_session,
    is_loopback,
    is_secure,
    session_of,
    set_device,
    set_session,
)
from loadlens.serving.api.doors import caller_of
from loadlens.serving.api.pages import html_page
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.settings_shapes import WaysIn
from loadlens.serving.api.shapes import Who, shaped
from loadlens.serving.sentences import told

router = APIRouter(tags=["people"])
page = APIRouter(include_in_schema=False)

UserName = Annotated[str, Field(pattern=r"^\w[\w.@\-]{0,63}$")]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]
_TRIP, _TRIP_S = "loadlens_trip", 600
# For a browser that comes back from another service with nothing to go on with.
_NOT_LET_IN = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/console/icon.svg" type="image/svg+xml"><title>LoadLens</title>
<h1>You were not let in <span lang="zh">未能登录</span></h1>
<div role="alert"><p>{why}</p><p lang="zh">{why_zh}</p></div>
<p><a href="/console/">Sign in another way <span lang="zh">换一种方式登录</span></a></p></html>"""


class Login(BaseModel):
    """A name and its password."""

    model_config = ConfigDict(extra="forbid")

    name: UserName
    password: Password


class Welcome(BaseModel):
    """An invitation is accepted; `name` where the invitation leaves it open."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[SecretStr, Field(min_length=1, max_length=128)]
    name: UserName | None = None
    password: Password


class NewPassword(BaseModel):
    """The present password and the one that takes its place."""

    model_config = ConfigDict(extra="forbid")

    present: Password
    new: Password


@page.get("/login", response_class=HTMLResponse)
def get_login_page() -> HTMLResponse:
    """The page on which a person logs in, or with an invitation behind # chooses a password."""
    return html_page(_login_page(), "connect-src 'self'", "form-action 'none'")


@router.post("/session", responses=answers(401, 429))
def log_in(request: Request, response: Response, login: Login) -> dict[str, Any]:
    """Log in: sets the cookie of a new session and answers the token that changing requests show (X-CSRF-Token)."""
    if not _is_password(request, login.name, login.password):
        raise HTTPException(401, "name or password is wrong")
    return _let_in_by_password(request, response, login.name)


@router.post("/welcome", responses=answers(409))
def accept_invitation(request: Request, response: Response, welcome: Welcome) -> dict[str, Any]:
    """Choose a password with an invitation, which works once, and be logged in."""
    parts = parts_of(request)
    token, password = welcome.token.get_secret_value(), welcome.password.get_secret_value()
    user = parts.access.users.accept(token, welcome.name, password)
    return _let_in_by_password(request, response, user.name)


@router.get("/session", response_model=None, responses=answers() | shaped(Who))
def who_am_i(request: Request) -> dict[str, Any]:
    """Who the caller is; with a session, also the token that changing requests show."""
    caller, token = caller_of(request), session_of(request)
    is_person = caller.name.startswith("user:") and token is not None
    return {
        "name": caller.name,
        "role": caller.role,
        "lane": caller.lane,
        "csrf": csrf_token(token) if is_person and token else None,
    }


@router.delete("/session", status_code=204, responses=answers())
def log_out(request: Request, response: Response) -> None:
    """Log out here."""
    if token := session_of(request):
        parts_of(request).access.sessions.end(token)
    end_session(request, response)


@router.delete("/sessions", status_code=204, responses=answers(409))
def log_out_everywhere(request: Request, response: Response) -> None:
    """Log out wherever this person is logged in."""
    parts_of(request).access.sessions.end_all(_person(request))
    end_session(request, response)


@router.put("/password", responses=answers(409, 429))
def change_password(request: Request, response: Response, passwords: NewPassword) -> dict[str, Any]:
    """Choose another password. Every session of this person ends, and a new one begins here."""
    name = _person(request)
    if not _is_password(request, name, passwords.present):
        raise HTTPException(422, "the present password is wrong")
    parts_of(request).access.users.set_password(name, passwords.new.get_secret_value())
    return _let_in_by_password(request, response, name)


@router.get("/oidc/login", response_class=RedirectResponse, status_code=303, responses=answers(404))
def begin_oidc(request: Request) -> Response:
    """Go to the service that vouches for people."""
    _check_wire(request)
    trip = Trip.new()
    try:
        address = _oidc(parts_of(request)).address(trip)
    except OidcError as refused:
        return _not_let_in(request, refused)
    answer = RedirectResponse(address, 303)
    # The way back comes from the provider's site, so a strict cookie would be missing there.
    answer.set_cookie(
        _TRIP,
        trip.to_cookie(),
        max_age=_TRIP_S,
        path=CALLBACK,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )
    return answer


@router.get("/oidc", response_model=None, responses=answers() | shaped(WaysIn))
def get_ways_in(request: Request) -> dict[str, Any]:
    """Whether a service is set that vouches for people, so that a page can offer it."""
    return {"oidc": parts_of(request).access.oidc is not None}


@router.get("/oidc/callback", response_class=HTMLResponse, responses=answers(404))
def end_oidc(
    request: Request,
    state: Annotated[str, Query(max_length=256)],
    code: Annotated[str | None, Query(max_length=4096)] = None,
    error: Annotated[str | None, Query(max_length=256)] = None,
) -> HTMLResponse:
    """Come back from the service that vouches for people, and be logged in; it sends an error where it does not."""
    _check_wire(request)
    parts = parts_of(request)
    try:
        if code is None:
            raise OidcError(f"the provider let nobody in: {error or 'it sent no code'}")
        vouched = _oidc(parts).vouched(Trip.from_cookie(request.cookies.get(_TRIP, "")), state, code)
        user = parts.access.users.vouched_for(vouched.identity, vouched.name, vouched.role)
    except (OidcError, UserError) as refused:
        return _not_let_in(request, refused)
    # A redirect from another site would not send the strict cookie along; a page that goes on by itself does.
    answer = HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0;url=/console/"><title>LoadLens</title>')
    answer.delete_cookie(_TRIP, path=CALLBACK)
    _let_in(request, answer, user.name)
    return answer


def _not_let_in(request: Request, refused: OidcError | UserError) -> HTMLResponse:
    """A page with the reason in both languages for a browser; any other caller is told as of every error."""
    if "text/html" not in request.headers.get("accept", ""):
        raise refused
    why = str(refused)
    text = _NOT_LET_IN.format(why=escape(why), why_zh=escape(told("login", why, "zh")))
    return html_page(text, status=403 if isinstance(refused, OidcError) else 409)


def _is_password(request: Request, name: str, password: SecretStr) -> bool:
    """Whether this is a person's password, as often as it may be tried. Raises TooManyAttemptsError."""
    access, address = parts_of(request).access, request.client.host if request.client else "unknown"
    device = access.users.known_device(name, device_of(request))
    access.limit.attempt(name, address, device)
    if not access.users.check_password(name, password.get_secret_value()):
        return False
    access.limit.succeeded(name, address, device)
    return True


def _let_in_by_password(request: Request, response: Response, name: str) -> dict[str, Any]:
    """Begin a session; strangers who guess do not keep this person out of this browser from now on."""
    let_in = _let_in(request, response, name)
    set_device(request, response, parts_of(request).access.users.new_device(name))
    return let_in


def _let_in(request: Request, response: Response, name: str) -> dict[str, Any]:
    """Begin a session with a new id; the one that the browser may have brought ends."""
    _check_wire(request)
    sessions = parts_of(request).access.sessions
    if old := session_of(request):
        sessions.end(old)
    token = sessions.begin(name)
    set_session(request, response, token)
    return {"name": f"user:{name}", "csrf": csrf_token(token)}


def _check_wire(request: Request) -> None:
    if not is_secure(request) and not is_loopback(request):
        raise HTTPException(403, "people log in over https only; set public_url to the https address of this server")


def _person(request: Request) -> str:
    kind, _, name = caller_of(request).name.partition(":")
    if kind != "user":
        raise HTTPException(409, "a key has neither password nor sessions; log in as a person")
    return name


def _oidc(parts: Parts) -> Oidc:
    if parts.access.oidc is None:
        raise HTTPException(404, "no service that vouches for people is set (setting oidc)")
    return parts.access.oidc


@cache
def _login_page() -> str:
    return (resources.files("loadlens.serving") / "templates" / "login.html").read_text(encoding="utf-8")
