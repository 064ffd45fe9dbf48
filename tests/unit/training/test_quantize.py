"""A quantised model says what its original says, and is not called fit where it is worse or nobody can tell."""

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from loadlens.training.calibrate import Still, moved_thresholds
from loadlens.training.first_layer import feed_bytes
from loadlens.training.parity import HazardPicture, confidence_faults, measure_confidence, measure_parity, measure_speed
from loadlens.training.quantize import QuantizeError, quantize_model, refuse_per_tensor
from loadlens.training.samples import Photo
from loadlens.vision.model import SurfaceModel

RED, GREEN, BLUE, GREY = (220, 20, 20), (20, 220, 20), (20, 20, 220), (120, 120, 120)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def plain(*colours, size=(960, 480)):
    """Upright stripes of colours, uint8 [H, W, 3]."""
    picture = np.empty((size[1], size[0], 3), np.uint8)
    for number, stripe in enumerate(np.array_split(np.arange(size[0]), len(colours))):
        picture[:, stripe] = colours[number]
    return picture


@pytest.fixture
def original(model_file):
    return SurfaceModel(model_file.read_bytes(), name="original")


def changed(model_file, weight, to):
    """The model with another weight, as a quantisation that went wrong would leave it."""
    model = onnx.load(model_file)
    for entry in model.graph.initializer:
        if entry.name == weight:
            entry.CopyFrom(numpy_helper.from_array(to(numpy_helper.to_array(entry)), weight))
    return SurfaceModel(model.SerializeToString(), name="changed")


def test_eight_bits_say_the_same_and_keep_what_the_model_says_of_itself(model_file, original):
    shown = [plain(RED, GREEN, BLUE, GREY), plain(GREY, RED)]
    small = SurfaceModel(quantize_model(model_file.read_bytes(), shown), name="small")
    assert small.metadata == original.metadata
    for picture in (plain(GREY, GREEN), plain(BLUE, RED, GREY)):
        exact, rounded = original.look(picture).probs, small.look(picture).probs
        assert (exact.argmax(axis=0) == rounded.argmax(axis=0)).all()
        # Logits of -30 to 24 in 256 steps are off by up to 0.1, shares of one half so by some points.
        assert np.abs(exact - rounded).max() < 0.1


def eight_bits(model_file):
    """The graph of the quantised model."""
    shown = [plain(RED, GREEN, BLUE, GREY), plain(WHITE, BLACK)]
    return onnx.load_model_from_string(quantize_model(model_file.read_bytes(), shown))


def test_one_scale_for_a_whole_weight_is_refused(model_file):
    graph = eight_bits(model_file).graph
    (scale,) = [entry for entry in graph.initializer if entry.name == "weights_scale"]
    scale.CopyFrom(numpy_helper.from_array(np.array([0.01], np.float32), scale.name))
    with pytest.raises(QuantizeError, match="one scale for the whole tensor, which cost 57 points"):
        refuse_per_tensor(graph)


def test_no_processor_cuts_off_what_two_neighbours_add_up_to(model_file):
    graph = eight_bits(model_file).graph
    (weight,) = [numpy_helper.to_array(entry) for entry in graph.initializer if entry.name == "weights_quantized"]
    walked = np.abs(weight.transpose(0, 2, 3, 1).reshape(len(weight), -1).astype(int))
    # A processor without VNNI adds the products of two in 16 bits, and activations are 255 at most.
    assert (255 * (walked[:, ::2] + walked[:, 1::2])).max() <= 32767


def test_integers_answer_as_the_same_graph_does_in_real_numbers(model_file):
    data, picture = eight_bits(model_file).SerializeToString(), plain(WHITE, RED, GREEN, BLACK)
    exact = onnxruntime.SessionOptions()
    exact.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, exact, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["surface"], {"image": picture[None]})
    assert np.abs(SurfaceModel(data, name="small").look(picture).probs - expected[0]).max() < 0.02


