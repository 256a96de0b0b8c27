"""Reading recorded truth."""

from pathlib import Path

import numpy as np
import pytest

from drukte_tools.validate.truth.recorded import TruthError, read_truth


def test_motchallenge_rows(tmp_path: Path) -> None:
    file = tmp_path / "gt.txt"
    file.write_text("1,9,11,21,30,70,1,-4.5,2.5,0\n1,10,1,1,5,5,0,-1,-1,-1\n3,9,12,21,30,70,1,-4.4,2.5,0\n")
    truth = read_truth(file)
    assert truth.numbers == [1, 2, 3]
    assert len(truth.frames[2].ids) == 0
    first = truth.frames[1]
    assert first.boxes[0].tolist() == [10, 20, 40, 90]
    assert first.xy[0].tolist() == [-4.5, 2.5]
    assert np.isnan(first.xy[1]).all()
    assert first.sure.tolist() == [True, False]
    assert truth.in_metres


def test_a_list_of_counts(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("frame,count\n1,4\n2,0\n")
    truth = read_truth(file)
    assert truth.counts == {1: 4, 2: 0}
    assert not truth.in_metres


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("frame,count\n1,x\n", "line 2"),
        ("1,2,3\n", "line 1"),
        ("1,9,a,1,1,1,1\n", "line 1"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "gt.txt"
    file.write_text(text)
    with pytest.raises(TruthError, match=message):
        read_truth(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"nothing\.txt"):
        read_truth(tmp_path / "nothing.txt")


def test_the_recorded_street(test_data: Path) -> None:
    truth = read_truth(test_data / "camera" / "pets09-s2l1" / "gt.txt")
    assert truth.numbers == list(range(1, 401))
    assert truth.in_metres
