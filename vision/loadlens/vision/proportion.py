"""A share of what was counted, with its interval: no rate is reported without one."""

import math

from loadlens.vision.metadata import Metric

Z95 = 1.96


def proportion(right: int, n: int) -> Metric:
    """A share of right answers with its 95 % Wilson interval (Wilson 1927). Raises ValueError for n = 0."""
    if n == 0:
        raise ValueError("a proportion of nothing: there is no sample")
    share = right / n
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    reach = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    return Metric(share, max(0.0, centre - reach), min(1.0, centre + reach), n)
