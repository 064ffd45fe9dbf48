"""Learning from tickets: layers are the instances, a truck is the bag, and only the bag has a label.

The estimate is linear in what is learned but for the trend over depth, which is one number:

    deduction = unseen + sum over contaminants of factor x (sum over layers of weight x mass share seen)

so a fit is a few non-negative least squares over a grid of trends. Tickets are weighed by how far they may be off,
which grows with the dirt that is judged, and by Huber's rule, because an inspector may slip. The prior (factors 1,
nothing unseen, no trend) is what is assumed without tickets; it stands beside the tickets as rows of its own, with the
standard deviations of the recipe, so that few tickets move little.

Where the standard allows some inclusions, a ticket without deduction says only that there were no more than that: it
pulls an estimate down to the allowance and no further.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation import LoadObservation
from loadlens.grading.standard import Standard
from loadlens.vision.uncertainty import conformal_quantile

Rows = NDArray[np.float64]
_TRENDS = np.linspace(-1.5, 1.5, 13)
_ROUNDS = 30
_SETTLED = 1e-6
_HUBER = 1.345  # Huber 1964: 95 % as good as least squares where errors are normal
_LEAST_SD = 5e-4
# Half of the 0.2 to 0.3 points of the net that the law lets a truck scale be off in use (OIML R76).
_SCALE_SD = 1e-3


@dataclass(frozen=True, slots=True)
class SiteRecipe:
    """How a site's tickets are fitted; `recipes/site.toml` explains every key."""

    site: str
    standard: str
    level: float
    folds: int
    seed: int
    factor_sd: float
    class_sd: float
    unseen_percent_sd: float
    depth_sd: float
    relative_sd: float

    def __post_init__(self) -> None:
        sds = (self.factor_sd, self.class_sd, self.unseen_percent_sd, self.depth_sd, self.relative_sd)
        if min(sds) <= 0:
            raise ValueError(f"site recipe {self.site}: every *_sd should be above zero")
        if not 0 < self.level < 1 or self.folds < 2:
            raise ValueError(f"site recipe {self.site}: level should be between 0 and 1, folds at least 2")


@dataclass(frozen=True, slots=True)
class Bags:
    """The loads of a fit as numbers; n loads, L the most layers of one, C contaminants.

    `weight` [n, L] is each layer's part of its truck (0 for layers that are not there), `place` [n, L] runs from -1/2
    to 1/2 over them, `mass` [n, L, C] is the share of the layer's mass seen, `label` [n] the ticket's deduction (0..1),
    `allowed` [n] the share of inclusions up to which nothing is deducted, `excess` whether only what is above it is.
    """

    classes: tuple[str, ...]
    weight: Rows
    place: Rows
    mass: Rows
    label: Rows
    allowed: Rows
    excess: bool

    def of(self, which: NDArray[np.int64]) -> "Bags":
        """Some of the loads."""
        rows = (self.weight[which], self.place[which], self.mass[which], self.label[which], self.allowed[which])
        return Bags(self.classes, *rows, self.excess)

    def seen(self, trend: float) -> Rows:
        """Mass share of every contaminant in the truck, [n, C], with layers tilted by the trend."""
        tilted = self.weight * np.exp(trend * self.place)
        return np.asarray(np.einsum("nl,nlc->nc", tilted / tilted.sum(axis=1, keepdims=True), self.mass))

    def target(self, estimate: Rows) -> Rows:
        """What the tickets say of the inclusions, given what is estimated of them (which only matters under 0 kg)."""
        said = self.label + (self.allowed if self.excess else 0.0)
        return np.where(self.label > 0, said, np.minimum(estimate, self.allowed))

    def deducted(self, inclusions: Rows) -> Rows:
        """What the standard's tolerance takes off for inclusions; all shares of the net [n]."""
        if self.excess:
            return np.maximum(0.0, inclusions - self.allowed)
        return np.where(inclusions > self.allowed, inclusions, 0.0)


