"""Whatever becomes of manifests (sent, refused, returned, given up), mass is conserved and nothing leaves unsigned."""

import random
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from loadlens.waste.ledger import FLOOR, HANDED_OVER, PRODUCTION, TRANSIT, Balances, Entry, move, room
from loadlens.waste.manifest import (
    KINDS,
    Line,
    Manifest,
    ManifestError,
    Step,
    check_receipt,
    coming_back,
    departure,
    gate_faults,
    receipt,
    refused,
    state_of,
)

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)


def a_plant(rng):
    """Balances with some drums in two rooms, and what was produced."""
    balances, drums = Balances(), {}
    for number in range(rng.randint(2, 6)):
        grams, place = rng.randint(1, 10**6), rng.choice([FLOOR, room("1"), TRANSIT])
        balances.accept(Entry(f"p{number}", "produced", AT, "user:li", move(f"d{number}", grams, PRODUCTION, FLOOR)))
        if place != FLOOR:
            balances.accept(Entry(f"m{number}", "moved", AT, "user:li", move(f"d{number}", grams, FLOOR, place)))
        drums[f"d{number}"] = Line(f"d{number}", place, grams)
    return balances, drums


def a_step(rng, manifest, steps):
    kind = rng.choice(KINDS)
    said = {}
    if kind == "sign":
        said = {"party": rng.choice(["sender", "carrier"])}
    elif kind == "gate":
        plate = rng.choice(["冀A·12345", "冀A12345", "冀B99999"])
        grams = manifest.grams + rng.choice([0, 0, 900, -1100])
        said = {"plate": plate, "grams": grams, "faults": gate_faults(manifest, steps, plate, grams)}
    elif kind == "receive":
        back = [line.container for line in manifest.lines if rng.random() < 0.4]
        weighed = {line.container: line.grams for line in manifest.lines if line.container not in back}
        said = {"refused": back, "weighed": weighed}
    return Step(kind, AT, "li", said)


def the_entry(manifest, steps, step):
    if step.kind == "gate" and not step.said["faults"]:
        return departure(manifest, AT, "user:li")
    if step.kind == "receive":
        check_receipt(manifest, step.said["refused"], step.said["weighed"])
        return receipt(manifest, [*steps, step], AT, "user:li")
    return coming_back(manifest, steps, FLOOR, AT, "user:li") if step.kind == "return" else None


@given(seed=st.integers(0, 2**32))
def test_mass_is_conserved_and_no_truck_leaves_unchecked(seed):
    rng = random.Random(seed)
    balances, drums = a_plant(rng)
    produced = sum(line.grams for line in drums.values())
    handed_over = 0
    for number in range(3):
        here = [Line(name, place, grams) for (name, place), grams in sorted(balances.stock().items())]
        if not here:
            break
        lines = tuple(rng.sample(here, rng.randint(1, len(here))))
        manifest = Manifest(f"M{number}", "a", "b", "c", "permit", "R4", "冀A12345", Decimal(1), lines)
        steps = []
        for _ in range(40):
            step = a_step(rng, manifest, steps)
            try:
                state = state_of([*steps, step])
            except ManifestError:
                continue
            entry = the_entry(manifest, steps, step)
            if entry is not None:
                balances.accept(entry)
            steps.append(step)
            if step.kind == "gate" and state == "transferred":
                assert {one.said["party"] for one in steps if one.kind == "sign"} == {"sender", "carrier"}
                assert step.said["plate"] != "冀B99999"
                assert abs(step.said["grams"] - manifest.grams) <= 1000
            if step.kind == "receive":
                back = refused(manifest, steps)
                handed_over += manifest.grams - sum(line.grams for line in back)
                assert all(balances.at(line.container, TRANSIT) >= line.grams for line in back)
        if state_of(steps) in ("draft", "declared", "effective", "cancelled"):
            assert all(balances.at(line.container, line.place) == line.grams for line in lines)
        places = balances.by_place()
        assert sum(places.values()) == 0
        assert places.get(HANDED_OVER, 0) == handed_over
        assert produced == handed_over + sum(balances.stock().values())
