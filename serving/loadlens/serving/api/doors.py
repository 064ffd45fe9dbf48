"""The doors of the API: one table says which roles may use which route, and everything goes through it.

The doors stand before the routes and before any body is read. A route that the table does not name cannot be served:
the application does not start. So nothing is open by oversight.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from loadlens.serving.access.caller import Caller, Role
from loadlens.serving.access.keys import KeyRefusedError
from loadlens.serving.access.sessions import is_csrf_token
from loadlens.serving.api.cookies import session_of
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.load_errors import UnknownLoadError
from loadlens.serving.store.tables import Load

ANYBODY = None
ALL = frozenset(Role)
READERS = ALL - {Role.CAMERA}
YARD = frozenset({Role.INSPECTOR, Role.MANAGER})
ADMINS = frozenset({Role.ADMIN})
KEEPERS = frozenset({Role.ADMIN, Role.AUDITOR})
MANAGERS = frozenset({Role.MANAGER})
OWNERS = frozenset({Role.MANAGER, Role.ADMIN})
SENDERS = YARD | {Role.CAMERA}
WATCHERS = frozenset({Role.MANAGER, Role.AUDITOR, Role.ADMIN})

# What stands behind a door: the roles that may pass, or ANYBODY without credentials.
ROUTES: Mapping[tuple[str, str], frozenset[Role] | None] = {
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/login"): ANYBODY,
    ("GET", "/"): ANYBODY,
    ("GET", "/console"): ANYBODY,
    ("GET", "/console/{path:path}"): ANYBODY,
    ("POST", "/v1/session"): ANYBODY,
    ("POST", "/v1/welcome"): ANYBODY,
    ("GET", "/v1/oidc"): ANYBODY,
    ("GET", "/v1/oidc/login"): ANYBODY,
    ("GET", "/v1/oidc/callback"): ANYBODY,
    ("GET", "/s/{token}"): ANYBODY,
    ("POST", "/s/{token}"): ANYBODY,
    ("GET", "/s/{token}/layers/{index}.jpg"): ANYBODY,
    ("GET", "/w/{identity}"): ANYBODY,
    ("GET", "/v1/session"): ALL,
    ("DELETE", "/v1/session"): ALL,
    ("DELETE", "/v1/sessions"): ALL,
    ("PUT", "/v1/password"): ALL,
    ("GET", "/v1/keys"): KEEPERS,
    ("POST", "/v1/keys"): ADMINS,
    ("DELETE", "/v1/keys/{key_id}"): ADMINS,
    ("GET", "/v1/users"): KEEPERS,
    ("POST", "/v1/users"): ADMINS,
    ("POST", "/v1/users/{name}/invitation"): ADMINS,
    ("PATCH", "/v1/users/{name}"): ADMINS,
    ("GET", "/readyz"): ALL,
    ("GET", "/metrics"): WATCHERS,
    ("GET", "/openapi.json"): ALL,
    ("GET", "/v1/journal"): WATCHERS,
    ("GET", "/v1/journal/head"): READERS,
    ("GET", "/v1/lanes"): READERS,
    ("PUT", "/v1/lanes/{lane}"): OWNERS,
    ("GET", "/v1/lanes/{lane}"): READERS,
    ("GET", "/v1/lanes/{lane}/cameras/{camera}"): ALL,
    ("GET", "/v1/lanes/{lane}/cameras/{camera}/frame"): READERS,
    ("GET", "/v1/events"): READERS,
    ("GET", "/v1/lanes/{lane}/cameras"): READERS,
    ("GET", "/v1/lanes/{lane}/cameras/{camera}/bed"): READERS,
    ("POST", "/v1/bed-scale"): OWNERS,
    ("PUT", "/v1/lanes/{lane}/cameras/{camera}/bed"): OWNERS,
    ("PUT", "/v1/lanes/{lane}/cameras/{camera}/health"): SENDERS,
    ("PUT", "/v1/lanes/{lane}/frames/{camera}/{seq}"): SENDERS,
    ("POST", "/v1/lanes/{lane}/readings"): SENDERS,
    ("GET", "/v1/lanes/{lane}/readings"): READERS,
    ("GET", "/v1/lanes/{lane}/devices"): READERS,
    ("PUT", "/v1/lanes/{lane}/devices/{device}/health"): SENDERS,
    ("GET", "/v1/alarms"): READERS,
    ("GET", "/v1/alarms/{alarm_id}"): READERS,
    ("POST", "/v1/alarms/{alarm_id}/acknowledgement"): YARD,
    ("POST", "/v1/loads"): YARD,
    ("GET", "/v1/loads"): READERS,
    ("GET", "/v1/loads/{load_id}"): READERS,
    ("PATCH", "/v1/loads/{load_id}"): YARD,
    ("PUT", "/v1/loads/{load_id}/weights/{kind}"): YARD,
    ("PUT", "/v1/loads/{load_id}/frames/{camera}/{seq}"): SENDERS,
    ("POST", "/v1/loads/{load_id}/close"): YARD,
    ("POST", "/v1/loads/{load_id}/cancel"): YARD,
    ("POST", "/v1/loads/{load_id}/reopen"): MANAGERS,
    ("POST", "/v1/loads/{load_id}/reviews"): YARD,
    ("POST", "/v1/loads/{load_id}/reviews/preview"): YARD,
    ("GET", "/v1/loads/{load_id}/reviews"): READERS,
    ("POST", "/v1/loads/{load_id}/settle"): MANAGERS,
    ("GET", "/v1/loads/{load_id}/ticket.json"): READERS,
    ("GET", "/v1/loads/{load_id}/ticket.pdf"): YARD,
    ("POST", "/v1/loads/{load_id}/supplier-link"): YARD,
    ("GET", "/v1/loads/{load_id}/disputes"): READERS,
    ("POST", "/v1/loads/{load_id}/disputes"): YARD,
    ("POST", "/v1/loads/{load_id}/confirmations"): YARD,
    ("POST", "/v1/loads/{load_id}/disputes/{number}/answer"): MANAGERS,
    ("GET", "/v1/queue"): READERS,
    # Not for inspectors: a group of one load would tell what may be withheld from them.
    ("GET", "/v1/figures/deductions"): WATCHERS,
    ("GET", "/v1/figures/agreement"): WATCHERS,
    ("GET", "/v1/figures/prices"): WATCHERS,
    ("GET", "/v1/figures/beside-people"): WATCHERS,
    ("GET", "/v1/figures/hazards"): WATCHERS,
    ("GET", "/v1/figures/drift"): WATCHERS,
    ("GET", "/v1/loads/{load_id}/claim"): READERS,
    ("POST", "/v1/loads/{load_id}/claim"): YARD,
    ("DELETE", "/v1/loads/{load_id}/claim"): YARD,
    ("GET", "/v1/loads/{load_id}/facts"): READERS,
    ("POST", "/v1/loads/{load_id}/opinions"): YARD,
    ("GET", "/v1/loads/{load_id}/opinions"): READERS,
    ("POST", "/v1/loads/{load_id}/second-opinion"): YARD,
    ("GET", "/v1/loads/{load_id}/transitions"): READERS,
    ("GET", "/v1/loads/{load_id}/so-far"): READERS,
    ("GET", "/v1/loads/{load_id}/assessments"): READERS,
    ("GET", "/v1/loads/{load_id}/assessments/{version}"): READERS,
    ("GET", "/v1/loads/{load_id}/assessment"): READERS,
    ("GET", "/v1/loads/{load_id}/layers/{index}/frame"): READERS,
    ("GET", "/v1/loads/{load_id}/layers/{index}/overlay.jpg"): READERS,
    ("GET", "/v1/loads/{load_id}/layers/{index}/map"): READERS,
    ("GET", "/v1/loads/{load_id}/layers/{index}/views"): READERS,
    ("GET", "/v1/loads/{load_id}/report.html"): READERS,
    ("GET", "/v1/classes"): READERS,
    ("GET", "/v1/standards"): READERS,
    ("GET", "/v1/standards/editions"): READERS,
    ("GET", "/v1/standards/files/{sha256}"): READERS,
    ("POST", "/v1/standards/check"): MANAGERS,
    ("POST", "/v1/standards/prices"): MANAGERS,
    ("POST", "/v1/standards/comparison"): MANAGERS,
    ("POST", "/v1/standards"): MANAGERS,
    ("POST", "/v1/standards/activations"): MANAGERS,
    ("GET", "/v1/models"): READERS,
    ("POST", "/v1/models/activations"): MANAGERS,
    ("PUT", "/v1/models/{sha256}/loads/{load_id}"): MANAGERS,
    ("GET", "/v1/models/{sha256}/verdict"): MANAGERS,
    ("GET", "/v1/waste/codes"): READERS,
    ("POST", "/v1/waste/identify"): YARD,
    ("POST", "/v1/waste/containers"): YARD,
    ("GET", "/v1/waste/containers/{identity}"): READERS,
    ("POST", "/v1/waste/entries"): YARD,
    ("GET", "/v1/waste/entries"): READERS,
    ("POST", "/v1/waste/entries/{entry_id}/correction"): MANAGERS,
    ("POST", "/v1/waste/entries/{entry_id}/withdrawal"): MANAGERS,
    ("GET", "/v1/waste/stock"): READERS,
    ("GET", "/v1/waste/standing"): READERS,
    ("GET", "/v1/waste/producers"): READERS,
    ("GET", "/v1/waste/classes"): READERS,
    ("GET", "/v1/waste/labels/newest"): READERS,
    ("POST", "/v1/waste/labels"): YARD,
    ("GET", "/v1/waste/containers/{identity}/label"): READERS,
    ("GET", "/v1/waste/containers/{identity}/label.png"): READERS,
    ("POST", "/v1/waste/containers/{identity}/label/prints"): YARD,
    ("POST", "/v1/waste/containers/{identity}/label/void"): YARD,
    ("POST", "/v1/waste/scan"): READERS,
    ("POST", "/v1/waste/moves"): YARD,
    ("GET", "/v1/waste/balances"): READERS,
    ("GET", "/v1/waste/containers/{identity}/epcis.json"): READERS,
    ("GET", "/v1/waste/ledger.xlsx"): READERS,
    ("GET", "/v1/waste/ledger.csv"): READERS,
    ("POST", "/v1/waste/ledger.xlsx"): MANAGERS,
    ("POST", "/v1/waste/stages.xlsx"): MANAGERS,
    ("GET", "/v1/waste/report.json"): WATCHERS,
    ("GET", "/v1/waste/report.csv"): WATCHERS,
    ("GET", "/v1/waste/report.xlsx"): WATCHERS,
    ("GET", "/v1/waste/calendar"): READERS,
    ("POST", "/v1/waste/manifests"): YARD,
    ("GET", "/v1/waste/manifests"): READERS,
    ("GET", "/v1/waste/manifests/{manifest_id}"): READERS,
    ("POST", "/v1/waste/manifests/{manifest_id}/steps"): YARD,
    ("GET", "/v1/rooms"): READERS,
    ("PUT", "/v1/rooms/{room}"): OWNERS,
    ("GET", "/v1/rooms/{room}"): READERS,
}

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
NOT_FOREIGN = frozenset({"same-origin", "none"})

# Routes that say the same to every lane. A key for one lane comes through these and through those of its own lane.
OF_NO_LANE = frozenset(
    {
        "/v1/session",
        "/v1/sessions",
        "/v1/password",
        "/readyz",
        "/openapi.json",
        "/v1/classes",
        "/v1/standards",
        "/v1/standards/editions",
        "/v1/standards/files/{sha256}",
        "/v1/models",
        "/v1/journal/head",
    }
)
# Here the lane stands in the query, there in the body, where the route itself looks (`check_own_lane`).
LISTS_OF_LOADS = frozenset({("GET", "/v1/loads"), ("GET", "/v1/queue")})
NEW_LOAD = ("POST", "/v1/loads")
# Cameras send frame upon frame: for a second a key that was good is good still, and the database is left in peace.
FRAMES = frozenset({"/v1/lanes/{lane}/frames/{camera}/{seq}", "/v1/loads/{load_id}/frames/{camera}/{seq}"})


class UndeclaredRouteError(RuntimeError):
    """The application and the table of routes do not agree."""


@dataclass(frozen=True, slots=True)
class Door:
    """One route as a request finds it."""

    method: str
    path: str
    pattern: re.Pattern[str]


def caller_of(request: Request) -> Caller:
    """Who sent a request that came through a door which is not open to anybody."""
    caller: Caller = request.state.caller
    return caller


def check_own_lane(request: Request, lane: str | None) -> None:
    """Raise HTTPException(403) where a caller for one lane asks for another, or for none."""
    caller = caller_of(request)
    if caller.lane is not None and lane != caller.lane:
        raise HTTPException(403, f"{caller.name} is for lane {caller.lane} only")


def doors_of(app: FastAPI) -> list[Door]:
    """Every route of an app in the order in which it is tried; HEAD goes through the door of GET."""
    doors = []
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        doors += [Door(method, path, compile_path(path)[0]) for method in sorted(set(route.methods or ()) - {"HEAD"})]
    return doors


def check_table(doors: Iterable[Door]) -> None:
    """Raise UndeclaredRouteError where the table lacks a route, or names one that there is not."""
    served = {(door.method, door.path) for door in doors}
    if missing := served - ROUTES.keys():
        raise UndeclaredRouteError(f"say in api/doors.py who may use {_listed(missing)}")
    if stale := ROUTES.keys() - served:
        raise UndeclaredRouteError(f"api/doors.py names routes that there are not: {_listed(stale)}")


def table_of_routes() -> str:
    """The table for people, in Markdown."""
    lines = [f"| Route | {' | '.join(Role)} |", f"|---|{'---|' * len(Role)}"]
    for (method, path), roles in ROUTES.items():
        marks = ["open" if roles is ANYBODY else "x" if role in roles else "" for role in Role]
        lines.append(f"| `{method} {path}` | {' | '.join(marks)} |")
    return "\n".join(lines)


def _listed(routes: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{method} {path}" for method, path in sorted(routes))


class Doors:
    """Raises 401 and 403 for the whole app; who passes is in `request.state.caller`."""

    def __init__(self, app: ASGIApp, site: FastAPI) -> None:
        """`site` is the whole application, with every route that it will ever have."""
        self._app = app
        self._doors = doors_of(site)
        check_table(self._doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        door, params = self._door(scope)
        allowed = ROUTES[door.method, door.path] if door else ALL
        request = Request(scope)
        check_origin(request)
        if allowed is not ANYBODY:
            parts = parts_of(request)
            still_good = _still_good(parts, request) if door and door.path in FRAMES else None
            caller = still_good or await _caller(parts, request)
            if door and caller.role not in allowed:
                roles = " or ".join(sorted(allowed))
                raise HTTPException(403, f"{caller.name} has the role {caller.role}; this needs {roles}")
            if door and caller.lane is not None and door.path not in OF_NO_LANE:
                if (door.method, door.path) in LISTS_OF_LOADS:
                    params = {"lane": ",".join(request.query_params.getlist("lane"))}
                if (door.method, door.path) != NEW_LOAD:
                    await _check_lane(parts, caller, params)
            scope.setdefault("state", {})["caller"] = caller
        # Without a door there is no route either: the app answers 404 or 405.
        await self._app(scope, receive, send)

    def _door(self, scope: Scope) -> tuple[Door | None, Mapping[str, str]]:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        for door in self._doors:
            if door.method == method and (found := door.pattern.match(scope["path"])):
                return door, found.groupdict()
        return None, {}


async def _check_lane(parts: Parts, caller: Caller, params: Mapping[str, str]) -> None:
    """Let a key for one lane through to that lane and to the loads on it; others it cannot tell from those not there.

    Raises UnknownLoadError for a load of another lane, HTTPException(403) for anything else.
    """
    if load_id := params.get("load_id"):
        if await run_in_threadpool(_lane_of, parts, load_id) != caller.lane:
            raise UnknownLoadError(f"there is no load {load_id!r}")
    elif params.get("lane") != caller.lane:
        raise HTTPException(403, f"{caller.name} is for lane {caller.lane} only")


def _lane_of(parts: Parts, load_id: str) -> str | None:
    with parts.loads.reading() as session:
        load = session.get(Load, load_id)
    return None if load is None else load.lane


async def would_come_in_again(request: Request) -> bool:
    """Whether the caller's key or session is still what it was when the request came in. Asking is no use of it."""
    try:
        return await _caller(parts_of(request), request, in_use=False) == caller_of(request)
    except HTTPException:
        return False


