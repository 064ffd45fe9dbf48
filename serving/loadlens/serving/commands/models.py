"""`loadlens models`: which models are installed, whether a file is one, and which looks at a site from now on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.keys import operator
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import RefusedError, WrongUseError, told_plainly

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from loadlens.serving.models import Models

app = typer.Typer(rich_markup_mode=None, help="The models that look.")

BY_COMMAND = "from the command line"
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@app.command("list")
def list_() -> None:
    """List the models that are installed."""
    with told_plainly():
        from loadlens.vision.model import installed_models  # noqa: PLC0415

        paths = installed_models()
        if not paths:
            raise RefusedError("no model is installed; give one with --model, made by `loadlens export`")
        for path in paths:
            print(_described(path))


@app.command()
def verify(
    path: Annotated[Path | None, typer.Argument(help="A model file; default: the one that is shipped.")] = None,
) -> None:
    """Load a model as grading does, run it once, and show what it says of itself."""
    with told_plainly():
        print(_described(path))


@app.command()
def activate(
    model: Annotated[
        str, typer.Argument(metavar="FILE|DIGEST", help="A model file, or the SHA-256 of one of the site.")
    ],
    *,
    reason: Reason = BY_COMMAND,
    despite: Annotated[str | None, typer.Option(help="Why it is to look though the rule does not permit it.")] = None,
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Let a model look at loads that begin from now on; a running server takes it up by itself."""
    from loadlens.serving.models import digest  # noqa: PLC0415

    file = Path(model) if Path(model).is_file() else None
    if file is None and not re.fullmatch("[0-9a-f]{64}", model):
        raise WrongUseError(f"{model}: neither a file nor a SHA-256 of 64 digits")
    with _models_of(settings_file, data, file) as (models, engine):
        _let_look(models, engine, digest(file) if file else model, reason, despite or None)


@app.command()
def rollback(*, reason: Reason = BY_COMMAND, settings_file: SettingsFile = None, data: Data = None) -> None:
    """Let the model before the newest activation look again; nothing is asked of it."""
    from loadlens.serving.models import activations  # noqa: PLC0415
    from loadlens.serving.store.database import read_session  # noqa: PLC0415

    with _models_of(settings_file, data) as (models, engine):
        with read_session(engine) as session:
            newest = next(iter(activations(session)), None)
        if newest is None:
            raise RefusedError("no model was activated here; there is none to go back to")
        _let_look(models, engine, newest.before, reason, None)


@contextmanager
def _models_of(
    settings_file: Path | None, data: Path | None, brought: Path | None = None
) -> Iterator[tuple["Models", "Engine"]]:
    """The models of a site and its records."""
    from loadlens.serving.load_errors import LoadError  # noqa: PLC0415
    from loadlens.serving.models import Models  # noqa: PLC0415
    from loadlens.serving.seal import open_seal  # noqa: PLC0415
    from loadlens.serving.store.journal import sealed  # noqa: PLC0415

    with told_plainly(), site_of(settings_file, data, is_new=True) as (settings, engine, blobs):
        try:
            yield Models(settings, blobs, brought), sealed(engine, open_seal(settings))
        except LoadError as error:
            raise RefusedError(str(error)) from error


def _let_look(models: "Models", engine: "Engine", sha256: str, reason: str, despite: str | None) -> None:
    from loadlens.serving.store.database import write_session  # noqa: PLC0415

    model = models.load(sha256)
    with write_session(engine) as session:
        models.activate(session, model, given=models.given, reason=reason, despite=despite, actor=operator())
    about = model.metadata
    print(f"{about.name} {about.version} looks at loads that begin from now on ({sha256})")


def _described(path: Path | None) -> str:
    from loadlens.vision.model import load_model  # noqa: PLC0415

    model = load_model(path)
    about = model.metadata
    lines = [
        f"{about.name} {about.version}",
        f"  sha256     {model.sha256}",
        f"  classes    {len(about.class_ids)}: {', '.join(about.class_ids)}",
        f"  trained on {about.data_digest[:16]} with {about.config_digest[:16]}, LoadLens {about.software}",
    ]
    for name, recall in about.hazard_recall.items():
        lines.append(f"  finds {recall:.0%} of held-out {name.replace('_', ' ')}s")
    for name, metric in about.metrics.items():
        lines.append(f"  {name}: {metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g}, n = {metric.n})")
    return "\n".join(lines)
