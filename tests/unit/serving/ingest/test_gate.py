"""What is kept near the camera, and that the grading does not miss what is dropped."""

import numpy as np

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.serving.ingest.gate import Gate
from loadlens.vision.frame import Frame
from loadlens.vision.stillness import LUMA_WIDTH
from loadlens.vision.tracker import LayerTracker

RNG = np.random.default_rng(4)
SCENE = np.kron(RNG.integers(60, 190, (15, 24)), np.ones((9, 10))).astype(np.uint8)


def noisy(scene: np.ndarray) -> np.ndarray:
    return np.clip(scene + RNG.normal(0, 1.5, scene.shape), 0, 255).astype(np.uint8)


def judged(gate: Gate, scene: np.ndarray, seconds: float, *, begin: float) -> list[str]:
    """What five frames a second of a scene come to."""
    times = begin + np.arange(0, seconds, 0.2)
    verdicts = [gate.judge(float(time_s), noisy(scene)) for time_s in times]
    return [verdict.why for verdict in verdicts if verdict.kept]


def test_of_a_picture_that_stands_still_the_first_seconds_and_heartbeats_are_kept() -> None:
    gate = Gate(heartbeat_s=5.0)
    kept = judged(gate, SCENE, 60, begin=0.0)
    assert kept[0] == "first"
    assert kept.count("rest") == 15
    assert kept[16:] == ["heartbeat"] * 11
    assert gate.counts == {"first": 1, "rest": 15, "heartbeat": 11, "same": 273}


def test_a_thing_of_three_pixels_that_appears_is_kept_at_once() -> None:
    gate = Gate(heartbeat_s=1000.0)
    judged(gate, SCENE, 20, begin=0.0)
    changed = SCENE.copy()
    changed[60:63, 100:103] += 60
    assert judged(gate, changed, 1, begin=20.0)[0] == "moving"


def test_what_creeps_is_kept_though_no_two_frames_differ() -> None:
    gate = Gate(heartbeat_s=1000.0)
    judged(gate, SCENE, 20, begin=0.0)
    kept = []
    for step in range(40):
        scene = SCENE.copy()
        scene[40:60, 60:80] = np.clip(scene[40:60, 60:80].astype(int) - step, 0, 255)
        kept += judged(gate, scene, 0.2, begin=20 + step / 5)
    assert "changed" in kept


def test_a_dark_picture_is_dropped_but_for_its_heartbeat() -> None:
    gate = Gate(heartbeat_s=5.0)
    assert judged(gate, SCENE // 40, 20, begin=0.0) == ["heartbeat"] * 4
    assert gate.counts["unusable"] == 96


def test_after_a_frame_that_could_not_be_stored_the_scene_is_kept_anew() -> None:
    gate = Gate(heartbeat_s=1000.0)
    judged(gate, SCENE, 20, begin=0.0)
    gate.forget()
    assert judged(gate, SCENE, 1, begin=20.0)[0] == "first"


def layers(frames: list[Frame]) -> list[float]:
    """When the layers began that the tracker finds where nothing hides the surface, to half a second."""
    tracker: LayerTracker[Frame] | None = None
    found = []
    for frame in frames:
        luma = frame.luma(LUMA_WIDTH)
        tracker = tracker or LayerTracker(luma.shape)
        found.append(tracker.push(frame.time_s, luma, frame))
        if found[-1] and not tracker.accept(found[-1], np.zeros(luma.shape, np.bool_)):
            found[-1] = None
    found.append(tracker.close())
    return [settled.start_s for settled in found if settled]


def test_the_grading_finds_the_same_layers_in_what_is_kept() -> None:
    """The clip's rests are short and a person walks by: a gate that thins rests out loses two of its layers."""
    clip = render_clip(ClipSpec(seed=13, size=(270, 480), fps=5, seconds=60), ProceduralTextures())
    frames = [Frame.from_rgb(rgb, time_s=time_s) for time_s, rgb in clip.frames()]
    gate = Gate(heartbeat_s=5.0)
    kept = [frame for frame in frames if gate.judge(frame.time_s, frame.luma(LUMA_WIDTH)).kept]
    assert len(kept) < len(frames)
    assert np.allclose(layers(kept), layers(frames), atol=0.5)
