"""`loadlens train RECIPE --tickets FILE`: a folder with the calibration, what was compared and what was left out.

tickets_left_out.csv   every row, load or file that was not used, and why
compared.csv           every ticket beside an estimate that had not seen it, with its interval; percent of the net
layers.csv             how much every layer of every load counts, with and without the calibration
calibration.json       what grading takes (written last: where it is, the rest is whole)
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from loadlens.grading.assessment import ObservationError, assess_load
from loadlens.grading.calibration import SCHEMA, SiteCalibration, parse_calibration
from loadlens.grading.observation import LoadObservation
from loadlens.grading.standard import Standard, load_standard
from loadlens.training.mill import Compared, Verdict, mill_metrics, price_of
from loadlens.training.recipe import read_strictly, recipe_path
from loadlens.training.site import Bags, Learned, SiteRecipe, learn, make_bags, uncalibrated
from loadlens.training.statistics import mean
from loadlens.training.tickets import (
    LeftOut,
    Ticket,
    TicketsError,
    match,
    read_observations,
    read_tickets,
    ticket_table_digest,
    write_left_out,
)
from loadlens.vision.metadata import Metric

Pairs = Sequence[tuple[Ticket, LoadObservation]]


@dataclass(frozen=True, slots=True)
class SiteRun:
    """What a run found: the calibration, its figures, and how many things were left out."""

    calibration: SiteCalibration
    figures: dict[str, Metric]
    left_out: int


def train_site(recipe: str, tickets: Path, observations: Path, out: Path) -> None:
    """Learn a site's deductions by a recipe, a shipped one by name or a file, and say what came out."""
    run = fit_site(recipe_path(recipe), tickets, observations, out)
    print("\n".join(told(run, out)))


def fit_site(recipe_file: Path, tickets_file: Path, observations: Path, out: Path) -> SiteRun:
    """Fit a site's tickets and write the run. Raises TicketsError, RecipeError, StandardError, ValueError."""
    recipe = read_strictly(recipe_file, SiteRecipe)
    standard = load_standard(recipe.standard)
    if (out / "calibration.json").exists():
        raise TicketsError(f"{out} holds a calibration that loads may have been graded by; give another --out")
    tickets, bad_rows = read_tickets(tickets_file)
    seen, bad_files = read_observations(observations)
    matched, unmatched = match(tickets, seen)
    pairs, unfit = _judged_by(standard, matched)
    left_out = [*bad_rows, *bad_files, *unmatched, *unfit]
    out.mkdir(parents=True, exist_ok=True)
    write_left_out(left_out, out / "tickets_left_out.csv")
    if not pairs:
        raise TicketsError(f"no ticket names a load that was observed; {out / 'tickets_left_out.csv'} says why")
    pairs = sorted(pairs, key=lambda pair: pair[0].load)
    bags = make_bags([(ticket.deduction, load) for ticket, load in pairs], standard)
    try:
        learned = learn(bags, recipe)
    except ValueError as fault:
        why = f"{len(left_out)} remarks in {out / 'tickets_left_out.csv'} say what was not used"
        raise TicketsError(f"{fault}; {why}") from None
    figures = site_figures(pairs, bags, learned, standard)
    text = _text(pairs, bags, learned, recipe=recipe, standard=standard, figures=figures, left_out=len(left_out))
    calibration = parse_calibration(text.encode(), name="calibration.json")
    _write_table(out / "compared.csv", _compared_rows(pairs, bags, learned))
    _write_table(out / "layers.csv", _layer_rows(pairs, standard, calibration))
    beside = out / "calibration.json.part"
    beside.write_text(text, encoding="utf-8")
    beside.rename(out / "calibration.json")
    return SiteRun(calibration, figures, len(left_out))


def _judged_by(standard: Standard, pairs: Pairs) -> tuple[Pairs, list[LeftOut]]:
    """The pairs that the standard can judge; grades that it does not know are not compared, and that is said."""
    kept, left_out = [], []
    for ticket, load in pairs:
        try:
            assess_load(load, standard)
        except ObservationError as fault:
            left_out.append(LeftOut("observation", load.load_id, str(fault)))
            continue
        grade = ticket.grade
        if grade is not None and standard.grade(grade) is None:
            why = f"{standard.id} has no grade {grade!r}; the deduction is used, the grade is not compared"
            left_out.append(LeftOut("ticket", ticket.load, why))
            grade = None
        kept.append((replace(ticket, grade=grade), load))
    return kept, left_out


def site_figures(pairs: Pairs, bags: Bags, learned: Learned, standard: Standard) -> dict[str, Metric]:
    """The mill's and the honest figures against the tickets, by estimates that had not seen them."""
    ours = bags.deducted(learned.unseen_estimate)
    before = bags.deducted(uncalibrated(bags).estimate(bags))
    compared = [_compared(*pair, share, standard) for pair, share in zip(pairs, ours, strict=True)]
    return {
        **mill_metrics(compared),
        "deduction_error_uncalibrated": mean(np.abs(before - bags.label)),
        "deduction_error_gain": mean(np.abs(before - bags.label) - np.abs(ours - bags.label)),
    }


