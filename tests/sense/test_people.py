"""The arrays that go through the sealed room."""

import numpy as np

from drukte.sense.people import BICYCLE, PERSON, Detections, Positions


def test_select_and_empty() -> None:
    found = Detections(
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.array([0.9, 0.5, 0.2], np.float32),
        np.array([PERSON, BICYCLE, PERSON], np.uint8),
    )
    assert len(found) == 3
    persons = found.select(found.kinds == PERSON)
    assert persons.boxes[:, 0].tolist() == [0, 8]
    assert found.select(np.array([2, 0])).scores.tolist() == [np.float32(0.2), np.float32(0.9)]
    nobody = Detections.empty()
    assert len(nobody) == 0
    assert nobody.boxes.shape == (0, 4)
    assert (nobody.boxes.dtype, nobody.scores.dtype, nobody.kinds.dtype) == (np.float32, np.float32, np.uint8)
    assert repr(found) == "Detections(3)"
    assert repr(Positions(np.ones((2, 2)), np.ones((2, 2, 2)), np.ones(2))) == "Positions(2)"
