"""`loadlens waste demo`: a week of a plant's waste, its sensors and its ledger."""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="A new folder for the ledger and what happened.")] = Path("waste-demo"),
    days: Annotated[int, typer.Option(min=1, max=31, help="How many days; they end now.")] = 7,
    every: Annotated[int, typer.Option(min=1, max=3, metavar="HOURS", help="How often each sensor speaks.")] = 2,
) -> None:
    """Twelve rooms, thirty wastes, sensors over a real Mosquitto that fails; the ledger goes out and comes back."""
    from loadlens.serving.waste_demo import run_waste_demo  # noqa: PLC0415

    # That the broker goes is part of the demo.
    logging.getLogger("loadlens.weighbridge").setLevel(logging.ERROR)
    told = run_waste_demo(out, days, every)
    print(json.dumps(told, indent=2, ensure_ascii=False))
    print(out)
