"""The waste ledger as files: XLSX and CSV out, XLSX in; the history of a container as EPCIS."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers, problem
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.waste_balance_shapes import CalendarPage, WasteReport
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.moment import MomentWithOffset
from loadlens.serving.records import waste, waste_entries
from loadlens.serving.records.waste_calendar import Calendar, calendars, moment
from loadlens.serving.records.waste_export import TABLES, tables
from loadlens.serving.records.waste_import import Imported, ImportRefusedError, import_ledger
from loadlens.serving.records.waste_report import recovered_of, recovered_table, report
from loadlens.serving.records.waste_stage_import import Origin, import_stages
from loadlens.serving.sentences import fault_told
from loadlens.waste.carbon import Recovered
from loadlens.waste.epcis import Box, container_history
from loadlens.waste.workbook import WorkbookError, write_csv, write_xlsx

router = APIRouter(prefix="/waste", tags=["waste"])

LARGEST_WORKBOOK = 2**25
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LD_JSON = "application/ld+json"
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": _BYTES}}}

Begin = Annotated[MomentWithOffset, Query(alias="from", description="the first moment, with an offset")]
End = Annotated[MomentWithOffset, Query(alias="to", description="the moment behind the last, with an offset")]
Offset = Annotated[
    str, Query(pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$", description="the site's offset from UTC, as +08:00")
]
TableName = StrEnum("TableName", {name: name for name in TABLES})  # type: ignore[misc]


@router.get(
    "/ledger.xlsx",
    response_class=StreamingResponse,
    responses=answers() | {200: {"description": "every table of the ledger as a sheet", "content": {XLSX: _BYTES}}},
)
def ledger_as_xlsx(request: Request) -> StreamingResponse:
    """The whole ledger: the five stages, inner movements, balances, stock, and the sheets that an import reads."""
    return _file(parts_of(request), lambda session, out: write_xlsx(tables(session), out), XLSX, "ledger.xlsx")


@router.get(
    "/ledger.csv",
    response_class=StreamingResponse,
    responses=answers() | {200: {"description": "one table of the ledger", "content": {"text/csv": _BYTES}}},
)
def ledger_as_csv(
    request: Request, table: Annotated[TableName, Query(description="which table of the ledger")]
) -> StreamingResponse:
    """One table of the ledger, in UTF-8. A text that a spreadsheet would take for a formula begins with '."""

    def write(session: Session, out: IO[bytes]) -> None:
        write_csv(next(one for one in tables(session) if one.name == table), out)

    return _file(parts_of(request), write, "text/csv; charset=utf-8", "ledger.csv")


@router.get(
    "/containers/{identity}/epcis.json",
    response_class=Response,
    responses=answers(404) | {200: {"description": "an EPCIS 2.0 document", "content": {LD_JSON: {}}}},
)
def container_as_epcis(request: Request, identity: str) -> Response:
    """The history of a container for other systems, as GS1 EPCIS 2.0 in JSON-LD."""
    with parts_of(request).loads.reading() as session:
        known = waste.find(session, identity)
        box = Box(known.identity, known.list_id, known.edition, known.code, known.name, known.litres)
        document = container_history(box, waste_entries.history(session, identity), datetime.now(UTC))
    return Response(json.dumps(document, ensure_ascii=False).encode(), media_type=LD_JSON)


@router.get("/report.json", response_model=None, responses=answers() | shaped(WasteReport))
def report_as_json(request: Request, begin: Begin, end: End) -> dict[str, Any]:
    """What a regulator asks of a period, over all plants; `what` is produced, treated, handed_over, or stock (now).

    `recovered` is what of it was recovered as material, with the CO2e that this is estimated to have avoided.
    """
    parts = parts_of(request)
    with parts.loads.reading() as session:
        table = report(session, *_period(begin, end))
    return {
        "from": begin.isoformat(),
        "to": end.isoformat(),
        "rows": [{**dict(zip(table.head, row, strict=True)), "t": str(row[-1])} for row in table.rows],
        "recovered": [_recovered(one) for one in recovered_of(table, parts.settings.avoided_co2e)],
    }


def _recovered(one: Recovered) -> dict[str, Any]:
    about = {"list": one.list_id, "code": one.code, "name": one.name, "grams": one.grams}
    if one.factor is None or one.avoided_kg is None:
        return about | {"factor": None, "avoided_kg": None}
    said = ("kind", "low", "kg_per_t", "high", "source", "edition")
    factor = {name: str(getattr(one.factor, name)) for name in said}
    return about | {
        "factor": factor,
        "avoided_kg": dict(zip(("low", "likely", "high"), map(int, one.avoided_kg), strict=True)),
    }


