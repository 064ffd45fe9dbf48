"""Rendered loads judged as a mill judges: their known truth stands where a mill has its inspectors.

Grades and prices are those of one standard. Nothing is tolerated here, so that every error of the deduction shows, and
loads weigh what trucks commonly do, drawn by their seeds, because the mill's rule speaks of kilograms.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loadlens.datasets.unloading import TruckTruth
from loadlens.grading.assessment import assess_load
from loadlens.grading.composition import main_grade
from loadlens.grading.standard import Standard
from loadlens.training.loads import GradedLoad
from loadlens.training.mill import Compared, Verdict, mill_metrics, price_of
from loadlens.vision.metadata import Metric

_NET_KG = (18_000.0, 33_000.0)


def measure_as_mill(loads: Sequence[GradedLoad], standard: Standard) -> dict[str, Metric]:
    """The mill's and the honest figures of these loads; `standard` has the grades and the prices."""
    strict = replace(standard, rules=replace(standard.rules, tolerance="deduct_all"))
    return mill_metrics([_compared(load, strict) for load in loads])


def _compared(load: GradedLoad, standard: Standard) -> Compared:
    net_kg = float(np.random.default_rng([load.seed, 3]).uniform(*_NET_KG))
    seen = assess_load(load.observation, standard).composition
    price = price_of(seen.main_grade, seen.grades, standard)
    ours = Verdict(seen.main_grade, seen.grades, seen.impurity, price)
    return Compared(net_kg, ours, true_verdict(load.truth.truck, standard))


def true_verdict(truth: TruckTruth, standard: Standard) -> Verdict:
    """What an inspector without error would say under the standard."""
    grades: dict[str, float] = {}
    for form, share in truth.forms.items():
        rule = standard.form_rule(form)
        if rule is not None and rule.grade is not None:
            grades[rule.grade] = grades.get(rule.grade, 0.0) + share
    grade = main_grade(grades, standard)
    return Verdict(grade, grades, truth.impurity_mass, price_of(grade, grades, standard))
