"""Whether a model may take the place of the one that looks now: both have seen the same past loads, a rule judges.

The rule guards what a better average may hide. A hazard that the old model found and the new one misses counts each
time. Means over the loads may fall by a hundredth, which is less than a person would notice of a load; no interval
excuses more, since few loads show little and the risk is the yard's. What is told of each model besides is its card.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from loadlens.vision.metadata import ModelMetadata

TOLERATED = 0.01
# Of the loads that a person let pass, so many may raise an alarm that they did not before: else nobody heeds any.
_NEW_ALARMS = 0.1
_CALIBRATION = "photo_calibration_error"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model saw of one past load.

    `coverage` is the share of the bed seen at least once and `answered` the share of the newly exposed surface that
    was given a name, both 0..1. `agrees` is None where no person has decided on the load.
    """

    hazards: frozenset[str]
    coverage: float
    answered: float
    grade: str | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a model may not take over: a stable code and a sentence a person understands."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says of a model after `loads` loads, of which it asks for `least`; without a reason against it the
    model may take over."""

    loads: int
    least: int
    reasons: tuple[Reason, ...]

    @property
    def permits(self) -> bool:
        """Whether the model may take over."""
        return not self.reasons


def judge(
    pairs: Mapping[str, tuple[Seen, Seen]], before: ModelMetadata, after: ModelMetadata, *, least: int
) -> Verdict:
    """The verdict on `after`, which is to follow `before`, over what both saw of each load (by its id).

    At least `least` loads must have been seen by both.
    """
    reasons = [*_of_loads(pairs, least), *_of_cards(before, after)]
    return Verdict(len(pairs), least, tuple(reasons))


def _of_loads(pairs: Mapping[str, tuple[Seen, Seen]], least: int) -> Iterator[Reason]:
    if len(pairs) < least:
        yield Reason("loads_too_few", f"both models have watched {len(pairs)} past loads; the rule asks for {least}")
    for load, (old, new) in pairs.items():
        for hazard in sorted(old.hazards - new.hazards):
            yield Reason("hazard_missed", f"load {load}: {_spoken(hazard)} was found, and is not any more")
    passed = [(old, new) for old, new in pairs.values() if new.agrees is not None]
    crying = sum(bool(new.hazards - old.hazards) for old, new in passed)
    if crying > _NEW_ALARMS * len(passed):
        why = f"an alarm that was not raised before is raised on {crying} of {len(passed)} loads that a person let pass"
        yield Reason("alarms_more", why)
    ungraded = [load for load, (old, new) in pairs.items() if old.grade is not None and new.grade is None]
    if ungraded:
        yield Reason("grade_lost", f"{len(ungraded)} of {len(pairs)} loads have no grade any more: {ungraded[0]}")
    yield from _fallen("coverage_lost", "of the bed is seen", [(a.coverage, b.coverage) for a, b in pairs.values()])
    yield from _fallen(
        "answered_lost", "of what is seen has a name", [(a.answered, b.answered) for a, b in pairs.values()]
    )
    old_right, new_right = (sum(bool(pair[side].agrees) for pair in passed) for side in (0, 1))
    if new_right < old_right:
        why = f"a person's grade is named on {new_right} of {len(passed)} loads, and was on {old_right}"
        yield Reason("agreement_lost", why)


def _fallen(code: str, what: str, shares: Sequence[tuple[float, float]]) -> Iterator[Reason]:
    """A reason where the mean of the second is lower than that of the first by more than is tolerated."""
    if not shares:
        return
    old, new = (fmean(side) for side in zip(*shares, strict=True))
    if old - new > TOLERATED:
        yield Reason(code, f"{_percent(new)} {what}, and {_percent(old)} before; {_percent(TOLERATED)} may be lost")


def _of_cards(before: ModelMetadata, after: ModelMetadata) -> Iterator[Reason]:
    """What the two models say of themselves."""
    unknown = sorted(before.hazard_thresholds.keys() - after.hazard_thresholds.keys())
    if unknown:
        yield Reason("hazard_unknown", f"the model does not know {', '.join(map(_spoken, unknown))}")
    for hazard, old in sorted(before.hazard_recall.items()):
        new = after.hazard_recall.get(hazard)
        if new is None and hazard not in unknown:
            yield Reason("hazard_unmeasured", f"the card does not say how many it finds of {_spoken(hazard)}")
        elif new is not None and new < old:
            yield Reason(
                "recall_lost", f"by its card it finds {_percent(new)} of {_spoken(hazard)}, and {_percent(old)} before"
            )
    if before.area_error is not None and after.area_error is None:
        yield Reason("interval_lost", "the model gives no interval of the deduction")
    was, now = before.metrics.get(_CALIBRATION), after.metrics.get(_CALIBRATION)
    if was is not None and now is None:
        yield Reason("calibration_unmeasured", "the card does not say how well its confidence is calibrated")
    if was is not None and now is not None and now.value - was.value > TOLERATED:
        off, off_before = _percent(now.value), _percent(was.value)
        why = f"by its card its confidence is {off} off, and {off_before} before; {_percent(TOLERATED)} may be lost"
        yield Reason("calibration_lost", why)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _spoken(hazard: str) -> str:
    return hazard.replace("_", " ")
