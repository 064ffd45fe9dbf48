"""What several commands let their user choose."""

from pathlib import Path
from typing import Annotated

import typer

from loadlens.grading.standard import Standard, StandardError, load_standard
from loadlens.serving.errors import RefusedError, WrongUseError

ModelPath = Annotated[Path | None, typer.Option("--model", help="A model file; default: the one that is shipped.")]


def find_standard(ref: str) -> Standard:
    """A standard by id or path. An unknown id is wrong use; a file with faults is refused."""
    try:
        return load_standard(ref)
    except StandardError as error:
        kind = RefusedError if ref.endswith(".toml") else WrongUseError
        raise kind(str(error)) from error
