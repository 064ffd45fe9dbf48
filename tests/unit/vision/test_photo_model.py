"""The model file of whole photos: what is refused and why, and how a photo is shown to it."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from loadlens.vision.frame import Frame
from loadlens.vision.metadata import METADATA_KEY, Metric, ModelError
from loadlens.vision.photo_model import STRIDE, PhotoMetadata, load_photo_model, photo_for_model

ABOUT = PhotoMetadata(
    name="by-colour",
    version="1.0",
    class_ids=("red", "green", "blue"),
    side=224,
    calibration={"method": "temperature", "temperature": 1.4},
    abstain_below=0.5,
    data_digest="d" * 64,
    config_digest="c" * 64,
    metrics={"accuracy": Metric(0.9, 0.87, 0.93, 360)},
    software="0.1.0",
)
TEXT = ABOUT.to_json()


@pytest.fixture
def model_file(tmp_path):
    """Writes a real model: the share of each colour in the picture's light."""

    def write(text=TEXT, *, output="classes", scale=1.0):
        nodes = [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("Div", ["mean", "white"], ["scaled"]),
            helper.make_node("Mul", ["scaled", "scale"], [output]),
        ]
        graph = helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", 3])],
            [numpy_helper.from_array(np.array(number, np.float32), name) for name, number in
             (("white", 3 * 255.0), ("scale", scale))],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        if text is not None:
            model.metadata_props.add(key=METADATA_KEY, value=text)
        file = tmp_path / "model.onnx"
        onnx.save(model, file)
        return file

    return write


def changed(**changes):
    about = json.loads(ABOUT.to_json()) | changes
    return json.dumps({key: value for key, value in about.items() if value is not None})


def test_a_model_says_what_it_is_and_answers_with_probabilities(model_file):
    model = load_photo_model(model_file())
    assert model.metadata == ABOUT
    red = np.zeros((64, 96, 3), np.uint8)
    red[..., 0] = 255
    assert model.look(red).tolist() == pytest.approx([1 / 3, 0, 0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no metadata under 'loadlens.model'"),
        ("{", "not JSON"),
        (changed(class_ids=None), "lacks class_ids"),
        (changed(class_ids=["red", "red", "blue"]), "names a class twice"),
        (changed(abstain_below=1.5), "abstain_below is 1.5, not a number from 0 to 1"),
        (changed(schema="loadlens.model/1"), "this software reads 'loadlens.photo-model/1'"),
        (changed(colour="red"), "colour is not a key of"),
        (changed(class_ids=["red", "green"]), "no probabilities of 2 classes"),
    ],
)
def test_a_model_that_does_not_say_what_it_must_is_refused(model_file, text, says):
    with pytest.raises(ModelError, match=says):
        load_photo_model(model_file(text))


def test_a_model_with_another_output_or_with_more_than_certainty_is_refused(model_file):
    with pytest.raises(ModelError, match="not one uint8 'image' and float32 'classes'"):
        load_photo_model(model_file(output="surface"))
    model = load_photo_model(model_file(scale=4.0))
    with pytest.raises(ModelError, match="no probabilities"):
        model.look(np.full((64, 64, 3), 255, np.uint8))


def test_metadata_that_would_be_refused_is_not_written():
    with pytest.raises(ModelError, match="side is 0"):
        dataclasses.replace(ABOUT, side=0).to_json()


@pytest.mark.parametrize(("height", "width"), [(384, 512), (100, 1000), (3000, 2000), (64, 64)])
def test_a_photo_keeps_its_shape_at_the_size_of_the_model(height, width):
    seen = photo_for_model(Frame.from_rgb(np.zeros((height, width, 3), np.uint8), time_s=0.0), 224)
    assert seen.shape[0] % STRIDE == seen.shape[1] % STRIDE == 0
    assert 0.7 < seen.shape[0] * seen.shape[1] / 224**2 < 1.4
    # Rounding to the stride is the only distortion.
    assert abs(seen.shape[0] - (height / width) ** 0.5 * 224) <= STRIDE / 2 + 1
