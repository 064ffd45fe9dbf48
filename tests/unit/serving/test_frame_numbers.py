"""What number a camera's next frame takes."""

import pytest

from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import frames
from loadlens.serving.records.frames import Place, Shot

SHOT = Shot("2026-03-01T08:00:00+00:00", "2026-03-01T08:00:00+00:00", "0" * 64, 9, 9)


def test_a_camera_that_has_used_the_last_number_is_told_and_no_frame_is_sent_that_would_be_refused(yard):
    with yard.loads.writing() as session:
        assert frames.next_seq(session, "lane:1", "mast") == 0
        frames.store(session, Place("lane:1", "mast", 2**31 - 2), SHOT)
        assert frames.next_seq(session, "lane:1", "mast") == 2**31 - 1
        frames.store(session, Place("lane:1", "mast", 2**31 - 1), SHOT)
        with pytest.raises(ConflictError, match="give it another name"):
            frames.next_seq(session, "lane:1", "mast")
