"""What the supplier says of a version, written down in the yard, and what a manager answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from loadlens.serving.api.loads import matched
from loadlens.serving.api.once import Answer, OnceKey, change
from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.tags import IfMatch
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import assessments, loads, statements
from loadlens.serving.records.statements import Outcome, Reason, Said
from loadlens.serving.sheet.source import source_of_version
from loadlens.serving.store.tables import Load, Statement

router = APIRouter(tags=["disputes"])

PersonName = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class Confirmation(BaseModel):
    """The supplier has agreed on paper or by word; `name` is who of his people did."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName
    text: Annotated[str, Field(max_length=2000)] = ""


class Dispute(BaseModel):
    """The supplier disputes the newest version; `name` is who of his people does, `text` what he says."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName
    reason: Reason
    text: Text


class Answering(BaseModel):
    """A manager's answer: something was changed, by a review before this, or it is explained why nothing is."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    text: Text


@router.get("/loads/{load_id}/disputes", responses=answers(404))
def list_disputes(request: Request, load_id: str) -> dict[str, Any]:
    """All that the supplier said of this load, oldest first, with the answers; the version that he can confirm or
    dispute now, if any; and the links that were made for him. Nothing is confirmed by silence."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        return _described(session, parts, loads.find(session, load_id))


@router.post("/loads/{load_id}/disputes", status_code=201, responses=answers(404, 409, 412))
def post_dispute(
    request: Request, load_id: str, dispute: Dispute, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Write down that the supplier disputes the newest version: a person has to look, also where it was settled, and
    its pictures are never let go."""
    said = Said(dispute.name, dispute.text, "yard")
    return change(request, dispute, key, _stating(request, load_id, said, dispute.reason, if_match))


@router.post("/loads/{load_id}/confirmations", status_code=201, responses=answers(404, 409, 412))
def post_confirmation(
    request: Request, load_id: str, confirmation: Confirmation, key: OnceKey = None, if_match: IfMatch = None
) -> Response:
    """Write down that the supplier confirms the newest version, as with a signature on its ticket."""
    said = Said(confirmation.name, confirmation.text, "yard")
    return change(request, confirmation, key, _stating(request, load_id, said, None, if_match))


@router.post("/loads/{load_id}/disputes/{number}/answer", status_code=201, responses=answers(404, 409, 412))
def post_answer(
    request: Request,
    load_id: str,
    number: Annotated[int, Path(ge=1, lt=2**31)],
    answering: Answering,
    *,
    key: OnceKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Answer a dispute. Until then the load is not settled (again)."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        statements.answer(session, load, number, answering.outcome, answering.text, actor=actor_of(request))
        return _answered(session, parts, load)

    return change(request, answering, key, work)


def _stating(
    request: Request, load_id: str, said: Said, reason: Reason | None, if_match: str | None
) -> Callable[[Session], Answer]:
    """The work of writing down what the supplier says of the newest version."""
    parts = parts_of(request)

    def work(session: Session) -> Answer:
        load = matched(session, parts, load_id, if_match)
        newest = assessments.newest(session, load_id)
        if newest is None:
            raise ConflictError(f"load {load_id} has no assessment yet")
        shown = source_of_version(session, parts.loads, load, newest.version).shown
        parts.loads.state(session, load, shown, said, reason, actor=actor_of(request))
        return _answered(session, parts, load)

    return work


def _answered(session: Session, parts: Parts, load: Load) -> Answer:
    session.flush()
    return Answer(201, {"status": load.status, **_described(session, parts, load)})


def _described(session: Session, parts: Parts, load: Load) -> dict[str, Any]:
    days = timedelta(days=parts.settings.dispute_answer_days)
    return {
        "statements": [_statement(session, said, days) for said in statements.of_load(session, load.id)],
        "open_version": statements.open_version(session, load),
        "links": statements.links(session, load.id),
    }


def _statement(session: Session, said: Statement, within: timedelta) -> dict[str, Any]:
    names = ("version", "ticket", "sha256", "said", "reason", "text", "name", "via", "address", "device", "actor", "at")
    shown = {"number": said.id, **{name: getattr(said, name) for name in names}}
    if said.said == "confirm":
        return shown
    given = statements.answers_to(session, said.id)
    due = datetime.fromisoformat(said.at) + within
    return {
        **shown,
        "answer_due_at": due.isoformat(timespec="milliseconds"),
        "overdue": not given and due < datetime.now(UTC),
        "answers": [
            {name: getattr(answer, name) for name in ("outcome", "text", "version", "actor", "at")} for answer in given
        ],
    }
