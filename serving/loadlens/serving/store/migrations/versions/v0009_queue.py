"""The queue: the newest result of every load in columns, and who works on which load."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_AT_ONCE = 200
_MOST = 10**15


def upgrade() -> None:
    results = op.create_table(
        "load_results",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Boolean, nullable=False),
        sa.Column("rank", sa.Text, nullable=False),
        sa.Column("hazard", sa.Boolean, nullable=False),
        sa.Column("codes", sa.Text, nullable=False),
        sa.Column("stake_in", sa.Text, nullable=False),
        sa.Column("stake", sa.Text),
        sa.Column("at_most", sa.Boolean, nullable=False),
        sa.Column("price_per_tonne", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("grade", sa.Text),
        sa.Column("machine_grade", sa.Text),
        sa.Column("net_kg", sa.Text),
        sa.Column("kg", sa.Text),
        sa.Column("kg_low", sa.Text),
        sa.Column("kg_high", sa.Text),
        sa.Column("percent", sa.Text),
        sa.Column("percent_low", sa.Text),
        sa.Column("percent_high", sa.Text),
        sa.Column("machine_percent", sa.Text),
        sa.Column("coverage", sa.Double),
    )
    op.create_index("load_results_by_rank", "load_results", ["waiting", "rank"])
    op.create_table(
        "claims",
        sa.Column("load_id", sa.Text, sa.ForeignKey("loads.id"), primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    last = connection.execute(sa.text("SELECT max(id) FROM loads")).scalar()
    after = ""
    while last is not None and after < last:
        rows = list(_results(connection, after))
        connection.execute(results.insert(), rows) if rows else None
        after = rows[-1]["load_id"] if rows else last


def _results(connection: sa.Connection, after: str) -> Iterator[dict[str, Any]]:
    """The results of some loads behind one. Their price is not known here: they rank by kilograms, and say so."""
    some = "SELECT DISTINCT load_id FROM assessments WHERE load_id > :after ORDER BY load_id LIMIT :at_once"
    found = connection.execute(
        sa.text(
            "SELECT a.load_id, a.version, a.report, a.inputs, l.status, l.created_at FROM assessments a "
            f"JOIN loads l ON l.id = a.load_id WHERE a.load_id IN ({some}) ORDER BY a.load_id, a.version"
        ),
        {"after": after, "at_once": _AT_ONCE},
    )
    for _, versions in groupby(found, lambda row: row.load_id):
        yield _result(list(versions))


def _result(versions: list[Any]) -> dict[str, Any]:
    newest, truck = versions[-1], json.loads(versions[-1].report)["truck"]
    seen = [row for row in versions if not (json.loads(row.inputs or "{}").get("correction"))]
    machine = json.loads(seen[-1].report)["truck"] if seen else {}
    deduction, flags = truck.get("deduction", {}), truck.get("flags", [])
    hazard = any(flag["level"] == "stop" for flag in flags)
    figures = {name: _text(deduction.get(name)) for name in ("kg", "kg_low", "kg_high", "percent_low", "percent_high")}
    stake_in, stake, scaled = _stake(deduction)
    order = ("unknown", "money", "kg", "percent").index(stake_in)
    return {
        "load_id": newest.load_id,
        "version": newest.version,
        "waiting": newest.status == "flagged",
        "rank": f"{int(not hazard)}{order}|{_MOST - scaled:016}|{newest.created_at}|{newest.load_id}",
        "hazard": hazard,
        "codes": "".join(f",{flag['code']}" for flag in flags if flag["level"] != "info") + ",",
        "stake_in": stake_in,
        "stake": stake,
        "at_most": False,
        "price_per_tonne": None,
        "currency": None,
        "grade": truck.get("grade"),
        "machine_grade": machine.get("grade"),
        "net_kg": _text(truck.get("net_kg")),
        **figures,
        "percent": _text(deduction.get("percent_of_net")),
        "machine_percent": _text(machine.get("deduction", {}).get("percent_of_net")),
        "coverage": json.loads(newest.report).get("load", {}).get("coverage"),
    }


def _stake(deduction: dict[str, Any]) -> tuple[str, str | None, int]:
    """What the width of the interval is told in, the width, and the same as a whole number to sort by."""
    for name, low, high, digits in (("kg", "kg_low", "kg_high", 3), ("percent", "percent_low", "percent_high", 4)):
        if deduction.get(low) is not None and deduction.get(high) is not None:
            width = round(deduction[high] - deduction[low], digits)
            return name, f"{width:.{digits}f}", min(round(width * 10**digits), _MOST)
    return "unknown", None, 0


def _text(figure: float | None) -> str | None:
    return None if figure is None else str(figure)
