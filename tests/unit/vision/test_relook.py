"""A view of a load looked at again from its trace and key frames: by its own model to the bit, by another otherwise."""

import io
from dataclasses import replace
from hashlib import sha256

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from loadlens.grading.observation_json import to_json
from loadlens.vision.bed import Bed, mark_bed
from loadlens.vision.frame import Frame
from loadlens.vision.model import SurfaceModel, load_model
from loadlens.vision.pipeline import Unloading
from loadlens.vision.relook import look_again
from loadlens.vision.trace import TraceError, read_traces, traces_to_bytes

MARKED = mark_bed(
    [(40, 30), (440, 30), (440, 240), (40, 240)], length_mm=9000, width_mm=4800, frame_size=(480, 272)
).bed


@pytest.fixture(scope="module")
def frames(shots):
    return {sha256(shot.jpeg).hexdigest(): shot.jpeg for shot in shots}


def watched(shots, model, bed=None):
    unloading = Unloading(model, bed=bed, load_id="load/1", source="camera mast", started_at=shots[0].captured_at)
    for shot in shots:
        unloading.push(Frame.from_bytes(shot.jpeg, name="shot", time_s=shot.seq / 4))
    return unloading.finish()


def afraid(model_file, more):
    """The model with another fear of gas cylinders."""
    model = onnx.load(model_file)
    [bias] = [weight for weight in model.graph.initializer if weight.name == "bias"]
    names = load_model(model_file).metadata.class_ids
    changed = numpy_helper.to_array(bias) + more * (np.array(names) == "gas_cylinder")
    bias.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), "bias"))
    return SurfaceModel(model.SerializeToString(), name="afraid")


@pytest.mark.parametrize("bed", [None, MARKED, Bed(20, 20, 400, 200, mm_per_px=20.0)], ids=["found", "marked", "set"])
def test_the_model_that_made_a_trace_sees_what_it_saw_to_the_bit(shots, frames, model_file, bed) -> None:
    model = load_model(model_file)
    seen = watched(shots, model, bed)
    kept = traces_to_bytes({"mast": seen.trace})
    assert traces_to_bytes(read_traces(kept)) == kept
    again = look_again(read_traces(kept)["mast"], frames.__getitem__, model).observation
    assert seen.observation.layers
    assert seen.observation.hazards
    assert to_json(again) == to_json(seen.observation)


def test_another_model_adds_hazards_of_key_frames_and_takes_none_away(shots, frames, model_file) -> None:
    bold = afraid(model_file, -100)
    fearless, fearful = (watched(shots, model) for model in (bold, load_model(model_file)))
    assert not fearless.observation.hazards
    added = look_again(fearless.trace, frames.__getitem__, load_model(model_file)).observation
    assert {hazard.class_id for hazard in added.hazards} == {"gas_cylinder"}
    assert {hazard.frame_sha256 for hazard in added.hazards} <= {one.key_frame_sha256 for one in fearless.trace.layers}
    kept = look_again(fearful.trace, frames.__getitem__, bold).observation
    assert kept.hazards == fearful.observation.hazards
    assert kept.model.sha256 == bold.sha256
    assert kept.layers[-1].forms != fearful.observation.layers[-1].forms


def test_a_load_of_which_nothing_settled_has_a_trace_too(shots, frames, model_file) -> None:
    model = load_model(model_file)
    for some in ((), shots[:1]):
        seen = Unloading(model, started_at="").finish() if not some else watched(some, model)
        trace = read_traces(traces_to_bytes({"": seen.trace}))[""]
        assert to_json(look_again(trace, frames.__getitem__, model).observation) == to_json(seen.observation)


@pytest.mark.parametrize("data", [b"", b"no zip", traces_to_bytes({})[:-40]])
def test_what_is_no_trace_is_told(data) -> None:
    with pytest.raises(TraceError, match="no trace of a load"):
        read_traces(data)


def test_the_trace_of_another_version_is_told(shots, model_file) -> None:
    seen = watched(shots, load_model(model_file))
    kept = traces_to_bytes({"mast": replace(seen.trace, layers=())})
    with pytest.raises(TraceError, match="read it with the version it names"):
        read_traces(other_version(kept))


def other_version(kept):
    with np.load(io.BytesIO(kept)) as file:
        about = file["about"].tobytes().replace(b"trace/1", b"trace/9")
        changed = io.BytesIO()
        np.savez(changed, about=np.frombuffer(about, np.uint8), masks=file["masks"])
    return changed.getvalue()