def _still_good(parts: Parts, request: Request) -> Caller | None:
    """Whose key a request brings, if that was found good a moment ago."""
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return parts.access.keys.still_good(token.strip()) if scheme.lower() == "bearer" else None


async def _caller(parts: Parts, request: Request, *, in_use: bool = True) -> Caller:
    """Whose key or session a request brings. A key counts before a session, which a browser sends unasked."""
    try:
        if given := request.headers.getlist("authorization"):
            scheme, _, token = given[0].partition(" ")
            if scheme.lower() != "bearer" or len(given) > 1:
                raise KeyRefusedError("send one key, as `Authorization: Bearer KEY`")
            return await run_in_threadpool(parts.access.keys.caller, token.strip())
        if session := session_of(request):
            return await _person(parts, request, session, in_use=in_use)
        raise KeyRefusedError("this needs `Authorization: Bearer KEY` (`loadlens keys add` makes one) or a login")
    except KeyRefusedError as error:
        raise HTTPException(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None


async def _person(parts: Parts, request: Request, session: str, *, in_use: bool) -> Caller:
    caller = await run_in_threadpool(parts.access.sessions.caller, session, in_use=in_use)
    if caller is None:
        raise KeyRefusedError("the session is over; log in again")
    if request.method not in SAFE and not is_csrf_token(request.headers.get("x-csrf-token", ""), session):
        raise HTTPException(403, "send X-CSRF-Token as `GET /v1/session` tells it")
    return caller


def check_origin(request: Request) -> None:
    """Refuse what the page of another site makes a browser send; raises HTTPException(403)."""
    if request.method in SAFE or "authorization" in request.headers:
        return
    origin = request.headers.get("origin")
    own = parts_of(request).settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    is_foreign = request.headers.get("sec-fetch-site", "none") not in NOT_FOREIGN
    if is_foreign or (origin is not None and origin != own):
        raise HTTPException(403, f"the page of another site ({origin}) may not do this")
