"""The model files of a site, and which of them looks now.

There is the file that is shipped or set, whatever lies in `models` of the data folder, and what was activated, which is
kept among the blobs: so every server of the site has it, and a backup too.
"""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.load_errors import ConflictError, UnknownLoadError
from loadlens.serving.records import model_looks
from loadlens.serving.settings import Settings
from loadlens.serving.store import journal
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.settings_tables import ModelActivation
from loadlens.serving.timed_model import TimedModel
from loadlens.vision.model import ModelError, ModelMetadata, SurfaceModel, installed_models, load_model, shipped_model
from loadlens.vision.succession import Verdict

FOLDER = "models"


@dataclass(frozen=True, slots=True)
class Known:
    """A model that may be activated: its digest, what it says of itself, and the file."""

    sha256: str
    metadata: ModelMetadata
    file: str


@dataclass(frozen=True, slots=True)
class Faulty:
    """A file that is no model, and why."""

    file: str
    why: str


class Models:
    """The models of one site. Every method may be called from any thread."""

    def __init__(self, settings: Settings, blobs: Blobs, brought: Path | None = None) -> None:
        """`brought` is one more file, wherever it lies."""
        self._brought = () if brought is None else (brought,)
        self._least = settings.model_trial_loads
        self._given = settings.model or shipped_model()
        self._folder = settings.data / FOLDER
        self._blobs = blobs
        self._tried: tuple[str, SurfaceModel] | None = None
        self._trying = threading.Lock()

    @property
    def given(self) -> str:
        """The digest of the file that is shipped or set; ModelError where it cannot be read."""
        return self.load(None).sha256

    def active(self, session: Session) -> str | None:
        """The digest of the model that was activated last; None where none was, and the shipped or set file looks."""
        newest = select(ModelActivation.sha256).order_by(ModelActivation.id.desc()).limit(1)
        return session.scalars(newest).first()

    def known(self) -> Iterator[Known | Faulty]:
        """Every model file, each digest once, beginning with the one that is shipped or set."""
        seen = set()
        for file in self._files():
            try:
                sha256, metadata = _read(file, file.stat().st_mtime_ns)
            except (ModelError, OSError) as error:
                yield Faulty(file.name, str(error))
                continue
            if sha256 not in seen:
                seen.add(sha256)
                yield Known(sha256, metadata, file.name)

    def load(self, sha256: str | None) -> SurfaceModel:
        """Load a model; None: the shipped or set file. Raises ModelError, UnknownLoadError where there is none such."""
        if sha256 is None:
            return load_model(self._given, kind=TimedModel)
        if (file := self._file_of(sha256)) is not None:
            return load_model(file, kind=TimedModel)
        if not self._blobs.exists(sha256):
            raise UnknownLoadError(
                f"there is no model of SHA-256 {sha256}; put its file into {FOLDER} of the data folder"
            )
        return TimedModel(self._blobs.get(sha256), name=f"model {sha256}")

    def try_out(self, sha256: str) -> SurfaceModel:
        """As `load`, for who looks at one load after another with it: the one that was asked for last is at hand."""
        with self._trying:
            if self._tried is None or self._tried[0] != sha256:
                self._tried = sha256, self.load(sha256)
            return self._tried[1]

    def about(self, sha256: str) -> ModelMetadata:
        """What a model says of itself; raises as `load` does."""
        known = (one.metadata for one in self.known() if isinstance(one, Known) and one.sha256 == sha256)
        return next(known, None) or self.load(sha256).metadata

    def verdict(self, session: Session, before: str, after: str) -> Verdict:
        """What the rule says of a model that is to follow another, by their digests; raises as `load` does."""
        first, second = ((sha256, self.about(sha256)) for sha256 in (before, after))
        return model_looks.verdict(session, first, second, least=self._least)

    def activate(
        self, session: Session, model: SurfaceModel, *, given: str, reason: str, despite: str | None, actor: str
    ) -> ModelActivation:
        """Let a loaded model look at every load that begins from now on, and keep its file.

        `given` is the digest of the model that looks where none was activated. On the way back to the model before, the
        rule is not asked; where it does not permit, `despite` says why it is to look all the same, else ConflictError
        is raised.
        """
        before = self.active(session) or given
        if before == model.sha256:
            raise ConflictError("this model looks already")
        newest = next(iter(activations(session)), None)
        goes_back = newest is not None and newest.before == model.sha256
        verdict = None if goes_back else self.verdict(session, before, model.sha256)
        permitted = verdict is None or verdict.permits
        if verdict is not None and not permitted and despite is None:
            against = "; ".join(one.why for one in verdict.reasons)
            raise ConflictError(
                f"the model may not take over: {against}. Let both models watch past loads, or say in `despite` why it "
                "is to look all the same, which goes on record"
            )
        about, file = model.metadata, self._file_of(model.sha256)
        if file is not None:
            self._blobs.put(file.read_bytes())
        activation = ModelActivation(
            sha256=model.sha256,
            name=about.name,
            version=about.version,
            before=before,
            reason=reason,
            actor=actor,
            verdict=None if verdict is None else canonical_json(asdict(verdict)),
            despite=None if permitted else despite,
        )
        session.add(activation)
        body = {"id": about.name, "version": about.version, "sha256": model.sha256, "permitted": permitted}
        journal.append(session, "model.activated", "model", body, actor, rows=[activation])
        return activation

    def _files(self) -> list[Path]:
        return [self._given, *installed_models(), *sorted(self._folder.glob("*.onnx")), *self._brought]

    def _file_of(self, sha256: str) -> Path | None:
        return next((file for file in self._files() if file.is_file() and digest(file) == sha256), None)


def activations(session: Session) -> list[ModelActivation]:
    """Every activation, newest first."""
    return list(session.scalars(select(ModelActivation).order_by(ModelActivation.id.desc())))


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    return _digest_of(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _digest_of(file: Path, _changed_ns: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@lru_cache(maxsize=64)
def _read(file: Path, _changed_ns: int) -> tuple[str, ModelMetadata]:
    model = load_model(file)
    return model.sha256, model.metadata
