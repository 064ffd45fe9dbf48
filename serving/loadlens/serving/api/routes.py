"""Every route, each under its path and with the longest body that it takes."""

from functools import cache

from fastapi import APIRouter
from starlette.routing import BaseRoute

from loadlens.serving.api import (
    alarms,
    beds,
    cameras,
    console,
    devices,
    disputes,
    events,
    figures,
    frames,
    health,
    identification,
    journal,
    lanes,
    loads,
    manifests,
    models,
    opinions,
    people,
    pictures,
    queue,
    readings,
    results,
    reviews,
    rooms,
    session,
    standards,
    supplier,
    tickets,
    waste,
    waste_files,
    waste_labels,
    yard_figures,
)

_LONGEST_JSON = 2**20
_LONGEST_FORM = 2**15


@cache
def all_routes() -> list[BaseRoute]:
    """In the order in which they are tried. No setting changes them, and to work out what each takes and answers is a
    third of a server's start: a process does it once, however many applications it makes of them."""
    site = APIRouter()
    lane_things = (lanes, cameras, beds, devices, frames, readings, alarms)
    reviewing = (standards, models, reviews, queue, opinions, tickets, disputes, yard_figures)
    keeping = (waste, waste_labels, identification, manifests, rooms)
    for thing in (*lane_things, loads, results, pictures, *reviewing, journal, events, *keeping, session, people):
        # A picture is as large as the settings let it be (api/picture_body.py); what people and machines say is short.
        longest = None if thing in (frames, identification) else _LONGEST_JSON
        site.include_router(thing.router, prefix="/v1", max_body_size=longest)
    site.include_router(waste_files.router, prefix="/v1", max_body_size=waste_files.LARGEST_WORKBOOK)
    site.include_router(figures.router)
    site.include_router(session.page)
    site.include_router(supplier.router, max_body_size=_LONGEST_FORM)
    site.include_router(waste_labels.page)
    site.include_router(console.router)
    site.include_router(health.router)
    return site.routes
