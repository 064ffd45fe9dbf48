"""The model file: what is refused and why, and what a model that is accepted makes of a picture."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from loadlens.grading.observation import AreaError
from loadlens.training.export import add_photo_branch
from loadlens.vision.frame import Frame
from loadlens.vision.look import look_at
from loadlens.vision.metadata import METADATA_KEY, Metric, ModelError, ModelMetadata
from loadlens.vision.model import installed_models, load_model
from loadlens.vision.pipeline import picture_for_model
from loadlens.vision.surface import Surface
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.vision.uncertainty import out_of_distribution_score

STRIDE = 8
CLASSES = ("turnings", "shredded", "wood", "gas_cylinder", "ground")
ABOUT = ModelMetadata(
    name="by-colour",
    version="1.2",
    class_ids=CLASSES,
    stride=STRIDE,
    trained_width=960,
    calibration={"method": "temperature", "temperature": 1.4},
    conformal={"turnings": 0.4, "shredded": 0.5},
    conformal_level=0.9,
    hazard_thresholds={"gas_cylinder": 0.2},
    hazard_recall={"gas_cylinder": 0.95},
    unsure_below=0.35,
    ood_threshold=0.6,
    area_error=AreaError({"wood": 0.02}, default_sd=0.03, level=0.9, low_quantile=-1.5, high_quantile=1.8, n=60),
    data_digest="d" * 64,
    config_digest="c" * 64,
    metrics={"family_accuracy": Metric(0.9, 0.87, 0.93, 360)},
    software="0.1.0",
)
ERROR = dataclasses.asdict(ABOUT.area_error)


def model_bytes(metadata=ABOUT, *, name="image", dtype=TensorProto.UINT8, stride=STRIDE, planes=5, softmax=True):
    """A real model: every class weighs red, green and blue in its own way, averaged over a cell."""
    weights = np.random.default_rng(5).normal(0, 1, (planes, 3, stride, stride)).astype(np.float32) / (40 * stride)
    nodes = [
        helper.make_node("Cast", [name], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights"], ["logits"], strides=[stride, stride]),
        helper.make_node("Softmax", ["logits"], ["surface"], axis=1)
        if softmax
        else helper.make_node("Identity", ["logits"], ["surface"]),
    ]
    graph = helper.make_graph(
        nodes,
        "surface",
        [helper.make_tensor_value_info(name, dtype, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("surface", TensorProto.FLOAT, ["n", planes, "gh", "gw"])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else metadata.to_json()
        helper.set_model_props(model, {METADATA_KEY: text})
    return model.SerializeToString()


def model_that_names_photos(forms, strange=None):
    """The same model, and for the whole picture the mean over the cells of its first `forms` classes.

    With `strange` it also says how strange the picture is: so many times the mean over the cells of wood.
    """
    photo = onnx.load_model_from_string(model_bytes(None))
    for name, value in (("first", 0), ("last", forms), ("axis", 1)):
        photo.graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
    photo.graph.node.extend(
        [
            helper.make_node("GlobalAveragePool", ["surface"], ["means"]),
            helper.make_node("Slice", ["means", "first", "last", "axis"], ["some"]),
            helper.make_node("Flatten", ["some"], ["photo"]),
        ]
    )
    del photo.graph.output[:]
    photo.graph.output.append(helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["n", forms]))
    if strange is not None:
        wood = np.eye(1, len(CLASSES), CLASSES.index("wood"), dtype=np.float32).T * np.float32(strange)
        photo.graph.initializer.append(numpy_helper.from_array(wood, "wood"))
        photo.graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "flat"))
        photo.graph.node.extend(
            [
                helper.make_node("Flatten", ["means"], ["rows"]),
                helper.make_node("MatMul", ["rows", "wood"], ["column"]),
                helper.make_node("Reshape", ["column", "flat"], ["strangeness"]),
            ]
        )
        photo.graph.output.append(helper.make_tensor_value_info("strangeness", TensorProto.FLOAT, ["n"]))
    model = onnx.load_model_from_string(model_bytes())
    add_photo_branch(model, photo)
    return model.SerializeToString()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "surface.onnx"


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def changed(**entries):
    return json.dumps({**json.loads(ABOUT.to_json()), **entries})


def test_a_model_says_of_itself_what_was_written_into_it(file):
    file.write_bytes(model_bytes())
    assert load_model(file).metadata == ABOUT


def test_a_model_without_an_interval_or_a_threshold_for_strange_pictures_is_fine():
    plain = dataclasses.replace(ABOUT, area_error=None, ood_threshold=None)
    assert ModelMetadata.from_json(plain.to_json()) == plain


def test_a_model_from_before_errors_grew_with_what_is_seen_is_read(file):
    file.write_bytes(model_bytes(changed(area_error={key: ERROR[key] for key in ERROR if key != "relative_sd"})))
    assert load_model(file).metadata.area_error == dataclasses.replace(ABOUT.area_error, relative_sd=0.0)


def test_the_same_bytes_have_the_same_identity_under_any_name(file, tmp_path):
    data = model_bytes()
    file.write_bytes(data)
    (tmp_path / "other.onnx").write_bytes(data)
    assert load_model(file).sha256 == load_model(tmp_path / "other.onnx").sha256
    (tmp_path / "other.onnx").write_bytes(model_bytes(changed(version="1.3")))
    assert load_model(file).sha256 != load_model(tmp_path / "other.onnx").sha256


def test_a_surface_has_one_cell_for_each_stride_and_probabilities_that_sum_to_one(file):
    file.write_bytes(model_bytes())
    surface = load_model(file).look(picture(5 * STRIDE, 7 * STRIDE))
    assert surface.probs.shape == (len(CLASSES), 5, 7)
    assert surface.class_ids == CLASSES
    assert np.allclose(surface.probs.sum(axis=0), 1)
    with pytest.raises(ValueError, match="read-only"):
        surface.probs[0, 0, 0] = 1


def test_a_model_may_also_name_the_whole_picture(file):
    file.write_bytes(model_that_names_photos(2))
    model = load_model(file)
    rgb = picture(9 * STRIDE, 11 * STRIDE)
    assert model.look(rgb).photo is None, "nobody asked"
    surface = model.look(rgb, whole=True)
    assert surface.photo == pytest.approx(surface.probs[:2].mean(axis=(1, 2)), abs=1e-5)
    frame = Frame.from_rgb(rgb, time_s=0.0)
    named = model.look(picture_for_model(frame, ABOUT.trained_width), whole=True).photo
    look = look_at(frame, model)
    assert (look.top, look.confidence) == (CLASSES[int(named.argmax())], pytest.approx(named.max()))
    file.write_bytes(model_bytes())
    assert load_model(file).look(rgb, whole=True).photo is None


def test_an_answer_for_the_whole_picture_that_lacks_a_form_is_refused(file):
    file.write_bytes(model_that_names_photos(1))
    with pytest.raises(ModelError, match=r"'photo' is \[1, 1\] where \[1, 2\] is due"):
        load_model(file)


def test_a_model_that_knows_how_strange_a_picture_is_abstains_by_that(file):
    frame = Frame.from_rgb(picture(9 * STRIDE, 11 * STRIDE), time_s=0.0)
    rgb = picture_for_model(frame, ABOUT.trained_width)

    def shown(threshold):
        about = dataclasses.replace(ABOUT, ood_threshold=threshold, unsure_below=0.0)
        model = onnx.load_model_from_string(model_that_names_photos(2, strange=2.0))
        helper.set_model_props(model, {METADATA_KEY: about.to_json()})
        file.write_bytes(model.SerializeToString())
        return load_model(file)

    surface = shown(0.5).look(rgb, whole=True)
    assert shown(0.5).look(rgb).strangeness is None, "nobody asked"
    assert surface.strangeness == pytest.approx(2 * surface.probs[2].mean(), abs=1e-5)
    assert out_of_distribution_score(surface, load_taxonomy()) == surface.strangeness
    assert look_at(frame, shown(surface.strangeness - 0.01)).abstain
    assert not look_at(frame, shown(surface.strangeness + 0.01)).abstain


def test_a_strangeness_that_is_no_share_is_refused(file):
    file.write_bytes(model_that_names_photos(2, strange=np.nan))
    with pytest.raises(ModelError, match=r"'strangeness' is \[nan\] where a share 0..1 is due"):
        load_model(file)


def test_a_picture_of_any_size_is_looked_at_as_if_its_edge_went_on(file):
    file.write_bytes(model_bytes())
    model = load_model(file)
    rgb = picture(2 * STRIDE + 3, 3 * STRIDE + 1)
    whole = np.pad(rgb, ((0, STRIDE - 3), (0, STRIDE - 1), (0, 0)), mode="edge")
    assert np.array_equal(model.look(rgb).probs, model.look(whole).probs)
    inside = model.look(rgb[: 2 * STRIDE, : 3 * STRIDE])
    assert np.allclose(model.look(rgb).probs[:, :2, :3], inside.probs, atol=1e-6)


@pytest.mark.parametrize(
    ("rgb", "why"),
    [
        (np.zeros((STRIDE - 1, 40, 3), np.uint8), "40 x 7 pixels"),
        (np.zeros((STRIDE, 8193, 3), np.uint8), "8193 x 8 pixels"),
        (np.zeros((40, 40), np.uint8), "convert it to RGB"),
        (np.zeros((40, 40, 4), np.uint8), "convert it to RGB"),
        (np.zeros((40, 40, 3), np.float32), "convert it to RGB"),
    ],
)
def test_an_absurd_picture_is_refused(file, rgb, why):
    file.write_bytes(model_bytes())
    with pytest.raises(ValueError, match=why):
        load_model(file).look(rgb)


def test_a_missing_file_is_named(file):
    with pytest.raises(ModelError, match=r"surface\.onnx: no such model file; give one made by `loadlens export`"):
        load_model(file)


@pytest.mark.parametrize("data", [b"", b"not a model", model_bytes()[:200]])
def test_a_file_that_is_no_onnx_is_refused(file, data):
    file.write_bytes(data)
    with pytest.raises(ModelError, match=r"surface\.onnx: .*export"):
        load_model(file)


def test_a_file_too_large_is_not_even_read(file):
    with file.open("wb") as handle:
        handle.truncate(201 * 2**20)
    with pytest.raises(ModelError, match="larger than 200 MiB"):
        load_model(file)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (None, r"no metadata under 'loadlens\.model'"),
        ("{half", "metadata is not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "metadata is not JSON"),
        (changed(unsure_below=float("nan")), "NaN is not a number"),
        (changed(schema="loadlens.model/2"), r"schema is 'loadlens\.model/2'"),
        (changed(class_ids=["turnings", "unobtainium"]), "unobtainium, not in this software's taxonomy"),
        (changed(class_ids=["wood", "wood"]), "class_ids names a class twice"),
        (changed(stride=0), "stride is 0, not a whole number from 1 to 256"),
        (changed(stride=True), "stride is True"),
        (changed(unsure_below=1.5), "unsure_below is 1.5, not a number from 0 to 1"),
        (changed(hazard_thresholds={}), "hazard_thresholds lacks gas_cylinder"),
        (changed(hazard_thresholds={"gas_cylinder": 0.2, "drum": 0.1}), "drum, no hazard of this model"),
        (changed(conformal={"rails": 0.5}), "conformal names rails, no class of this model"),
        (changed(conformal={"wood": 2}), "conformal of wood is 2, not a number from 0 to 1"),
        (changed(area_error={"level": 0.9}), "area_error is not an object with the keys area_sd"),
        (changed(area_error=ERROR | {"relative_sd": -0.1}), "relative_sd is -0.1, not a number from 0 on"),
        (changed(area_error=ERROR | {"relative": 0.1}), "area_error is not an object with the keys area_sd"),
        (changed(metrics={"accuracy": {"value": 1, "low": 1, "high": 1, "n": 0}}), "metrics of accuracy n is 0"),
        (changed(calibration={}), "calibration does not name its method"),
        (changed(colour="red"), r"colour is not a key of loadlens\.model/1"),
    ],
)
def test_a_model_with_faulty_metadata_is_refused_with_the_fault_and_a_remedy(file, metadata, why):
    file.write_bytes(model_bytes(metadata))
    with pytest.raises(ModelError, match=rf"surface\.onnx: .*{why}.*export"):
        load_model(file)


def test_every_fault_of_the_metadata_is_told_at_once():
    about = json.loads(ABOUT.to_json())
    del about["class_ids"], about["software"]
    with pytest.raises(ModelError) as refused:
        ModelMetadata.from_json(json.dumps({**about, "stride": -1}), name="file X")
    assert str(refused.value) == (
        "file X: metadata lacks class_ids, software; stride is -1, not a whole number from 1 to 256; "
        "export it with `loadlens export`"
    )


def test_metadata_that_would_be_refused_is_not_written():
    with pytest.raises(ModelError, match="hazard_thresholds lacks gas_cylinder"):
        dataclasses.replace(ABOUT, hazard_thresholds={}).to_json()


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ({"name": "input"}, "its input is"),
        ({"dtype": TensorProto.FLOAT}, "its input is"),
        ({"stride": 2 * STRIDE}, "where"),
        ({"planes": 4}, "where"),
    ],
)
def test_a_graph_that_does_not_keep_its_metadata_is_refused_on_loading(file, shape, why):
    file.write_bytes(model_bytes(**shape))
    with pytest.raises(ModelError, match=rf"surface\.onnx: .*{why}.*export"):
        load_model(file)


def test_an_output_that_is_no_probabilities_is_refused(file):
    file.write_bytes(model_bytes(softmax=False))
    with pytest.raises(ModelError, match="no probabilities"):
        load_model(file).look(picture(40, 40))


def test_a_model_that_gives_no_number_is_refused(file):
    graph = onnx.load_from_string(model_bytes(softmax=False))
    graph.graph.node[-1].op_type = "Log"  # of the zeros and negatives that a dark picture gives
    file.write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match="no probabilities"):
        load_model(file)


def test_weights_outside_the_file_are_refused_since_the_digest_does_not_cover_them(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(model_bytes())
    onnx.save_model(model, str(file), save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    with pytest.raises(ModelError, match="ONNX Runtime refuses it"):
        load_model(file)


def test_the_installed_models_all_load():
    for path in installed_models():
        assert load_model(path).metadata.class_ids


def test_the_installed_models_say_nothing_of_the_machine_that_made_them():
    for path in installed_models():
        assert b'File "' not in path.read_bytes(), path.name


def test_metadata_is_read_without_a_model_runtime():
    code = "import sys, loadlens.vision.metadata; sys.exit('onnxruntime' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("probs", "stride"),
    [
        (np.zeros((2, 3), np.float32), 8),
        (np.zeros((2, 3, 3), np.float64), 8),
        (np.zeros((3, 3, 3), np.float32), 8),
        (np.zeros((2, 0, 3), np.float32), 8),
        (np.zeros((2, 3, 3), np.float32), 0),
    ],
)
def test_a_surface_whose_parts_do_not_fit_is_refused(probs, stride):
    with pytest.raises(ValueError, match=r"surface|planes|stride"):
        Surface(probs, ("wood", "soil"), stride)