def make_bags(pairs: Sequence[tuple[float, LoadObservation]], standard: Standard) -> Bags:
    """Bags of (deduction as a share of the net, what was seen of the load)."""
    classes = tuple(sorted(name for name, about in pairs[0][1].classes.items() if about.kind == "contaminant"))
    assessed = [assess_load(seen, standard) for _, seen in pairs]
    most = max(len(one.composition.layers) for one in assessed)
    weight, place = np.zeros((len(pairs), most)), np.zeros((len(pairs), most))
    mass = np.zeros((len(pairs), most, len(classes)))
    allowed = np.zeros(len(pairs))
    for row, one in enumerate(assessed):
        layers = sorted(one.composition.layers, key=lambda layer: (layer.seen.start_s, layer.seen.index))
        for column, layer in enumerate(layers):
            weight[row, column] = layer.weight
            place[row, column] = column / (len(layers) - 1) - 0.5 if len(layers) > 1 else 0.0
            mass[row, column] = [layer.mass.get(name, 0.0) for name in classes]
        limit = one.deduction.tolerated.limit
        if standard.rules.tolerance != "deduct_all" and limit is not None and standard.decides(limit):
            allowed[row] = limit.share
    label = np.array([share for share, _ in pairs])
    return Bags(classes, weight, place, mass, label, allowed, standard.rules.tolerance == "excess_only")


@dataclass(frozen=True, slots=True)
class Fit:
    """What tickets taught: `factor` [C] in the order of the bags' classes, `unseen` a share of the net, the trend."""

    factor: Rows
    unseen: float
    trend: float

    def estimate(self, bags: Bags) -> Rows:
        """The inclusions of every load, shares of the net [n]."""
        return np.asarray(np.minimum(1.0, self.unseen + bags.seen(self.trend) @ self.factor))


def uncalibrated(bags: Bags) -> Fit:
    """What is assumed without tickets."""
    return Fit(np.ones(len(bags.classes)), 0.0, 0.0)


def fit_bags(bags: Bags, recipe: SiteRecipe) -> Fit:
    """The most likely factors, unseen share and trend, given the tickets and the prior."""
    prior, assumed = _prior(len(bags.classes), recipe)
    noise = _noise(bags, uncalibrated(bags), recipe)
    for _ in range(2):  # the noise is that around a fit, which needs a noise to be made
        flat, _ = _solve(bags, 0.0, noise, prior, assumed)
        noise = _noise(bags, flat, recipe)
    tried = [_solve(bags, float(trend), noise, prior, assumed) for trend in _TRENDS]
    costs = [cost + (fit.trend / recipe.depth_sd) ** 2 / 2 for fit, cost in tried]
    return tried[int(np.argmin(costs))][0]


def _prior(count: int, recipe: SiteRecipe) -> tuple[Rows, Rows]:
    """Rows of the prior over [factors, unseen share] and what they should come to, in standard deviations."""
    mean = np.full((1, count), 1 / count)
    apart = (np.eye(count) - mean) / recipe.class_sd
    rows = np.zeros((count + 2, count + 1))
    rows[:count, :count] = apart
    rows[count, :count] = mean / recipe.factor_sd
    rows[count + 1, count] = 1 / (recipe.unseen_percent_sd / 100)
    assumed = np.zeros(count + 2)
    assumed[count] = 1 / recipe.factor_sd
    return rows, assumed


def _noise(bags: Bags, fit: Fit, recipe: SiteRecipe) -> Rows:
    """How far every ticket may be off, [n]: as the scale, and by a part of the dirt, times what they prove to be."""
    estimate = fit.estimate(bags)
    shape = np.hypot(_SCALE_SD, recipe.relative_sd * estimate)
    return np.asarray(shape * _spread((bags.target(estimate) - estimate) / shape, least=0.1))


def _solve(bags: Bags, trend: float, noise: Rows, prior: Rows, assumed: Rows) -> tuple[Fit, float]:
    """The fit of one trend and its cost (minus log of what is likely), by reweighted non-negative least squares.

    `noise` [n] is the standard deviation of every ticket.
    """
    columns = np.hstack([bags.seen(trend), np.ones((len(bags.label), 1))])
    learned = np.append(np.ones(len(bags.classes)), 0.0)
    for _ in range(_ROUNDS):
        estimate = columns @ learned
        target = bags.target(estimate)
        off = np.abs(target - estimate) / noise
        root = np.sqrt(np.minimum(1.0, _HUBER / np.maximum(off, 1e-9))) / noise
        rows = np.vstack([columns * root[:, None], prior])
        wanted = np.concatenate([target * root, assumed])
        before, learned = learned, _not_negative(rows, wanted)
        if np.abs(learned - before).max() < _SETTLED:
            break
    off = np.abs(bags.target(columns @ learned) - columns @ learned) / noise
    cost = np.where(off <= _HUBER, off**2 / 2, _HUBER * off - _HUBER**2 / 2).sum()
    cost += ((prior @ learned - assumed) ** 2).sum() / 2
    return Fit(np.asarray(learned[:-1]), float(learned[-1]), trend), float(cost)


