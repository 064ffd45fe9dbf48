"""The ticket as a document, and the link to the supplier's page."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.tags import tag_of
from loadlens.serving.api.withheld import check_seen
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, loads, statements
from loadlens.serving.sheet.contents import contents
from loadlens.serving.sheet.pdf import Paper
from loadlens.serving.sheet.printing import link_to_page, print_ticket
from loadlens.serving.sheet.source import source_of_version
from loadlens.serving.sheet.words import Lang

router = APIRouter(tags=["tickets"])

_PDF: dict[int | str, dict[str, object]] = {200: {"content": {"application/pdf": {}}}}


@router.get("/loads/{load_id}/ticket.pdf", response_class=Response, responses=answers(404, 409) | _PDF)
def get_ticket_pdf(
    request: Request,
    load_id: str,
    *,
    number: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    paper: Paper = "a4",
    lang: Lang = "en",
) -> Response:
    """The ticket of a load to print: the newest, or that of a number. Its code opens the supplier's page, so only who
    may send that link prints it."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        load = loads.find(session, load_id)
        check_seen(session, request, load_id)
        pdf = print_ticket(session, parts.loads, parts.settings, load, number, paper=paper, lang=lang)
    headers = {"ETag": tag_of(pdf), "Content-Disposition": 'inline; filename="ticket.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.post("/loads/{load_id}/supplier-link", status_code=201, responses=answers(404, 409))
def make_supplier_link(request: Request, load_id: str, key: OnceKey = None) -> Response:
    """A link to the supplier's page of the newest version. Whoever has it may confirm or dispute that version until it
    ends; nobody has to look at the load any more, and it is weighed."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = loads.find(session, load_id)
        newest = assessments.newest(session, load_id)
        if newest is None:
            raise ConflictError(f"load {load_id} has no assessment yet")
        statements.check_open(session, load, newest.version)
        source = source_of_version(session, parts.loads, load, newest.version)
        contents(source, "en", parts.settings.time_zone)  # refuses one without weights
        link = link_to_page(session, parts.settings, load_id, newest.version, datetime.now(UTC))
        if link is None:
            raise ConflictError("suppliers cannot reach this server; set public_url to its address")
        statements.linked(session, load, newest.version, link.until, actor=actor_of(request))
        return Answer(201, {"url": link.url, "version": newest.version, "until": link.until})

    return change(request, None, key, work)
