"""What was recovered, and the estimate of what this avoided: the site's factors, or none."""

from decimal import Decimal

import pytest

from loadlens.serving.avoided import FactorSettings
from loadlens.waste.carbon import is_recovery, recovered

GIVEN = {"kind": "aluminium", "list": "hazardous-cn", "codes": ["321-024-48"], "source": "our own", "edition": "1"}
GIVEN |= {"low": 500, "kg_per_t": 1000, "high": 1600}


@pytest.mark.parametrize(
    ("how", "is_one"),
    [
        ("R4", True),
        ("R13 storage", True),
        ("综合利用", True),
        ("R1", False),
        ("D10", False),
        ("利用/处置", False),
        ("金属利用R4", True),
        ("R1 作为燃料利用", False),
        ("D10焚烧（余热利用）", False),
        ("D10 and R4", True),
        ("", False),
    ],
)
def test_a_way_that_leaves_material_is_a_recovery(how, is_one):
    assert is_recovery(how) is is_one


def test_only_what_was_recovered_counts_and_without_a_factor_nothing_is_estimated():
    moved = [
        ("hazardous-cn", "321-024-48", "dross", "R4", 2_000_000),
        ("hazardous-cn", "321-024-48", "dross", "R4", -500_000),
        ("hazardous-cn", "321-024-48", "dross", "D1", 7_000_000),
        ("hazardous-cn", "900-249-08", "oil", "R9", 300_000),
    ]
    dross, oil = recovered(moved, [FactorSettings.model_validate(GIVEN).factor()])
    assert (dross.grams, dross.avoided_kg) == (1_500_000, (Decimal(750), Decimal(1500), Decimal(2400)))
    assert (oil.grams, oil.factor, oil.avoided_kg) == (300_000, None, None)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"low": 1001}, "must lie between low and high"), ({"codes": ["1"]}, "1"), ({"source": ""}, "at least 1")],
)
def test_a_factor_that_cannot_be_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        FactorSettings.model_validate(GIVEN | change)
