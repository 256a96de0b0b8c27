from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from drukte.config.calibration_files import CalibrationError, inline, read_opencv, read_tsai
from drukte.config.ground import Ground as Section
from drukte.config.ground import OpenCvGround, TsaiGround

SECTION = TypeAdapter(Section)
TSAI = """<?xml version="1.0"?><Camera name="x">
 <Geometry width="768" height="576" dpx="5.1e-03" dpy="4.65e-03"/>
 <Intrinsic focal="5.5" kappa1="5.1e-03" cx="324" cy="282" sx="1.09"/>
 <Extrinsic tx="8e2" ty="-3e3" tz="3.5e4" rx="2.04" ry="-0.89" rz="-0.43"/></Camera>"""
MATRIX = np.array([[900.0, 0, 640], [0, 910, 360], [0, 0, 1]])
BENT = np.array([[-0.3, 0.1, 0.001, -0.001, 0.0]])


def opencv_file(path: Path, *, rotation: str = "rvec") -> Path:
    """What OpenCV itself writes."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", 1280)
    storage.write("image_height", 720)
    storage.write("camera_matrix", MATRIX)
    storage.write("distortion_coefficients", BENT)
    vector = np.array([[1.9], [0.1], [-0.05]])
    storage.write(rotation, vector if rotation == "rvec" else cv2.Rodrigues(vector)[0])
    storage.write("tvec", np.array([[0.1], [1.2], [4.0]]))
    storage.release()
    return path


@pytest.mark.parametrize("suffix", ["yaml", "yml", "xml"])
@pytest.mark.parametrize("rotation", ["rvec", "R"])
def test_files_of_opencv(tmp_path, suffix, rotation):
    opencv_file(tmp_path / f"camera.{suffix}", rotation=rotation)
    section = inline(SECTION.validate_python({"kind": "opencv", "file": f"camera.{suffix}"}), tmp_path)
    assert isinstance(section, OpenCvGround)
    assert section.picture == (1280, 720)
    np.testing.assert_allclose(section.camera_matrix, MATRIX)
    np.testing.assert_allclose(section.distortion, BENT[0])
    np.testing.assert_allclose(section.rvec, [1.9, 0.1, -0.05], atol=1e-9)
    np.testing.assert_allclose(section.tvec, [0.1, 1.2, 4.0])


@given(st.tuples(*[st.floats(-1.8, 1.8)] * 3))
def test_rotation_matrix_to_vector(vector):
    matrix = cv2.Rodrigues(np.array(vector))[0]
    text = "R: [" + ", ".join(map(repr, matrix.ravel().tolist())) + "]"
    got = read_opencv(text)["rvec"]
    np.testing.assert_allclose(cv2.Rodrigues(np.array(got))[0], matrix, atol=1e-9)


def test_tsai(tmp_path):
    (tmp_path / "view.xml").write_text(TSAI)
    section = inline(SECTION.validate_python({"kind": "tsai", "file": "view.xml", "reprojection": 2}), tmp_path)
    assert isinstance(section, TsaiGround)
    assert section.picture == (768, 576) and section.sensor == (0.0051, 0.00465)
    assert section.rotation == (2.04, -0.89, -0.43) and section.reprojection == 2
    # What stands in the site file needs no file at all.
    numbers = section.model_dump()
    assert inline(SECTION.validate_python(numbers), Path("/nowhere")) == section


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not XML"),
        ("<Camera/>", "has no <Geometry>"),
        (TSAI.replace('focal="5.5"', ""), "<Intrinsic> has no focal"),
        (TSAI.replace("5.5", "five"), "'five' is not a number"),
        (TSAI.replace("5.5", "inf"), "not a usable number"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + TSAI, "document type"),
    ],
)
def test_broken_tsai_is_explained(tmp_path, text, message):
    (tmp_path / "view.xml").write_text(text)
    with pytest.raises(CalibrationError, match=message) as error:
        inline(SECTION.validate_python({"kind": "tsai", "file": "view.xml"}), tmp_path)
    assert "view.xml" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not YAML"),
        ("- 1", "not a list of keys"),
        ("nothing: 1", "holds no camera_matrix"),
        ("camera_matrix: [1, 2, 3]", "holds 3 numbers; 9 are needed"),
        ("R: [1, 0, 0, 0, 2, 0, 0, 0, 1]", "not a rotation matrix"),
        ("rvec: [0, 0, 0]\ntvec: [0, 0, 1]", "missing: picture, camera_matrix"),
    ],
)
def test_broken_opencv_is_explained(tmp_path, text, message):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(CalibrationError, match=message):
        inline(SECTION.validate_python({"kind": "opencv", "file": "c.yaml"}), tmp_path)


def test_missing_and_binary_files_are_explained(tmp_path):
    with pytest.raises(CalibrationError, match="cannot be read: No such file"):
        inline(SECTION.validate_python({"kind": "tsai", "file": "nowhere.xml"}), tmp_path)
    (tmp_path / "b.xml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CalibrationError, match="not text in UTF-8"):
        inline(SECTION.validate_python({"kind": "tsai", "file": "b.xml"}), tmp_path)
    (tmp_path / "huge.xml").write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(CalibrationError, match="larger than"):
        inline(SECTION.validate_python({"kind": "tsai", "file": "huge.xml"}), tmp_path)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: b.decode("latin-1")), st.integers(0, 400))
def test_no_text_breaks_the_readers(text, at):
    whole = TSAI[:at] + text + TSAI[at:]
    yaml_text = "%YAML:1.0\n---\ncamera_matrix: !!opencv-matrix\n   rows: 3\n" + text
    for reader, document in ((read_tsai, text), (read_tsai, whole), (read_opencv, text), (read_opencv, yaml_text)):
        try:
            reader(document)
        except CalibrationError as error:
            assert str(error)
