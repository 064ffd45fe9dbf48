"""The picture of a layer: what an inspector must be able to read on it."""

import re

import numpy as np
import pytest

from loadlens.grading.observation import HazardSighting
from loadlens.vision.legend import Grey, class_colour, draw_legend, graded_entries, grey_entries
from loadlens.vision.overlay import draw_layer
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy

HEIGHT, WIDTH = 320, 640
TAXONOMY = load_taxonomy()
DRUM, GAS = (HazardSighting(name, 0.62, (200, 150, 40, 40), 1.0, "0" * 64) for name in ("drum", "gas_cylinder"))


def drawn(*hazards, of=None):
    """A layer of turnings, and in `of` the cells in which something else lies."""
    cells = {"turnings": np.ones((20, 40), np.float32)}
    for name, where in (of or {}).items():
        cells["turnings"][where] = 0.0
        cells[name] = np.zeros((20, 40), np.float32)
        cells[name][where] = 1.0
    surface = Surface(np.stack(list(cells.values())), tuple(cells), 16)
    scene = sum(grid for name, grid in cells.items() if TAXONOMY[name].kind == "scene")
    about = {"unsure_below": 0.4, "source_width": WIDTH, "title": "Layer 0", "taxonomy": TAXONOMY}
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    graded = np.asarray(1.0 - scene + np.zeros((20, 40)), np.float32)
    return draw_layer(rgb, surface, graded, hazards, **about)


def holds(picture, class_id):
    return bool((picture == class_colour(class_id, TAXONOMY)).all(axis=-1).any())


def percents(entries):
    return [float(found) for entry in entries for found in re.findall(r"([\d.]+)%", entry.text)]


@pytest.mark.parametrize("class_id", TAXONOMY.ids("contaminant"))
def test_whatever_is_outlined_stands_in_the_legend_however_small_it_is(class_id):
    picture = drawn(of={class_id: np.s_[10:11, 20:22]})
    assert holds(picture[:HEIGHT], class_id)
    assert holds(picture[HEIGHT:], class_id)


def test_a_form_that_colours_a_few_cells_stands_in_the_legend():
    assert holds(drawn(of={"rails": np.s_[10:11, 20:22]})[HEIGHT:], "rails")


def test_the_legend_has_a_line_more_where_the_picture_has_something_grey():
    clean, hung_over = drawn(), drawn(of={"magnet": np.s_[:6, :6]})
    assert hung_over.shape[0] > clean.shape[0]


def test_what_was_graded_adds_up_to_all_of_it():
    shares = {"turnings": 0.8, "rails": 0.02, "shredded": 0.01, "wood": 0.05, "glass": 0.003, "soil": 0.002}
    entries = graded_entries(shares, ("glass",), [DRUM], TAXONOMY)
    assert [entry.text for entry in entries] == [
        "Turnings and borings 钢屑 80.0%",
        "Other forms 其他料型 3.0%",
        "Wood 木材 5.0%",
        "Glass 玻璃 0.3%",
        "Other contaminants 其他杂质 0.2%",
        "Not named, or a hazard 未能识别或危险物 11.5%",
        "Drum 油桶: stop 停止卸料",
    ]
    assert sum(percents(entries)) == pytest.approx(100.0)


def test_what_is_grey_adds_up_to_the_grey_part_of_the_picture():
    entries = grey_entries(Grey(0.6, {"bed_wall": 0.1, "magnet": 0.05, "person": 0.002}), TAXONOMY)
    total, *parts = percents(entries)
    assert [entry.text.split(" ")[0] for entry in entries] == ["Grey,", "Bed", "Magnet", "Seen"]
    assert total == pytest.approx(60.0)
    assert sum(parts) == pytest.approx(total)


def test_every_line_of_a_legend_has_room_for_itself():
    entries = grey_entries(Grey(0.6, {"bed_wall": 0.1, "magnet": 0.05}), TAXONOMY)
    for width in (480, 640, 960):
        legend = draw_legend(width, "Layer 0", [entries])
        assert (legend[:, -4:] == 24).all(), "nothing runs over the edge"


def test_two_hazards_in_one_place_have_a_label_each():
    label = np.s_[122:149, 200:380]
    one, other, both = drawn(GAS), drawn(DRUM), drawn(GAS, DRUM)
    assert not np.array_equal(one[label], other[label])
    assert np.array_equal(both[label], one[label])
    assert np.array_equal(both[95:122, 205:240], other[122:149, 205:240])
    assert np.array_equal(both[149:200], one[149:200])  # the thing itself stays in view


def test_the_label_of_a_hazard_at_the_edge_can_be_read():
    inside = drawn(DRUM)
    at_edge = drawn(HazardSighting("drum", 0.62, (WIDTH - 20, 150, 20, 40), 1.0, "0" * 64))
    red = (255, 30, 30)
    wide = [int((picture[125] == red).all(axis=-1).sum()) for picture in (inside, at_edge)]
    assert wide[0] == wide[1]
