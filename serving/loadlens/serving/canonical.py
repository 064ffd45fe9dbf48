"""Canonical JSON: what is hashed, signed and compared."""

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Keys sorted, no spaces, so that equal values are equal bytes. Raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
