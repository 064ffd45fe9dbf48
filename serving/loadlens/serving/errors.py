"""How the command line ends when it cannot do its work: the exit code and the one line that a user reads.

CommandError          1, the job failed
├── WrongUseError     2, the command was used in a wrong way
└── RefusedError      3, an input is unreadable or was refused
"""

from collections.abc import Iterator
from contextlib import contextmanager


class CommandError(Exception):
    """The job failed; the message is what the user reads."""

    exit_code = 1


class WrongUseError(CommandError):
    """The command was used in a wrong way."""

    exit_code = 2


class RefusedError(CommandError):
    """An input is unreadable or was refused."""

    exit_code = 3


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what the rooms below raise about inputs and figures into errors of the command line."""
    # Imported here, because the command line starts without the libraries that these rooms need.
    from loadlens.grading.calibration import CalibrationError  # noqa: PLC0415
    from loadlens.grading.quantity import QuantityError  # noqa: PLC0415
    from loadlens.grading.weighing import WeightsError  # noqa: PLC0415
    from loadlens.vision.bed import BedError  # noqa: PLC0415
    from loadlens.vision.frame import SourceError  # noqa: PLC0415
    from loadlens.vision.model import ModelError  # noqa: PLC0415

    try:
        yield
    except (SourceError, ModelError, CalibrationError) as error:
        raise RefusedError(str(error)) from error
    except (QuantityError, WeightsError, BedError) as error:
        raise WrongUseError(str(error)) from error


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra is not installed where a library of it is imported. Raises CommandError."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("loadlens"):
            raise
        raise CommandError(f"this needs the extra `{name}`: pip install 'loadlens[{name}]'") from error
