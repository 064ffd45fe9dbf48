"""The table of routes and roles is the whole truth about the application, and the README shows it."""

import threading
from pathlib import Path

import pytest
from fastapi import FastAPI

from loadlens.serving.api.app import create_app
from loadlens.serving.api.doors import ROUTES, UndeclaredRouteError, check_table, doors_of, table_of_routes
from loadlens.serving.settings import Settings

README = Path(__file__).resolve().parents[3] / "serving" / "README.md"
# Without them nobody could log in; each asks for a secret of its own.
LOGIN = {
    ("GET", "/login"),
    ("POST", "/v1/session"),
    ("POST", "/v1/welcome"),
    ("GET", "/v1/oidc"),
    ("GET", "/v1/oidc/login"),
    ("GET", "/v1/oidc/callback"),
}
# Who has the link has all that it opens.
LINKED = {("GET", "/s/{token}"), ("POST", "/s/{token}"), ("GET", "/s/{token}/layers/{index}.jpg")}
# The files of the console, which are the same for everybody and show nothing of a yard; a label's link leads there.
CONSOLE = {("GET", "/"), ("GET", "/console"), ("GET", "/console/{path:path}"), ("GET", "/w/{identity}")}


@pytest.fixture
def app(tmp_path) -> FastAPI:
    return create_app(Settings(data=tmp_path), threading.Event())


def test_every_route_is_in_the_table_and_the_table_names_no_other(app):
    assert {(door.method, door.path) for door in doors_of(app)} == ROUTES.keys()
    check_table(doors_of(app))


def test_a_route_that_nobody_decided_about_is_not_served(app):
    @app.get("/v1/secrets")
    def secrets() -> str:
        return "all of them"

    with pytest.raises(UndeclaredRouteError, match="GET /v1/secrets"):
        check_table(doors_of(app))


def test_only_health_the_login_the_console_and_the_suppliers_page_are_open_to_anybody():
    open_to_anybody = {route for route, roles in ROUTES.items() if roles is None}
    assert open_to_anybody == {("GET", "/healthz")} | LOGIN | LINKED | CONSOLE


def test_the_readme_shows_the_table_as_it_is():
    shown = (
        README.read_text(encoding="utf-8").partition("<!-- routes -->\n")[2].partition("\n<!-- end of routes -->")[0]
    )
    assert shown == table_of_routes(), "put the output of `loadlens users roles` into serving/README.md"
