"""What a server and a command need before they begin, loaded and worked out once: every one that a test starts is
forked from the process that imports this. A thread or a session of a model would not outlive the fork, so there is
none; nor is anything read that a test may set.

A password is hashed as by any server, but in a moment and without taking all cores: what it costs an attacker is the
matter of tests/unit/serving/test_access.py.
"""

from importlib import import_module

from argon2 import PasswordHasher
from fastapi.routing import iter_route_contexts
from sqlalchemy.orm import configure_mappers

from loadlens.grading.standard import list_standards
from loadlens.serving.access import passwords
from loadlens.serving.api.routes import all_routes

for name in (
    "loadlens.serving.cli",
    "loadlens.serving.api.server",
    "loadlens.serving.store.migrations.append_only",
    "uvloop",
    "uvicorn.loops.auto",
    "uvicorn.lifespan.on",
    "anyio._backends._asyncio",
    "psycopg",
):
    import_module(name)
list(iter_route_contexts(all_routes()))
list_standards()
configure_mappers()
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
passwords._NOBODY = passwords._hasher.hash("nobody has this password")
