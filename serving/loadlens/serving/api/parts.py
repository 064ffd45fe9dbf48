"""What the routes work with; it lies in `app.state.parts` while the app runs."""

import threading
from dataclasses import dataclass

from fastapi import Request

from loadlens.serving.access.access import Access
from loadlens.serving.api.admission import Admission
from loadlens.serving.beds import Beds
from loadlens.serving.grader import Grader
from loadlens.serving.intake import Intake
from loadlens.serving.loads import Loads
from loadlens.serving.models import Models
from loadlens.serving.settings import Settings
from loadlens.serving.sweeper import Sweeper


@dataclass(frozen=True, slots=True)
class Parts:
    """The settings, the records, the threads that grade and sweep, the models and beds, the way in for frames, who may
    come in, and who says which frames are taken.

    `stopping` is set once the server was asked to end: whatever waits for something ends its wait then.
    """

    settings: Settings
    loads: Loads
    grader: Grader
    sweeper: Sweeper
    models: Models
    beds: Beds
    intake: Intake
    access: Access
    admission: Admission
    stopping: threading.Event


def parts_of(request: Request) -> Parts:
    """The parts of the app that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


def actor_of(request: Request) -> str:
    """Who sent a request, as the records name them."""
    name: str = request.state.caller.name
    return name
