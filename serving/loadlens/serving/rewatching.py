"""A past load watched again by another model: the frames that were kept, through the same eye, and nothing recorded."""

from dataclasses import replace
from functools import partial

from sqlalchemy.orm import Session

from loadlens.grading.assessment import LoadAssessment
from loadlens.grading.observation import LoadObservation
from loadlens.serving.beds import Beds
from loadlens.serving.live_load import LiveLoad
from loadlens.serving.loads import Loads
from loadlens.serving.records import assessments, frames, grabs, marked_beds
from loadlens.serving.store.tables import Load, StoredFrame
from loadlens.vision.bed import Bed
from loadlens.vision.image import EncodedImage
from loadlens.vision.model import SurfaceModel
from loadlens.vision.pipeline import Unloading

_WINDOW = 64


def open_eye(records: Loads, beds: Beds, load: Load, model: SurfaceModel, first: StoredFrame | None) -> Unloading:
    """Begin to watch a load at a camera's first frame (None: there is none)."""
    source, began = (f"camera {first.camera}", first.captured_at) if first else ("no frames", load.created_at)
    bed = beds.default if first is None else _bed_of(records, beds, load, first)
    return Unloading(model, bed=bed, load_id=load.id, source=source, started_at=began)


def _bed_of(records: Loads, beds: Beds, load: Load, first: StoredFrame) -> Bed | None:
    """What a person marked comes before what the settings say."""
    with records.reading() as session:
        marked = marked_beds.of_load(session, load, first)
    return marked or beds.of(load.lane, first.camera)


def watch_again(records: Loads, beds: Beds, load: Load, model: SurfaceModel) -> LoadObservation:
    """What a model sees of a load. Raises BlobError where frames were let go."""

    def picture(stored: StoredFrame) -> EncodedImage:
        return EncodedImage(records.blobs.get(stored.sha256), f"frame {stored.camera}/{stored.seq}")

    live = LiveLoad(partial(open_eye, records, beds, load, model), picture)
    with records.reading() as session:
        cameras = frames.cameras(session, load.id)
        firsts = {camera: frames.first_seq(session, load, camera) for camera in cameras}
        late = {camera: frames.count(session, load.id, camera, late=True) for camera in cameras}
    for camera in cameras:
        view = live.view(camera, firsts[camera])
        while waiting := _behind(records, load, camera, view.last):
            for stored in waiting:
                view.feed(stored)
    return live.finish(late).observation


def by_machine_alone(session: Session, records: Loads, load: Load, seen: LoadObservation) -> LoadAssessment:
    """The assessment of what a model sees, with what is known of the load but without any person's correction."""
    standard = records.standards.of(session, load)
    placed, _ = grabs.placed(session, load, standard, seen)
    return replace(assessments.inputs_now(session, load), correction=None).assess(placed, standard)


def _behind(records: Loads, load: Load, camera: str, last: int) -> list[StoredFrame]:
    with records.reading() as session:
        return list(frames.of_camera(session, load.id, camera, after=last, limit=_WINDOW))
