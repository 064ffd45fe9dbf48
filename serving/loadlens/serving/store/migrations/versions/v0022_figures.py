"""What the figures of a yard count, in columns of each load's result: read from its assessments, as far as they
tell."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_AT_ONCE = 200


def upgrade() -> None:
    for name in ("machine_price_per_tonne", "model"):
        op.add_column("load_results", sa.Column(name, sa.Text))
    for name in ("grade_share", "machine_grade_share", "unknown", "confidence"):
        op.add_column("load_results", sa.Column(name, sa.Double))
    op.add_column("load_results", sa.Column("forms", sa.Text, nullable=False, server_default="{}"))
    op.add_column("load_results", sa.Column("cameras", sa.Text, nullable=False, server_default="[]"))
    connection = op.get_bind()
    names = ("grade_share", "machine_grade_share", "unknown", "confidence", "model", "forms", "cameras")
    change = sa.text(
        f"UPDATE load_results SET {', '.join(f'{name} = :{name}' for name in names)}, machine_price_per_tonne = "
        # What the machine would have paid is known only where it is what stands.
        "CASE WHEN :is_machines = 1 THEN price_per_tonne END WHERE load_id = :load_id"
    )
    last = connection.execute(sa.text("SELECT max(load_id) FROM load_results")).scalar()
    after = ""
    while last is not None and after < last:
        rows = list(_results(connection, after))
        connection.execute(change, rows) if rows else None
        after = rows[-1]["load_id"] if rows else last


def _results(connection: sa.Connection, after: str) -> Iterator[dict[str, Any]]:
    some = "SELECT load_id FROM load_results WHERE load_id > :after ORDER BY load_id LIMIT :at_once"
    given = {"after": after, "at_once": _AT_ONCE}
    cameras: dict[str, list[str]] = {}
    seen = f"SELECT DISTINCT load_id, camera FROM load_frames WHERE load_id IN ({some}) ORDER BY load_id, camera"
    for row in connection.execute(sa.text(seen), given):
        cameras.setdefault(row.load_id, []).append(row.camera)
    found = connection.execute(
        sa.text(f"SELECT load_id, report, inputs FROM assessments WHERE load_id IN ({some}) ORDER BY load_id, version"),
        given,
    )
    for load_id, versions in groupby(found, lambda row: row.load_id):
        yield {"load_id": load_id, "cameras": json.dumps(cameras.get(load_id, [])), **_result(list(versions))}


def _result(versions: list[Any]) -> dict[str, Any]:
    seen = [row for row in versions if not json.loads(row.inputs or "{}").get("correction")]
    newest, machine = json.loads(versions[-1].report), json.loads((seen or versions)[-1].report)
    truck, model = machine["truck"], machine.get("versions", {}).get("model")
    return {
        "grade_share": _share(newest["truck"]),
        "machine_grade_share": _share(truck),
        "unknown": truck.get("unknown"),
        "confidence": truck.get("confidence"),
        "model": model and f"{model['name']} {model['version']}",
        "forms": json.dumps(truck.get("forms", {})),
        "is_machines": int(bool(seen) and seen[-1] is versions[-1]),
    }


def _share(truck: dict[str, Any]) -> float | None:
    share: float | None = truck.get("grades", {}).get(truck.get("grade"))
    return share
