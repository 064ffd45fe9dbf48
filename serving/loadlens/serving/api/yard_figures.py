"""Figures of the yard, as JSON or, for who accepts text/csv, as a table."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from loadlens.serving.api.figure_shapes import (
    AgreementList,
    BesidePeople,
    DangerList,
    DriftShown,
    FiguresList,
    PricesList,
)
from loadlens.serving.api.parts import parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.shapes import shaped
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import agreement, drift, figures, hazard_figures, mill_figures, price_figures
from loadlens.serving.records.agreement import Agreement
from loadlens.serving.records.figures import Figures
from loadlens.serving.records.measures import Mean
from loadlens.serving.records.periods import Period
from loadlens.serving.records.price_figures import PriceErrors
from loadlens.serving.records.visits import By
from loadlens.vision.metadata import Metric
from loadlens.waste.workbook import Table, write_csv

router = APIRouter(prefix="/figures", tags=["figures"])

CSV = "text/csv"
_MEASURES = ("width_percent", "bias_percent", "review_rate", "overturn_rate", "hazard_rate", "coverage")
_CLASSES = ("below_30", "from_30_to_50", "from_50_to_100", "from_100")
_PLAIN = ("key", "loads", "weighed", "net_kg", "deduction_kg", "deduction_percent")

Since = Annotated[date | None, Query(description="the first day, in UTC")]
Until = Annotated[date | None, Query(description="the last day, in UTC")]


def _either(shape: type[Any]) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of figures: JSON of this shape, or a table."""
    return {200: {**shaped(shape)[200], "content": {CSV: {"schema": {"type": "string"}}}}}


@router.get("/deductions", response_model=None, responses=answers() | _either(FiguresList))
def get_deductions(request: Request, by: By, since: Since = None, until: Until = None) -> Response:
    """Deductions with their bias, how often a person had to look and decided otherwise, and how much of the bed was
    seen. Bias and overturns are of loads that a person has decided on, which are mostly those that were flagged."""
    period = _period(since, until)
    with parts_of(request).loads.reading() as session:
        groups = [_group(one) for one in figures.deductions(session, by, period)]
    return _answer(request, {"by": by, "groups": groups}, groups, (*_PLAIN, *_columns(_MEASURES)), f"by-{by}")


@router.get("/agreement", response_model=None, responses=answers() | _either(AgreementList))
def get_agreement(request: Request, since: Since = None, until: Until = None) -> Response:
    """Cohen's kappa on the grade for every pair of people, and of each of them with the machine, over opinions that
    were given blind. `not_blind` is how many opinions did not count."""
    period, parts = _period(since, until), parts_of(request)
    with parts.loads.reading() as session:
        found, not_blind = agreement.agreements(session, period, parts.loads.standards.in_force(session))
    pairs = [_pair(one) for one in found]
    head = ("one", "other", *_columns(("observed",)), "by_chance", *_columns(("kappa",)))
    return _answer(request, {"pairs": pairs, "not_blind": not_blind}, pairs, head, "agreement")


@router.get("/prices", response_model=None, responses=answers() | _either(PricesList))
def get_prices(request: Request, by: By, since: Since = None, until: Until = None) -> Response:
    """How far the machine's price a tonne is from what stands once a person has decided: in the classes that mills
    count in, and the error itself."""
    period = _period(since, until)
    with parts_of(request).loads.reading() as session:
        groups = [_prices(one) for one in price_figures.price_errors(session, by, period)]
    head = ("key", "currency", "loads", "corrected", *_columns((*_CLASSES, "error", "bias")))
    return _answer(request, {"by": by, "groups": groups}, groups, head, f"prices-by-{by}")


@router.get("/beside-people", response_model=None, responses=answers() | _either(BesidePeople))
def get_beside_people(request: Request, since: Since = None, until: Until = None) -> Response:
    """The numbers that mills use and the errors themselves, against people's decisions and against what they said
    blind, each beside what saying the same of every load would reach."""
    period = _period(since, until)
    with parts_of(request).loads.reading() as session:
        found = mill_figures.beside_people(session, period)
    references = ("decided", "decided_constant", "blind", "blind_constant")
    rows = [{"name": row.name, **{one: _measure(getattr(row, one)) for one in references}} for row in found.rows]
    body = {"rows": rows, "decided": found.decided, "accepted": found.accepted, "blind": found.blind}
    return _answer(request, body, rows, ("name", *_columns(references)), "beside-people")


