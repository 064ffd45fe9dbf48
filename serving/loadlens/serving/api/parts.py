"""What the routes work with; it lies in `app.state.parts` while the app runs."""

from dataclasses import dataclass

from fastapi import Request

from loadlens.serving.grader import Grader
from loadlens.serving.loads import Loads
from loadlens.serving.settings import Settings
from loadlens.serving.store.journal import SYSTEM


@dataclass(frozen=True, slots=True)
class Parts:
    """The settings, the records and the thread that grades."""

    settings: Settings
    loads: Loads
    grader: Grader


def parts_of(request: Request) -> Parts:
    """The parts of the app that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


def actor_of(request: Request) -> str:
    """Who sent a request, as the records name them."""
    caller = getattr(request.state, "caller", None)
    return caller.name if caller else SYSTEM
