"""What the labels of somebody else's pictures mean in our classes: a table that a person writes, never a guess."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from loadlens.datasets.errors import DataError
from loadlens.datasets.samples import Sample
from loadlens.vision.taxonomy import load_taxonomy


@dataclass(frozen=True, slots=True)
class Mapped:
    """Samples with labels of our taxonomy, and how many pictures were left out since no label of theirs is one."""

    samples: list[Sample]
    left_out: int


def load_classes(path: Path) -> dict[str, str]:
    """The table [classes] of a TOML file: their label = our class id, or "" to leave the label out.

    Raises DataError for another file, or a class that the taxonomy does not have.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise DataError(path, f"cannot be read ({fault.strerror}); write it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise DataError(path, f"not TOML ({fault}); put names with spaces into quotes") from None
    table = content.get("classes")
    if set(content) != {"classes"} or not isinstance(table, dict):
        raise DataError(path, 'write one table [classes] with lines such as "HMS 1" = "hms_1"')
    for name, meant in table.items():
        _check(path, name, meant)
    return table


def _check(path: Path, name: str, meant: Any) -> None:
    if not isinstance(meant, str) or (meant and meant not in load_taxonomy()):
        near = get_close_matches(str(meant), list(load_taxonomy()), n=3)
        hint = f"perhaps {', '.join(near)}" if near else f"there are {', '.join(load_taxonomy())}"
        raise DataError(path, f'{name!r} = {meant!r} is no class of ours; {hint}, or "" to leave it out')


def map_classes(samples: Sequence[Sample], classes: Mapping[str, str] | None, *, said_in: Path) -> Mapped:
    """Give every label its class id; without `classes` the labels must be class ids already.

    A picture that had labels and keeps none is left out: nobody knows what it shows in our classes. Raises DataError
    that names every label without a class, `said_in` being where the labels come from.
    """
    found = Counter(label for sample in samples for label in sample.labels)
    known = {name: name for name in load_taxonomy()} if classes is None else classes
    if unknown := [f"{label!r} ({found[label]} pictures)" for label in sorted(found) if label not in known]:
        raise DataError(
            said_in,
            f"no class of ours for {', '.join(unknown)}; write a TOML file with a table [classes] and a line such as "
            '"their name" = "our_class_id" for each, or = "" to leave it out, and give it with --classes',
        )
    mapped, left_out = [], 0
    for sample in samples:
        labels = tuple(dict.fromkeys(known[label] for label in sample.labels if known[label]))
        if sample.labels and not labels:
            left_out += 1
            continue
        boxes = tuple(replace(box, label=known[box.label]) for box in sample.boxes if known[box.label])
        mapped.append(replace(sample, labels=labels, boxes=boxes))
    return Mapped(mapped, left_out)