def _not_negative(rows: Rows, wanted: Rows) -> Rows:
    """Non-negative least squares; mostly it is enough, and far cheaper, to hold at zero what came out negative."""
    gram, moment = rows.T @ rows, rows.T @ wanted
    learned = np.linalg.solve(gram, moment)
    free = learned >= 0
    if not free.all():
        learned = np.zeros_like(learned)
        learned[free] = np.linalg.solve(gram[np.ix_(free, free)], moment[free])
    # What is held at zero must not want to rise: then this is the minimum (Karush, Kuhn and Tucker).
    if (learned >= 0).all() and ((moment - gram @ learned)[~free] <= 0).all():
        return np.asarray(learned)
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415 (it takes seconds to load)

    return np.asarray(LinearRegression(fit_intercept=False, positive=True).fit(rows, wanted).coef_)


def _spread(errors: Rows, least: float) -> float:
    """The standard deviation that a few wild errors do not move, from the median of their sizes; not under `least`.

    Errors of exactly zero are tickets of 0 kg that an estimate under the allowance agrees with: they tell no size.
    """
    sizes = np.abs(errors[errors != 0])
    return max(least, 1.4826 * float(np.median(sizes))) if len(sizes) else least


@dataclass(frozen=True, slots=True)
class Interval:
    """How far tickets lie from estimates that were not fitted on them; as in SiteCalibration."""

    unseen_sd: float
    relative_sd: float
    level: float
    low_quantile: float
    high_quantile: float

    def ends(self, fit: Fit, bags: Bags) -> tuple[Rows, Rows]:
        """The interval of every load's inclusions, shares of the net."""
        return self.around(fit.estimate(bags), _sigma(fit, bags, self.unseen_sd, self.relative_sd))

    def around(self, middle: Rows, sigma: Rows) -> tuple[Rows, Rows]:
        """The interval around estimates [n] of the inclusions that are off by about `sigma` [n]."""
        low = np.minimum(middle, np.maximum(0.0, middle + sigma * self.low_quantile))
        return low, np.maximum(middle, np.minimum(1.0, middle + sigma * self.high_quantile))


@dataclass(frozen=True, slots=True)
class Learned:
    """The fit on all tickets, its interval, and inclusions [n] with their ends by fits that had not seen the load."""

    fit: Fit
    interval: Interval
    unseen_estimate: Rows
    unseen_ends: tuple[Rows, Rows]


def learn(bags: Bags, recipe: SiteRecipe) -> Learned:
    """Fit all tickets, and cross-fit them: estimates by the other folds, and the conformal interval around those.

    Raises ValueError where there are too few tickets for an interval at the level of the recipe.
    """
    count = len(bags.label)
    fold = np.random.default_rng(recipe.seed).permutation(count) % min(recipe.folds, count)
    estimate, by_class = np.zeros(count), np.zeros(count)
    for number in np.unique(fold):
        held, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        fit = fit_bags(bags.of(others), recipe)
        estimate[held] = fit.estimate(bags.of(held))
        by_class[held] = _sigma(fit, bags.of(held), 0.0, recipe.relative_sd)
    off = bags.target(estimate) - estimate
    unseen_sd = _spread(off, least=_LEAST_SD)
    sigma = np.hypot(unseen_sd, by_class)
    scores = off / sigma
    one_side = 1 - (1 - recipe.level) / 2
    low, high = -conformal_quantile(-scores, one_side), conformal_quantile(scores, one_side)
    if not np.isfinite([low, high]).all():
        least = int(np.ceil(one_side / (1 - one_side) - 1e-9))
        raise ValueError(
            f"{count} tickets with an observed load are too few for an interval at {recipe.level:.0%}; "
            f"it takes at least {least}"
        )
    interval = Interval(unseen_sd, recipe.relative_sd, recipe.level, low, high)
    return Learned(fit_bags(bags, recipe), interval, estimate, interval.around(estimate, sigma))


def _sigma(fit: Fit, bags: Bags, unseen_sd: float, relative_sd: float) -> Rows:
    shares = relative_sd * bags.seen(fit.trend) * fit.factor
    return np.asarray(np.hypot(unseen_sd, np.sqrt(np.square(shares).sum(axis=1))))
