"""The tables of an archive: their columns and how rows are made. Masses are exact, in kilograms; times are UTC.

Shares are of visible bed area (0..1) unless called otherwise; seconds count from the start of the source.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loadlens.grading.observation import LayerObservation
from loadlens.grading.observation_json import from_json
from loadlens.grading.quantity import round_to
from loadlens.serving.evidence.bundle import named_frames
from loadlens.serving.store.tables import Assessment, Load

_TEXT, _SHARE, _SECONDS, _PERCENT = pa.string(), pa.float64(), pa.float64(), pa.float64()
_KG = pa.decimal128(15, 3)
_TIME = pa.timestamp("ms", tz="UTC")
_SHARES = pa.map_(_TEXT, _SHARE)
_GRAM = Decimal("0.001")

LOADS = pa.schema(
    {
        "load": _TEXT,
        "version": pa.int32(),
        "arrived_at": _TIME,
        "assessed_at": _TIME,
        "lane": _TEXT,
        "supplier": _TEXT,
        "declared": _TEXT,
        "standard": _TEXT,
        "standard_version": _TEXT,
        "model": _TEXT,
        "model_sha256": _TEXT,
        "grade": _TEXT,
        "decision": _TEXT,
        "hazards": pa.int32(),
        "net_kg": _KG,
        "deduction_kg": _KG,
        "deduction_kg_low": _KG,
        "deduction_kg_high": _KG,
        "deduction_percent": _PERCENT,
        "frames": pa.list_(_TEXT),
        "trace": _TEXT,
        "let_go": pa.bool_(),
        "observation": _TEXT,
        "inputs": _TEXT,
    }
)
LAYERS = pa.schema(
    {
        "load": _TEXT,
        "layer": pa.int32(),
        "start_s": _SECONDS,
        "end_s": _SECONDS,
        "key_frame_s": _SECONDS,
        "key_frame_sha256": _TEXT,
        "new_area": _SHARE,
        "visible": _SHARE,
        "forms": _SHARES,
        "contaminants": _SHARES,
        "unknown": _SHARE,
        "confidence": _SHARE,
        "mass_kg": _KG,
    }
)
# What a load comes to when it is graded again, and what another model saw of it where one looked; where it is refused,
# why, and nothing else.
GRADED = pa.schema(
    {
        "load": _TEXT,
        "layers": pa.int32(),
        "refused": _TEXT,
        "grade": _TEXT,
        "deduction_percent": _PERCENT,
        "percent_low": _PERCENT,
        "percent_high": _PERCENT,
        "deduction_kg": _KG,
        "decision": _TEXT,
        "report": _TEXT,
        "observation": _TEXT,
    }
)
# A load as it travels to who looks at it again: with its trace and its key frames by their digests, or why nobody can.
LOOKED_AT = pa.schema(
    {
        "load": _TEXT,
        "why": _TEXT,
        "observation": _TEXT,
        "inputs": _TEXT,
        "trace": pa.binary(),
        "pictures": pa.map_(_TEXT, pa.binary()),
    }
)


@dataclass(frozen=True, slots=True)
class Archived:
    """The rows of one load."""

    load: dict[str, Any]
    layers: list[dict[str, Any]]


def archived(load: Load, kept: Assessment, trace: str | None = None, *, let_go: bool = False) -> Archived:
    """A load with its newest assessment as rows. Raises ObservationJsonError, ValueError and KeyError.

    `trace` is the digest of what was watched of it, None where nothing was kept of that; `let_go` says that the site
    let go of its frames.
    """
    observation, report = from_json(kept.observation), json.loads(kept.report)
    truck, versions = report["truck"], report["versions"]
    deduction = truck["deduction"]
    row = {
        "load": load.id,
        "version": kept.version,
        "arrived_at": _moment(load.created_at),
        "assessed_at": _moment(kept.created_at),
        "lane": load.lane,
        "supplier": load.supplier,
        "declared": report["load"]["declared"],
        "standard": versions["standard"]["id"],
        "standard_version": versions["standard"]["version"],
        "model": f"{versions['model']['name']} {versions['model']['version']}",
        "model_sha256": versions["model"]["sha256"],
        "grade": truck["grade"],
        "decision": truck["decision"],
        "hazards": len(truck["hazards"]),
        "net_kg": exact_kg(truck["net_kg"]),
        "deduction_kg": exact_kg(deduction["kg"]),
        "deduction_kg_low": exact_kg(deduction["kg_low"]),
        "deduction_kg_high": exact_kg(deduction["kg_high"]),
        "deduction_percent": deduction["percent_of_net"],
        "frames": sorted(named_frames(report)),
        "trace": trace,
        "let_go": let_go,
        "observation": kept.observation,
        "inputs": kept.inputs,
    }
    return Archived(row, [_layer(load.id, layer) for layer in observation.layers])


def exact_kg(kg: float | None) -> Decimal | None:
    """A mass of a report, which is rounded to grams, as the decimal that it stands for."""
    return None if kg is None else round_to(Decimal(str(kg)), _GRAM)


def to_parquet(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> bytes:
    """A Parquet file; the same rows give the same bytes, by the same pyarrow."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink, compression="zstd")
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _layer(load: str, layer: LayerObservation) -> dict[str, Any]:
    named = {name: getattr(layer, name) for name in LAYERS.names if hasattr(layer, name)}
    shares = {name: sorted(named[name].items()) for name in ("forms", "contaminants")}
    mass = None if layer.mass_kg is None else round_to(layer.mass_kg, _GRAM)
    return {**named, **shares, "mass_kg": mass, "load": load, "layer": layer.index}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
