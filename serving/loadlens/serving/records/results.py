"""What the newest assessment of every load says, in columns: the queue is sorted and the figures are counted by it.

It is written in the transaction of the assessment and holds nothing that the assessment does not say.

At stake is the width of the deduction's interval: in money where the load's standard has prices, else in kilograms;
while the truck is not weighed empty, that of its gross weight, which is the most that it can be. Without any weight it
is in percent, and without an interval nobody knows: then it comes first, since it may be anything.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from loadlens.grading.assessment import LoadAssessment
from loadlens.grading.quantity import round_to
from loadlens.grading.settlement import SettlementError, price_of
from loadlens.serving.canonical import canonical_json
from loadlens.serving.records import frames
from loadlens.serving.records.weights import weighings
from loadlens.serving.store.queue_tables import LoadResult, StakeIn
from loadlens.serving.store.tables import Load

# Amounts in different units cannot be compared, so one unit comes behind the other.
_ORDER: tuple[StakeIn, ...] = ("unknown", "money", "kg", "percent")
_DIGITS: Mapping[StakeIn, int] = {"unknown": 0, "money": 2, "kg": 3, "percent": 4}
_MOST = 10**15


def note(
    session: Session,
    load: Load,
    assessed: LoadAssessment,
    report: Mapping[str, Any],
    *,
    version: int,
    is_corrected: bool,
) -> None:
    """Keep what an assessment that is being recorded says; `report` is its report, `is_corrected` whether a person's
    correction is in it."""
    row = session.get(LoadResult, load.id) or LoadResult(load_id=load.id)
    truck, deduction = report["truck"], report["truck"]["deduction"]
    row.version, row.waiting = version, load.status == "flagged"
    row.hazard = any(flag["level"] == "stop" for flag in truck["flags"])
    row.codes = "".join(f",{flag['code']}" for flag in truck["flags"] if flag["level"] != "info") + ","
    row.grade, row.coverage = truck["grade"], report["load"]["coverage"]
    row.net_kg, row.kg = _text(truck["net_kg"]), _text(deduction["kg"])
    row.kg_low, row.kg_high = _text(deduction["kg_low"]), _text(deduction["kg_high"])
    row.percent = _text(deduction["percent_of_net"])
    row.percent_low, row.percent_high = _text(deduction["percent_low"]), _text(deduction["percent_high"])
    row.price_per_tonne, row.currency = _price(assessed)
    row.grade_share = truck["grades"].get(row.grade)
    row.cameras = canonical_json(list(frames.cameras(session, load.id)))
    if not is_corrected:
        _note_machine(row, report)
    _sort(session, load, row)
    session.add(row)


def _note_machine(row: LoadResult, report: Mapping[str, Any]) -> None:
    """Keep what the machine says by itself."""
    truck, model = report["truck"], report["versions"]["model"]
    # Of a load of which no layer was seen it says nothing: the 0 % there is what nobody has deducted.
    row.machine_grade, row.machine_percent = row.grade, row.percent if report["layers"] else None
    row.machine_price_per_tonne, row.machine_grade_share = row.price_per_tonne, row.grade_share
    row.forms = canonical_json(truck["forms"])
    row.unknown, row.confidence = truck["unknown"], truck["confidence"]
    row.model = f"{model['name']} {model['version']}"


def weighed(session: Session, load: Load) -> None:
    """Another weighing is known; a load that waits may rank otherwise by it."""
    row = session.get(LoadResult, load.id)
    if row is not None:
        _sort(session, load, row)


def _price(assessed: LoadAssessment) -> tuple[str | None, str | None]:
    try:
        _, per_tonne = price_of(assessed)
    except SettlementError:
        return None, None
    return f"{per_tonne.amount:f}", per_tonne.currency


def _sort(session: Session, load: Load, row: LoadResult) -> None:
    """Say what is at stake, and the place that follows from it: hazards, then what is at stake, then age."""
    gross = weighings(session, load.id).get("gross")
    row.stake_in, width, row.at_most = _at_stake(row, None if gross is None else Decimal(gross.kg))
    row.stake = None if width is None else f"{width:f}"
    scaled = 0 if width is None else min(int(width.scaleb(_DIGITS[row.stake_in])), _MOST)
    unit = f"{_ORDER.index(row.stake_in)}{row.currency if row.stake_in == 'money' else ''}"
    row.rank = f"{int(not row.hazard)}{unit}|{_MOST - scaled:016}|{load.created_at}|{load.id}"


def _at_stake(row: LoadResult, gross_kg: Decimal | None) -> tuple[StakeIn, Decimal | None, bool]:
    """The width of the interval, what it is told in, and whether that is the most that it can be."""
    if row.percent_low is None or row.percent_high is None:
        return "unknown", None, False
    percent, at_most = Decimal(row.percent_high) - Decimal(row.percent_low), False
    if row.kg_low is not None and row.kg_high is not None:
        kg = Decimal(row.kg_high) - Decimal(row.kg_low)
    elif gross_kg is not None:
        kg, at_most = percent / 100 * gross_kg, True
    else:
        return "percent", percent, False
    if row.price_per_tonne is None:
        return "kg", round_to(kg, Decimal("0.001")), at_most
    return "money", round_to(kg / 1000 * Decimal(row.price_per_tonne), Decimal("0.01")), at_most


def _text(figure: float | None) -> str | None:
    return None if figure is None else str(Decimal(str(figure)))
