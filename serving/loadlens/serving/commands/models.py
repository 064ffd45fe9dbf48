"""`loadlens models`: which models are installed, and whether a file is one."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.serving.errors import RefusedError, told_plainly

app = typer.Typer(rich_markup_mode=None, help="The models that look.")


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