@router.get("/hazards", response_model=None, responses=answers() | _either(DangerList))
def get_dangers(request: Request, since: Since = None, until: Until = None) -> Response:
    """How often each class of danger was seen, and what people made of these loads."""
    period = _period(since, until)
    with parts_of(request).loads.reading() as session:
        found, loads = hazard_figures.dangers(session, period)
    measures = ("rate", "stopped")
    plain = ("class_id", "loads", "waiting")
    rows = [
        {name: getattr(one, name) for name in plain} | {name: _measure(getattr(one, name)) for name in measures}
        for one in found
    ]
    return _answer(request, {"classes": rows, "loads": loads}, rows, (*plain, *_columns(measures)), "hazards")


@router.get("/drift", response_model=None, responses=answers() | _either(DriftShown))
def get_drift(
    request: Request,
    *,
    reference_since: Since = None,
    reference_until: Until = None,
    since: Since = None,
    until: Until = None,
    camera: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Whether what the machine sees moves: the loads of a period beside those of a reference period before or after it,
    all or those that one camera saw."""
    period, reference = _period(since, until), _period(reference_since, reference_until)
    if not (period.is_before(reference) or reference.is_before(period)):
        raise UnacceptableError("the two periods share days; let one end before the other begins")
    with parts_of(request).loads.reading() as session:
        found = drift.drift(session, period, reference, camera)
    measures = ("reference", "now", "difference")
    rows = [
        {"kind": move.kind, "name": move.name, "has_moved": move.has_moved}
        | {name: _measure(getattr(move, name)) for name in measures}
        for move in found.moves
    ]
    counts = ("loads", "reference_loads", "models", "reference_models", "cameras")
    body = {"moves": rows, **{name: getattr(found, name) for name in counts}}
    return _answer(request, body, rows, ("kind", "name", *_columns(measures), "has_moved"), "drift")


def _period(since: date | None, until: date | None) -> Period:
    if since is not None and until is not None and since > until:
        raise UnacceptableError("since lies behind until; swap them")
    return Period(since, until)


def _answer(
    request: Request, body: dict[str, Any], rows: Sequence[Mapping[str, Any]], head: tuple[str, ...], name: str
) -> Response:
    headers = {"Vary": "Accept"}
    if CSV not in request.headers.get("accept", ""):
        return Response(canonical_json(body).encode(), media_type="application/json", headers=headers)
    out = io.BytesIO()
    write_csv(Table(name, head, ([_flat(row).get(column) for column in head] for row in rows)), out)
    headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return Response(out.getvalue(), media_type=f"{CSV}; charset=utf-8", headers=headers)


def _columns(measures: Sequence[str]) -> list[str]:
    return [f"{name}{end}" for name in measures for end in ("", "_low", "_high", "_n")]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table: a measure takes four columns, and what is decimal text is a number."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            measure = {"": value["value"], "_low": value["low"], "_high": value["high"], "_n": value["n"]}
            flat |= {f"{name}{end}": part for end, part in measure.items()}
        else:
            flat[name] = Decimal(value) if name in _PLAIN[3:] and value is not None else value
    return {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in flat.items()}


def _group(group: Figures) -> dict[str, Any]:
    percent = group.deduction_percent
    return {
        "key": group.key,
        "loads": group.loads,
        "weighed": group.weighed,
        "net_kg": f"{group.net_kg:f}",
        "deduction_kg": f"{group.deduction_kg:f}",
        "deduction_percent": None if percent is None else f"{percent:f}",
        **{name: _measure(getattr(group, name)) for name in _MEASURES},
    }


def _prices(group: PriceErrors) -> dict[str, Any]:
    plain = ("key", "currency", "loads", "corrected")
    classes = zip(_CLASSES, group.classes, strict=True)
    return {
        **{name: getattr(group, name) for name in plain},
        **{name: _measure(share) for name, share in classes},
        "error": _measure(group.error),
        "bias": _measure(group.bias),
    }


def _pair(pair: Agreement) -> dict[str, Any]:
    return {
        "one": pair.one,
        "other": pair.other,
        "observed": _measure(pair.observed),
        "by_chance": round(pair.by_chance, 4),
        "kappa": _measure(pair.kappa),
    }


def _measure(measure: Metric | Mean | None) -> dict[str, Any] | None:
    if measure is None:
        return None
    ends = {name: getattr(measure, name) for name in ("value", "low", "high")}
    return {name: None if end is None else round(end, 4) for name, end in ends.items()} | {"n": measure.n}
