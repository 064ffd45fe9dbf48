"""How mills count whether a judgement is right, as it was seen at working sites.

A deduction fits where it is 0.5 to 1.5 times the other one or within 0.15 t of it; the main grade is right where its
name is the same and its share within 10 points; price errors are counted in classes. The deduction's rule is so wide
that saying the same of every load passes often: the errors themselves belong beside each of these.
"""

import math

SHARE_POINTS = 0.10
# Money a tonne, from and up to; the mills that count so pay in yuan.
PRICE_CLASSES = ((0.0, 30.0), (30.0, 50.0), (50.0, 100.0), (100.0, math.inf))
_FIT = (0.5, 1.5)
_FIT_KG = 150.0


def deduction_fits(ours_kg: float, theirs_kg: float) -> bool:
    """Whether a deduction counts as right beside another."""
    return abs(ours_kg - theirs_kg) <= _FIT_KG or _FIT[0] * theirs_kg <= ours_kg <= _FIT[1] * theirs_kg
