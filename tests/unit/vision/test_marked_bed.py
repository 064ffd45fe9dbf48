"""A bed marked by its corners: its box, and millimetres per pixel from its known size."""

import pytest

from loadlens.vision.bed import BedError, mark_bed

FRAME = (1920, 1080)


def test_seen_from_straight_above_the_scale_is_the_same_everywhere():
    corners = [(100, 200), (1300, 200), (1300, 440), (100, 440)]
    marked = mark_bed(corners, length_mm=12000, width_mm=2400, frame_size=FRAME)
    assert (marked.bed.x, marked.bed.y, marked.bed.w, marked.bed.h) == (100, 200, 1200, 240)
    assert (marked.bed.mm_per_px, marked.mm_low, marked.mm_high) == (10, 10, 10)
    whole = marked.bed.mask((FRAME[1], FRAME[0]), FRAME)
    assert whole.sum() == pytest.approx(1200 * 240, rel=0.01)
    assert (whole[320, 700], whole[320, 95], whole[190, 700]) == (True, False, False)


def test_seen_from_aslant_the_mean_lies_between_near_and_far():
    corners = [(700, 100), (1200, 100), (1700, 900), (200, 900)]
    marked = mark_bed(corners, length_mm=2400, width_mm=9000, frame_size=FRAME)
    assert marked.mm_low < marked.bed.mm_per_px < marked.mm_high
    assert marked.mm_low == pytest.approx(2400 / 1500)  # the near end, 1500 pixels wide
    # What is graded is the bed itself, at the size that the tracker works at, and not the box round it.
    mask = marked.bed.mask((135, 240), FRAME)
    assert mask.sum() == pytest.approx((500 + 1500) / 2 * 800 / 64, rel=0.03)
    assert not mask[20, 30]
    assert mask[20, 120]
    assert mask[105, 30]
    # The other way round is the same bed.
    back = mark_bed([corners[at] for at in (3, 2, 1, 0)], length_mm=2400, width_mm=9000, frame_size=FRAME)
    assert (back.bed.mm_per_px, back.mm_low, back.mm_high) == (marked.bed.mm_per_px, marked.mm_low, marked.mm_high)
    assert (back.bed.mask((135, 240), FRAME) == mask).all()


@pytest.mark.parametrize(
    ("corners", "why"),
    [
        ([(100, 100), (900, 900), (900, 100), (100, 900)], "without crossing"),
        ([(100, 100), (900, 100), (500, 150), (100, 900)], "without crossing"),
        ([(100, 100), (2000, 100), (2000, 900), (100, 900)], "outside"),
        ([(100, 100), (120, 100), (120, 120), (100, 120)], "mm per pixel"),
    ],
)
def test_what_is_no_bed_is_refused(corners, why):
    with pytest.raises(BedError, match=why):
        mark_bed(corners, length_mm=12000, width_mm=2400, frame_size=FRAME)