def test_the_first_layer_fed_with_bytes_gives_what_it_gave_of_real_numbers():
    draw = np.random.default_rng(0)
    weights = {
        "kernel": draw.normal(0, 0.3, (8, 3, 3, 3)),
        "bias": draw.normal(0, 0.3, 8),
        "half": np.array(127.5),
        "one": np.array(1.0),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["real"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Div", ["real", "half"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["shifted"]),
        helper.make_node(
            "Conv", ["shifted", "kernel", "bias"], ["out"], strides=[2, 2], pads=[0, 0, 1, 1], kernel_shape=[3, 3]
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "first",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    picture = draw.integers(0, 256, (2, 48, 80, 3), np.uint8)

    def first(model):
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(["out"], {"image": picture})[0]

    before = first(model)
    feed_bytes(model)
    assert [node.op_type for node in model.graph.node].count("Cast") == 0
    after = first(model)
    assert after.shape == before.shape
    # Right and bottom borders are filled with the zero point, half a step off the middle; elsewhere the sums are equal.
    assert np.abs(after - before)[:, :, :-1, :-1].max() < 1e-4
    assert np.abs(after - before).max() < 0.05


def test_a_model_is_not_quantised_twice_nor_without_pictures(model_file):
    small = quantize_model(model_file.read_bytes(), [plain(RED, GREY)])
    with pytest.raises(QuantizeError, match="quantised already"):
        quantize_model(small, [plain(RED, GREY)])
    with pytest.raises(QuantizeError, match="no picture to calibrate on"):
        quantize_model(model_file.read_bytes(), [])


@pytest.fixture
def photos(tmp_path):
    """Thirty photos of turnings, three of a scene."""
    made = []
    for number in range(30):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), plain(GREY))
        made.append(Photo(path, "turnings", str(number // 3)))
    return made


HAZARDS = [HazardPicture(plain(GREY, RED, GREY), "gas_cylinder") for _ in range(3)]


def test_a_model_as_good_on_too_few_tiles_is_not_fit_since_nobody_can_tell(original, photos):
    found = measure_parity(original, original, photos[:3], HAZARDS)
    assert found.metrics["tile_accuracy_change"].value == 0
    assert found.metrics["hazard_recall_int8"].value == 1
    (fault,) = found.faults
    assert "where a loss of 1 pp takes 2000 to be seen" in fault


def test_a_model_that_names_worse_is_not_fit(model_file, original, photos):
    worse = changed(model_file, "bias", lambda bias: bias[[1, 0, 2, 3, 4]])
    found = measure_parity(original, worse, photos, HAZARDS)
    assert found.metrics["tile_accuracy_change"].value == -1
    assert any("tile_accuracy_change is -100.00 pp" in fault for fault in found.faults)


def test_a_model_that_misses_a_hazard_is_not_fit(model_file, original, photos):
    blind = changed(model_file, "bias", lambda bias: bias - np.array([0, 0, 0, 40, 0], np.float32))
    found = measure_parity(original, blind, photos, HAZARDS)
    assert found.metrics["hazards_lost"].value == 1
    assert "3 of 3 hazards are found no more" in found.faults


def test_a_hazard_that_is_found_instead_makes_no_other_one_good(model_file, original, photos):
    swapped = changed(model_file, "weights", lambda weights: np.ascontiguousarray(weights[:, [1, 0, 2]]))
    pictures = [HazardPicture(plain(GREY, colour, GREY), "gas_cylinder") for colour in (RED, GREEN)]
    found = measure_parity(original, swapped, photos, pictures)
    assert found.metrics["hazard_recall_float"].value == found.metrics["hazard_recall_int8"].value == 0.5
    assert "1 of 2 hazards are found no more" in found.faults


def test_hazards_that_were_not_looked_for_are_not_taken_for_found(original, photos):
    assert "hazard recall was not measured" in measure_parity(original, original, photos[:3], []).faults


def test_confidence_that_moves_a_little_is_no_fault_and_confidence_that_says_too_much_is():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1, 68)
    right = (rng.random(68) < sure).astype(float)
    scenes = [str(number) for number in range(68)]
    for said, fit in ((np.clip(sure + rng.normal(0, 0.012, 68), 0, 1), True), (np.full(68, 0.99), False)):
        metrics = measure_confidence(np.stack([right, right, sure, said], axis=1), scenes)
        assert (confidence_faults(metrics) == []) is fit
        assert metrics["photo_calibration_error_change"].n == metrics["photo_brier_change"].n == 68
    assert metrics["photo_brier_change"].value == pytest.approx(np.mean((0.99 - right) ** 2 - (sure - right) ** 2))


def test_thresholds_of_hazards_move_with_peaks_that_came_out_lower_and_never_up(model_file, original):
    stills = [Still(plain(GREY, RED, GREY), np.zeros((5, 30, 60), np.float32)) for _ in range(3)]
    lower = changed(model_file, "bias", lambda bias: bias - np.array([0, 0, 0, 25, 0], np.float32))
    higher = changed(model_file, "bias", lambda bias: bias + np.array([0, 0, 0, 5, 0], np.float32))
    before = original.metadata.hazard_thresholds["gas_cylinder"]
    assert moved_thresholds(original, lower, stills)["gas_cylinder"] < before
    assert moved_thresholds(original, higher, stills)["gas_cylinder"] == before


def test_speed_is_a_ratio_with_the_number_of_its_rounds(model_file, original):
    other = SurfaceModel(quantize_model(model_file.read_bytes(), [plain(RED, GREY)]), name="small")
    speed = measure_speed(original, other, [plain(GREY, size=(320, 192))])
    assert 0 < speed.low <= speed.value <= speed.high
    assert speed.n > 10
