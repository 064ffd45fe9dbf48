"""Figures of the yard, as JSON or, for who accepts text/csv, as a table."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from loadlens.serving.api.parts import parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.queue_shapes import AgreementList, FiguresList
from loadlens.serving.api.shapes import shaped
from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.records import agreement, figures
from loadlens.serving.records.agreement import Agreement
from loadlens.serving.records.figures import By, Figures, Mean
from loadlens.serving.records.periods import Period
from loadlens.vision.metadata import Metric
from loadlens.waste.workbook import Table, write_csv

router = APIRouter(prefix="/figures", tags=["figures"])

CSV = "text/csv"
_MEASURES = ("width_percent", "bias_percent", "review_rate", "overturn_rate", "coverage")
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
