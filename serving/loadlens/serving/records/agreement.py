"""How far people and the machine agree on grades: Cohen's kappa of every pair, over opinions that were given blind.

An opinion that was given with the machine's in view says little of either, so it does not count; of each person the
first blind opinion on a load counts. Source: Cohen (1960). The interval is Wilson's for the observed agreement,
with the agreement by chance taken as known: with few loads it stays wide also where all of them agree.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.grading.standard import UNGRADED, Standard
from loadlens.serving.records.periods import Period
from loadlens.serving.store.queue_tables import Opinion
from loadlens.serving.store.tables import Load
from loadlens.vision.metadata import Metric
from loadlens.vision.proportion import proportion

MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two raters on the same loads: `observed` is the share of loads on which they agree, `by_chance` what they would
    by how often each names every grade; kappa None where chance alone would make them agree always."""

    one: str
    other: str
    observed: Metric
    by_chance: float
    kappa: Metric | None


def agreements(session: Session, period: Period, standards: Mapping[str, Standard]) -> tuple[list[Agreement], int]:
    """Every pair that has rated a load both, by name; and how many opinions were not blind and did not count."""
    rows = session.execute(
        select(Opinion, Load.standard)
        .join(Load, Load.id == Opinion.load_id)
        .where(*period.of(Opinion.at))
        .order_by(Opinion.id)
    )
    rated: defaultdict[str, dict[str, str]] = defaultdict(dict)
    not_blind = 0
    for opinion, standard in rows:
        if not opinion.blind:
            not_blind += 1
            continue
        by = rated[opinion.load_id]
        by.setdefault(opinion.rater, _category(standards.get(standard), opinion.grade))
        by.setdefault(MACHINE, _category(standards.get(standard), opinion.machine_grade))
    pairs: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for by in rated.values():
        for one, other in combinations(sorted(by), 2):
            pairs[one, other].append((by[one], by[other]))
    return [agreement(*names, said) for names, said in sorted(pairs.items())], not_blind


def agreement(one: str, other: str, said: Sequence[tuple[str, str]]) -> Agreement:
    """How far two raters agree who have said this of the same loads. Raises ValueError for no load."""
    n = len(said)
    observed = proportion(sum(left == right for left, right in said), n)
    lefts, rights = Counter(left for left, _ in said), Counter(right for _, right in said)
    by_chance = sum(lefts[name] * rights[name] for name in lefts) / n**2

    def above_chance(share: float) -> float:
        return (share - by_chance) / (1 - by_chance)

    kappa = None
    if by_chance < 1:
        low, high = above_chance(observed.low), above_chance(observed.high)
        kappa = Metric(above_chance(observed.value), max(-1.0, low), min(1.0, high), n)
    return Agreement(one, other, observed, by_chance, kappa)


def _category(standard: Standard | None, grade: str | None) -> str:
    """What a grade counts as: its group, where a picture cannot tell the members of a group apart."""
    if grade is None:
        return UNGRADED
    groups = standard.grades if standard is not None else ()
    return next((group.code for group in groups if grade in group.members), grade)
