"""What a forked process of `loadlens` does: take the environment, the output and the arguments it was given, and run.

Run by path, with `arguments`, `environment`, `out` (a pipe) and `log` (a file) already set.
"""

import gc
import os
import sys
from pathlib import Path

from loadlens.serving.cli import main

# What was imported before the fork stays: no collection need look through it, or copy its pages by doing so.
gc.freeze()
given = globals()
os.environ.clear()
os.environ.update(given["environment"])
os.dup2(given["out"].fileno(), sys.stdout.fileno())
with Path(given["log"]).open("ab") as log:
    os.dup2(log.fileno(), sys.stderr.fileno())
sys.exit(main(given["arguments"]))
