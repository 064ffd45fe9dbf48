"""A camera's frames reach the eye in time, whatever its clock does."""

from datetime import UTC, datetime, timedelta

import pytest

from loadlens.serving.live import LiveView
from loadlens.serving.store.tables import StoredFrame

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Eye:
    """Notes what it is shown and told."""

    def __init__(self):
        self.times = []
        self.doubts = []

    def push(self, frame):
        self.times.append(frame.time_s)
        return ()

    def finish(self, doubts):
        self.doubts = [(doubt.code, doubt.why) for doubt in doubts]


class Picture:
    width, height = 640, 480


def watched(seconds, sizes=((640, 480),)):
    """What an eye is shown of frames that a camera says it took at these seconds, of these sizes in turn."""
    eye = Eye()
    view = LiveView(lambda _: eye, lambda _: Picture(), 0)
    for seq, second in enumerate(seconds):
        captured = (BEGAN + timedelta(seconds=second)).isoformat()
        width, height = sizes[seq % len(sizes)]
        view.feed(StoredFrame(camera="north", seq=seq, captured_at=captured, width=width, height=height))
    view.finish(0)
    return eye


@pytest.mark.parametrize("jump_s", [-10, -3600, 3600])
def test_time_goes_on_where_a_clock_is_set_so_that_surfaces_rest_and_hazards_are_looked_for(jump_s):
    seconds = [frame / 5 for frame in range(20)]
    back = [second + (jump_s if second >= 2 else 0) for second in seconds]
    eye = watched([*back[:15], *seconds[15:]])
    steps = [after - before for before, after in zip(eye.times[:-1], eye.times[1:], strict=True)]
    assert all(step > 0.1 for step in steps)
    assert [code for code, _ in eye.doubts] == ["clock_went_back"]
    assert "times were made to go on" in eye.doubts[0][1]


def test_of_a_clock_that_goes_right_nothing_is_said():
    eye = watched([0, 0.2, 0.2, 0.4, 9])
    assert eye.times == [0, 0.2, 0.2, 0.4, 9]
    assert eye.doubts == []


def test_frames_of_another_size_reach_the_eye_too_and_are_told():
    eye = watched([0, 0.2, 0.4, 0.6], sizes=((640, 480), (320, 240)))
    assert len(eye.times) == 4
    assert eye.doubts == [
        (
            "frame_size_changed",
            "2 frames are not 640 x 480 pixels like the first one; only dangerous items were looked for in them",
        )
    ]
