"""What the answers look like that the console's pages of settings read."""

from typing import Literal

from loadlens.serving.access.caller import Role
from loadlens.serving.api.shape import Shape
from loadlens.serving.api.shapes import Names


class FaultShown(Shape):
    """One fault of a standard's file: its line (from 1), the key it is about, what is wrong and what to do."""

    line: int
    where: str
    problem: str
    remedy: str


class PriceShown(Shape):
    """A grade and its price per tonne as decimal text; None where it has none."""

    code: str
    name: Names
    price_per_tonne: str | None


class FileShown(Shape):
    """What a file without a fault says of itself."""

    id: str
    version: str
    title: Names
    sha256: str
    currency: str
    prices: list[PriceShown]


class StandardCheck(Shape):
    """Every fault of a file; `file` None where there is one."""

    faults: list[FaultShown]
    file: FileShown | None


class StandardText(Shape):
    """The text of a standard's file."""

    text: str


class EditionShown(Shape):
    """An edition of a standard that somebody saved."""

    sha256: str
    standard: str
    version: str
    actor: str
    at: str


class ActivationShown(Shape):
    """From `since` on, arriving loads of a standard are graded by an edition; `sha256` None: as shipped or set."""

    id: int
    standard: str
    sha256: str | None
    since: str
    is_default: bool
    reason: str
    actor: str
    at: str


class EditionList(Shape):
    """Editions and activations, newest first."""

    editions: list[EditionShown]
    activations: list[ActivationShown]


class Outcome(Shape):
    """What a load comes to by one standard; `amount` None where that has no price for it."""

    grade: str | None
    decision: Literal["accept", "review", "stop"]
    deduction_percent: float
    deduction_kg: float | None
    amount: str | None
    currency: str | None


class ComparedLoad(Shape):
    """A load that another standard would change; `after` None where it cannot judge the load, and `why`."""

    load: str
    created_at: str
    before: Outcome
    after: Outcome | None
    why: str


class StandardComparison(Shape):
    """How many past loads were judged again, and those that would be another."""

    compared: int
    changed: list[ComparedLoad]


class BedScale(Shape):
    """Millimetres per pixel of a marked bed: the mean over its area, and the least and most along its sides."""

    mm_per_px: float
    mm_low: float
    mm_high: float


class BedShown(BedScale):
    """A bed as it was marked: corners in pixels of a frame of `width` x `height`."""

    corners: list[tuple[float, float]]
    length_mm: int
    width_mm: int
    width: int
    height: int
    actor: str
    at: str


class BedNow(Shape):
    """The bed of a camera that was marked last; None where nobody has."""

    bed: BedShown | None


class MetricShown(Shape):
    """A held-out figure with the ends of its interval and the number of samples behind it."""

    value: float
    low: float
    high: float
    n: int


class ModelCard(Shape):
    """What a model says of itself. `file` is empty where it is kept by its digest alone."""

    name: str
    version: str
    sha256: str
    file: str
    is_active: bool
    software: str
    trained_width: int
    stride: int
    data_digest: str
    config_digest: str
    classes: list[str]
    hazard_recall: dict[str, float]
    metrics: dict[str, MetricShown]


class FaultyModel(Shape):
    """A file that is no model, and why."""

    file: str
    why: str


class VerdictReason(Shape):
    """Why a model may not take over: a code, and a sentence."""

    code: str
    why: str


class VerdictShown(Shape):
    """What the rule said of a model after `loads` past loads that both had watched, of which it asks for `least`;
    without a reason against it the model may take over."""

    loads: int
    least: int
    reasons: list[VerdictReason]


class ModelVerdict(VerdictShown):
    """Whether a model may take the place of the one that looks now, `before`."""

    before: str
    sha256: str
    permits: bool


class ModelActivationShown(Shape):
    """From `at` on a model looks at loads that begin; `before` looked until then. `verdict` is None for the way back;
    `despite` says why the model was let look though the verdict did not permit it."""

    id: int
    sha256: str
    name: str
    version: str
    before: str
    reason: str
    verdict: VerdictShown | None
    despite: str | None
    actor: str
    at: str


class ModelList(Shape):
    """Models, the active one first; files that are none; activations, newest first."""

    models: list[ModelCard]
    faulty: list[FaultyModel]
    folder: str
    activations: list[ModelActivationShown]


class Decided(Shape):
    """What a person left a load with. Who accepted had seen the machine's figures."""

    grade: str | None
    deduction_percent: float
    by: str


class ModelLookShown(Shape):
    """What a model makes of a past load, and what a person decided; `seconds` is how long the watching took."""

    load: str
    outcome: Outcome
    layers: int
    hazards: list[str]
    seconds: float
    decided: Decided | None


class KeyShown(Shape):
    """A machine's key, never its secret part."""

    id: str
    name: str
    role: Role
    lane: str | None
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str | None


class KeyMade(KeyShown):
    """A new key with its secret part, which is shown here and nowhere else."""

    key: str


class KeyList(Shape):
    """Every key that was ever made, oldest first."""

    keys: list[KeyShown]


class UserShown(Shape):
    """A person. `identity` is what another service calls them; None where they have a password of ours."""

    name: str
    role: Role
    is_active: bool
    has_password: bool
    identity: str | None
    created_at: str


class UserList(Shape):
    """Every person by name."""

    users: list[UserShown]


class WaysIn(Shape):
    """How people can log in."""

    oidc: bool
