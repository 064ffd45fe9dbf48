"""Where the truck's bed lies in the frames of each camera."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from loadlens.vision.bed import Bed


@dataclass(frozen=True, slots=True)
class Beds:
    """The beds of a site: by camera (`lane/name`, or a name wherever it stands), and one for all others.

    None: the bed is found in the pictures themselves.
    """

    default: Bed | None = None
    by_camera: Mapping[str, Bed] = field(default_factory=dict)

    @classmethod
    def parse(cls, default: str | None, by_camera: Mapping[str, str]) -> Self:
        """From the settings `bed` and `beds`. Raises BedError."""
        parsed = {camera: Bed.parse(text) for camera, text in by_camera.items()}
        return cls(None if default is None else Bed.parse(default), parsed)

    def of(self, lane: str | None, camera: str) -> Bed | None:
        """The bed in the frames of one camera."""
        return self.by_camera.get(f"{lane}/{camera}") or self.by_camera.get(camera) or self.default