def _compared(ticket: Ticket, load: LoadObservation, deduction: float, standard: Standard) -> Compared:
    composition = assess_load(load, standard).composition
    price = price_of(composition.main_grade, composition.grades, standard)
    ours = Verdict(composition.main_grade, composition.grades, deduction, price)
    return Compared(ticket.net_kg, ours, Verdict(ticket.grade, {}, ticket.deduction, ticket.price_per_tonne))


def _text(
    pairs: Pairs,
    bags: Bags,
    learned: Learned,
    *,
    recipe: SiteRecipe,
    standard: Standard,
    figures: dict[str, Metric],
    left_out: int,
) -> str:
    model = pairs[0][1].model
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "site": recipe.site,
        "model": asdict(model),
        "standard": {
            "id": standard.id,
            "version": standard.version,
            "sha256": standard.sha256,
            "layer_weight": standard.rules.layer_weight,
        },
        "factor": dict(zip(bags.classes, map(float, learned.fit.factor), strict=True)),
        "unseen": learned.fit.unseen,
        "depth_trend": learned.fit.trend,
        "interval": asdict(learned.interval),
        "tickets": {
            "used": len(pairs),
            "left_out": left_out,
            "sha256": hashlib.sha256(ticket_table_digest([ticket for ticket, _ in pairs]).encode()).hexdigest(),
        },
        "recipe": asdict(recipe),
        "figures": {name: asdict(metric) for name, metric in figures.items()},
        "software": metadata.version("loadlens"),
    }
    return json.dumps(said, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def _compared_rows(pairs: Pairs, bags: Bags, learned: Learned) -> Iterable[Sequence[Any]]:
    low, high = (bags.deducted(end) for end in learned.unseen_ends)
    before = bags.deducted(uncalibrated(bags).estimate(bags))
    after = bags.deducted(learned.unseen_estimate)
    yield ("load", "ticket", "inspectors", "uncalibrated", "calibrated_unseen", "interval_low", "interval_high")
    for row, (ticket, _) in enumerate(pairs):
        shares = (ticket.deduction, before[row], after[row], low[row], high[row])
        percent = [f"{100 * share:.3f}" for share in shares]
        yield (ticket.load, percent[0], ticket.inspectors, *percent[1:])


def _layer_rows(pairs: Pairs, standard: Standard, calibration: SiteCalibration) -> Iterable[Sequence[Any]]:
    yield ("load", "layer", "weight_uncalibrated", "weight", "impurity_percent")
    for _, load in pairs:
        plain = assess_load(load, standard).composition.layers
        taught = assess_load(load, standard, calibration=calibration).composition.layers
        for one, other in zip(plain, taught, strict=True):
            impurity = 100 * sum(other.mass.values())
            yield (load.load_id, one.seen.index, f"{one.weight:.4f}", f"{other.weight:.4f}", f"{impurity:.3f}")


def _write_table(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def told(run: SiteRun, out: Path) -> list[str]:
    """The run in a few lines for a terminal."""
    site, figures = run.calibration, run.figures
    factors = ", ".join(f"{name} {value:.2f}" for name, value in site.factor.items())
    first, last = site.layer_factors(2)
    lines = [
        f"site        {site.site}: {site.tickets} tickets used, {run.left_out} remarks (tickets_left_out.csv)",
        f"factors     {factors}",
        f"unseen      {100 * site.unseen:.2f} % of the net on every load",
        f"layers      the last counts {last / first:.2f} x the first (layers.csv)",
    ]
    names = ("deduction_error", "deduction_error_uncalibrated", "deduction_error_gain", "deduction_error_constant")
    lines += [f"{name:<32}{_points(figures[name])}" for name in (*names, "deduction_bias", "deduction_error_p95")]
    if (gain := figures["deduction_error_gain"]).low <= 0:
        worse = "show that it estimates worse than without: do not grade by it"
        lines.append(f"these tickets {worse if gain.high < 0 else 'do not show that it estimates better than without'}")
    rates = [name for name in figures if name.startswith(("mill_", "price_"))]
    lines += [f"{name:<32}{_percent(figures[name])}" for name in rates]
    return [*lines, f"calibration {out / 'calibration.json'} ({site.sha256})"]


def _points(metric: Metric) -> str:
    return f"{100 * metric.value:.2f} points ({100 * metric.low:.2f} to {100 * metric.high:.2f}), n {metric.n}"


def _percent(metric: Metric) -> str:
    return f"{100 * metric.value:.1f} % ({100 * metric.low:.1f} to {100 * metric.high:.1f}), n {metric.n}"