@router.get(
    "/report.csv",
    response_class=StreamingResponse,
    responses=answers() | {200: {"description": "the same as a table", "content": {"text/csv": _BYTES}}},
)
def report_as_csv(request: Request, begin: Begin, end: End) -> StreamingResponse:
    """The same as a table."""
    period = _period(begin, end)
    return _file(
        parts_of(request),
        lambda session, out: write_csv(report(session, *period), out),
        "text/csv; charset=utf-8",
        "report.csv",
    )


@router.get(
    "/report.xlsx",
    response_class=StreamingResponse,
    responses=answers() | {200: {"description": "the same as a workbook", "content": {XLSX: _BYTES}}},
)
def report_as_xlsx(request: Request, begin: Begin, end: End) -> StreamingResponse:
    """The same as a workbook; the estimate of avoided CO2e is a sheet of its own."""
    period, parts = _period(begin, end), parts_of(request)

    def write(session: Session, out: IO[bytes]) -> None:
        table = report(session, *period)
        write_xlsx([table, recovered_table(recovered_of(table, parts.settings.avoided_co2e))], out)

    return _file(parts, write, XLSX, "report.xlsx")


@router.get("/calendar", response_model=None, responses=answers() | shaped(CalendarPage))
def get_calendar(
    request: Request,
    year: Annotated[int, Query(ge=2000, le=2100)],
    offset: Offset,
    due_from: Annotated[date | None, Query(description="what is due from then on, of the year before too")] = None,
) -> dict[str, Any]:
    """What each plant has to plan and report about a year: `from` and `to` of a report are what `report` takes."""
    clock, parts = _clock(offset), parts_of(request)
    permits = frozenset(one.unit for one in parts.settings.producers if one.holds_permit)
    with parts.loads.reading() as session:
        found = calendars(session, year, clock, permits=permits, due_from=due_from)
    return {"plants": [_calendar(one, clock) for one in found]}


def _calendar(one: Calendar, clock: tzinfo) -> dict[str, Any]:
    return {
        "unit": one.unit,
        "class": one.kind,
        "produced_grams": {str(year): grams for year, grams in one.produced.items()},
        "treats_itself": one.treats_itself,
        "holds_permit": one.holds_permit,
        "due": [
            {
                "what": due.what,
                "period": due.name,
                "from": moment(due.begin, clock).isoformat(),
                "to": moment(due.end, clock).isoformat(),
                "by": due.by.isoformat(),
            }
            for due in one.due
        ],
    }


@router.post("/ledger.xlsx", status_code=201, openapi_extra=_BODY, responses=answers(408, 409))
async def import_xlsx(request: Request) -> Response:
    """Take over a ledger: all of it, or nothing and `faults` (`faults_zh` in Chinese) with every row that is wrong."""
    return await _imported(request, import_ledger)


@router.post("/stages.xlsx", status_code=201, openapi_extra=_BODY, responses=answers(408, 409))
async def import_stages_xlsx(
    request: Request,
    unit: Annotated[str, Query(pattern=r"^[0-9A-Z]{18}$", description="whose waste it is: its social credit code")],
    litres: Annotated[Decimal, Query(gt=0, le=10**6, description="the volume of every container")],
    offset: Offset,
) -> Response:
    """Take over a ledger that was kept in the five stage tables: all of it, or nothing and `faults` with every row."""
    origin = Origin(unit, litres, _clock(offset))
    return await _imported(request, partial(import_stages, origin=origin))


async def _imported(request: Request, take: Callable[..., Imported]) -> Response:
    parts, actor = parts_of(request), actor_of(request)
    try:
        async with asyncio.timeout(parts.settings.body_within_s):
            data = await request.body()
    except TimeoutError:
        return problem(408, f"the workbook did not arrive within {parts.settings.body_within_s} s")

    def in_one_transaction() -> Imported:
        with parts.loads.writing() as session:
            return take(session, data, actor=actor)

    try:
        done = await run_in_threadpool(in_one_transaction)
    except ImportRefusedError as error:
        return problem(422, str(error), faults=error.faults, faults_zh=[fault_told(one, "zh") for one in error.faults])
    return JSONResponse(
        {"containers": done.containers, "entries": done.entries, "sha256": done.sha256}, status_code=201
    )


def _clock(offset: str) -> tzinfo:
    return datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo or UTC


def _period(begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    if begin >= end:
        raise UnacceptableError("the period ends before it begins; `to` must lie behind `from`")
    return begin, end


def _file(parts: Parts, write: Callable[[Session, IO[bytes]], None], kind: str, name: str) -> StreamingResponse:
    """A file that is written whole before its first byte is sent, so that it is never cut short without a word."""
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        try:
            with parts.loads.reading() as session:
                write(session, file)
        except WorkbookError as error:
            raise UnacceptableError(str(error)) from None
        length = file.tell()
        stack.pop_all()
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(length)}
    return StreamingResponse(_chunks(file), media_type=kind, headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(2**16):
            yield chunk
