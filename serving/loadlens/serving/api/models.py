"""The models that look: what each says of itself, the same past loads by each of them, and which looks from now on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from loadlens.serving.api.parts import Parts, actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.settings_shapes import ModelActivationShown, ModelList, ModelLookShown, ModelVerdict
from loadlens.serving.api.shapes import shaped
from loadlens.serving.api.withheld import check_seen
from loadlens.serving.evidence.retention import let_go_of
from loadlens.serving.load_errors import ConflictError, UnacceptableError
from loadlens.serving.models import FOLDER, Faulty, Known, activations
from loadlens.serving.records import assessments, comparison, loads, model_looks
from loadlens.serving.rewatching import by_machine_alone, watch_again
from loadlens.serving.store.settings_tables import ModelActivation
from loadlens.vision.model import ModelError, SurfaceModel

router = APIRouter(tags=["models"])

_DIGEST = r"^[0-9a-f]{64}$"


class NewModelActivation(BaseModel):
    """Which model looks at loads that begin to be watched from now on, and why; `despite` says why it is to look though
    the rule does not permit it."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern=_DIGEST)]
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    despite: Annotated[str | None, Field(min_length=1, max_length=1000)] = None


@router.get("/models", response_model=None, responses=answers() | shaped(ModelList))
def list_models(request: Request) -> dict[str, Any]:
    """Every model that may look, with its card: the shipped or set file, and those in `models` of the data folder; the
    files there that are none; and every activation, newest first. No model is active while one is being loaded."""
    parts = parts_of(request)
    now = parts.grader.model
    found = list(parts.models.known())
    known = [
        _card(one, is_active=now is not None and one.sha256 == now.sha256) for one in found if isinstance(one, Known)
    ]
    if now is not None and not any(one["is_active"] for one in known):
        # Activated here, and its file was taken away since: it is kept among the blobs.
        known.append(_card(Known(now.sha256, now.metadata, ""), is_active=True))
    with parts.loads.reading() as session:
        return {
            "models": sorted(known, key=lambda one: not one["is_active"]),
            "faulty": [{"file": one.file, "why": one.why} for one in found if isinstance(one, Faulty)],
            "folder": FOLDER,
            "activations": [_activation(one) for one in activations(session)],
        }


@router.post(
    "/models/activations",
    status_code=201,
    response_model=None,
    responses=answers(404, 409) | shaped(ModelActivationShown, 201),
)
def activate_model(request: Request, given: NewModelActivation) -> dict[str, Any]:
    """Let a model look at loads that begin to be watched from now on, where the verdict on it permits or somebody
    says why it is to look all the same. To roll back, activate the one before; nothing is asked of it."""
    parts = parts_of(request)
    now = _looking(parts)
    with _usable():
        model = parts.models.load(given.sha256)
        with parts.loads.writing() as session:
            row = parts.models.activate(
                session, model, given=now.sha256, reason=given.reason, despite=given.despite, actor=actor_of(request)
            )
            session.flush()
            shown = _activation(row)
    parts.grader.look_again()
    return shown


@router.put(
    "/models/{sha256}/loads/{load_id}", response_model=None, responses=answers(404, 409, 410) | shaped(ModelLookShown)
)
def look_at_load(request: Request, sha256: Annotated[str, Path(pattern=_DIGEST)], load_id: str) -> dict[str, Any]:
    """A past load watched once more by one model, without any person's correction, and what a person decided of it.
    Kept is what the verdict on a model asks for. It takes about as long as the load's frames took to grade."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        load = loads.find(session, load_id)
        check_seen(session, request, load_id)
        if assessments.newest(session, load_id) is None:
            raise ConflictError(f"load {load_id} is not graded yet")
        if let_go_of(session, load_id, "frames"):
            raise HTTPException(410, f"frames of load {load_id} were let go, as the settings of this site say")
    model = parts.models.try_out(sha256)
    began = time.monotonic()
    seen = watch_again(parts.loads, parts.beds, load, model)
    with parts.loads.writing() as session:
        assessed = by_machine_alone(session, parts.loads, load, seen)
        model_looks.keep(session, load_id, sha256, seen, assessed, actor=actor_of(request))
        decided = model_looks.decided_on(session, load_id)
        return {
            "load": load_id,
            "outcome": comparison.outcome(assessed),
            "layers": len(seen.layers),
            "hazards": sorted({hazard.class_id for hazard in seen.hazards}),
            "seconds": time.monotonic() - began,
            "decided": decided and asdict(decided),
        }


@router.get("/models/{sha256}/verdict", response_model=None, responses=answers(404, 409) | shaped(ModelVerdict))
def judge_model(request: Request, sha256: Annotated[str, Path(pattern=_DIGEST)]) -> dict[str, Any]:
    """Whether a model may take the place of the one that looks now, by a rule over the past loads that both have
    watched (`PUT /models/{sha256}/loads/{load_id}`) and over what they say of themselves."""
    parts = parts_of(request)
    now = _looking(parts)
    with _usable(), parts.loads.reading() as session:
        before = parts.models.active(session) or now.sha256
        said = parts.models.verdict(session, before, sha256)
    return {"before": before, "sha256": sha256, "permits": said.permits} | asdict(said)


def _looking(parts: Parts) -> SurfaceModel:
    if parts.grader.model is None:
        raise ConflictError(f"{parts.grader.problem}; wait until it looks, then come again")
    return parts.grader.model


@contextmanager
def _usable() -> Iterator[None]:
    """A file that is no model is refused."""
    try:
        yield
    except ModelError as error:
        raise UnacceptableError(str(error)) from None


def _card(one: Known, *, is_active: bool) -> dict[str, Any]:
    about = one.metadata
    metrics = {
        name: {"value": metric.value, "low": metric.low, "high": metric.high, "n": metric.n}
        for name, metric in about.metrics.items()
    }
    names = ("name", "version", "software", "trained_width", "stride", "data_digest", "config_digest")
    return {
        **{name: getattr(about, name) for name in names},
        "sha256": one.sha256,
        "file": one.file,
        "is_active": is_active,
        "classes": list(about.class_ids),
        "hazard_recall": dict(about.hazard_recall),
        "metrics": metrics,
    }


def _activation(row: ModelActivation) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ModelActivationShown.model_fields}
    return shown | {"verdict": row.verdict and json.loads(row.verdict)}
