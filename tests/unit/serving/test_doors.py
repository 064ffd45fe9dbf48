"""The table of routes and roles is the whole truth about the application."""

import threading

import pytest
from fastapi import FastAPI

from loadlens.serving.api.app import create_app
from loadlens.serving.api.doors import ROUTES, UndeclaredRouteError, check_table, doors_of
from loadlens.serving.settings import Settings


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


def test_only_health_is_open_to_anybody():
    assert [route for route, roles in ROUTES.items() if roles is None] == [("GET", "/healthz")]
