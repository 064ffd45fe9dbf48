"""Masses of grabs, given to the layers that the grabs took away."""

from dataclasses import replace
from decimal import Decimal

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.grabs import Grab, weigh_layers
from loadlens.grading.quantity import Mass
from loadlens.grading.weighing import Weights


def test_a_grab_belongs_to_the_layer_that_was_the_last_to_end(layer, load):
    seen = load(*(layer(index=index) for index in range(3)))  # they end at 8, 18 and 28 s
    grabs = [Grab(30.0, Decimal(700)), Grab(8.0, Decimal(900)), Grab(27.9, Decimal("400.5")), Grab(19.0, Decimal(300))]
    weighed, lost = weigh_layers(seen, grabs)
    assert [one.mass_kg for one in weighed.layers] == [Decimal(900), Decimal("700.5"), Decimal(700)]
    assert lost == ()


def test_a_grab_before_any_layer_ended_is_given_back_and_a_layer_without_one_has_no_mass(layer, load):
    seen = load(layer(index=0), layer(index=1))
    weighed, lost = weigh_layers(seen, [Grab(7.9, Decimal(900)), Grab(20.0, Decimal(300))])
    assert [one.mass_kg for one in weighed.layers] == [None, Decimal(300)]
    assert lost == (Grab(7.9, Decimal(900)),)


def test_the_order_in_which_masses_come_does_not_matter(layer, load):
    seen = load(layer(index=0), replace(layer(index=1), start_s=2.0, end_s=6.0))
    grabs = [Grab(float(second), Decimal(second)) for second in range(5, 15)]
    assert weigh_layers(seen, grabs) == weigh_layers(seen, grabs[::-1])


@pytest.mark.parametrize(("net", "is_told"), [(1040, False), (960, False), (1060, True), (940, True)])
def test_grabs_that_cannot_be_the_load_send_it_to_a_person(layer, load, mill, net, is_told):
    seen = load(layer(index=0, mass_kg=Decimal(600)), layer(index=1, mass_kg=Decimal(400)))
    weights = Weights(Mass(10000 + net), Mass(10000), Mass(20))
    assessment = assess_load(seen, mill(layer_weight="grab_mass"), weights=weights)
    flags = {flag.code: flag for flag in assessment.flags}
    assert [one.weight for one in assessment.composition.layers] == [0.6, 0.4]
    assert "1000 kg in all" in flags["weighed_by_grabs"].why
    assert ("grabs_are_not_the_load" in flags) == is_told
