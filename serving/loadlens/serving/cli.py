"""The command line. Exit codes: 0 done, 1 the job failed, 2 wrong use, 3 input unreadable or refused, 4 a hazard.

Commands import what they need when they run, so that `loadlens --help` answers at once.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from loadlens.serving.commands import (
    archive,
    camera,
    classify,
    data,
    demo,
    evidence,
    grade,
    keys,
    models,
    regrade,
    serve,
    settings,
    standards,
    ticket,
    training,
    users,
    waste,
    weighbridge,
)
from loadlens.serving.errors import CommandError

INTERRUPTED = 130

app = typer.Typer(
    name="loadlens",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Grades a load of scrap while it is unloaded.",
    epilog="Exit codes: 0 done, 1 the job failed, 2 wrong use, 3 input unreadable or refused, 4 a hazard was found.",
)
app.command()(grade.grade)
app.command()(classify.classify)
app.command()(demo.demo)
app.command()(serve.serve)
app.command()(settings.settings)
app.command()(camera.camera)
app.command()(weighbridge.weighbridge)
app.command()(archive.archive)
app.command()(regrade.regrade)
app.command()(ticket.ticket)
app.command()(evidence.verify)
app.command()(evidence.bundle)
app.command()(evidence.backup)
app.command()(evidence.restore)
app.command("rotate-key")(evidence.rotate_key)
app.command()(training.train)
app.command()(training.evaluate)
app.command()(training.export)
app.command()(training.quantize)
app.command()(training.compare)
app.add_typer(standards.app, name="standards")
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(waste.app, name="waste")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from (anywhere on the line).")
    ] = False,
) -> None:
    """Read by `main`, which takes --debug wherever it stands; declared here for --help."""
    del debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. `arguments` default to those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        code = app([word for word in given if word != "--debug"], prog_name="loadlens", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        _say(error.format_message(), debug)
        return error.exit_code
    except CommandError as error:
        _say(str(error), debug)
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        _say("interrupted", debug)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; Python must not complain of it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # the last place that can turn a failure into one line
        _say(f"{error or type(error).__name__} (--debug shows where)", debug)
        return 1
    return code if isinstance(code, int) else 0


def _say(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(f"loadlens: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
