"""Which packages go into which Debian package."""

import gzip
import json
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "packaging" / "deb"))


LOCK = f"""\
click==8.1.7 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
    # via drukte
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{"a" * 64}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{"b" * 64}
winonly==1 ; sys_platform == 'win32' \\
    --hash=sha256:{"a" * 64}
setuptools==80.0 \\
    --hash=sha256:{"a" * 64}
"""


@pytest.mark.parametrize(("suite", "numpy"), [("bookworm", "2.4.6"), ("trixie", "2.5.5")])
def test_markers_are_read_for_the_target(suite: str, numpy: str) -> None:
    from target import Target
    from wheels import pins

    found = {pin.name: pin for pin in pins(LOCK, Target(suite, "arm64"))}
    assert {name: pin.version for name, pin in found.items()} == {"click": "8.1.7", "numpy": numpy}
    assert len(found["click"].hashes) == 2


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_the_real_lock_pins_what_the_device_needs(suite: str, arch: str) -> None:
    from target import Target
    from wheels import pins

    found = pins((ROOT / "requirements/device.txt").read_text(), Target(suite, arch))
    names = {pin.name for pin in found}
    assert {"numpy", "onnxruntime", "opencv-python-headless", "paho-mqtt", "cryptography", "ruamel-yaml"} <= names
    assert len(names) == len(found)
    assert all(pin.hashes for pin in found)


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    from target import Target
    from wheels import install, pins

    (tmp_path / "click-8.1.7-py3-none-any.whl").write_bytes(b"something else")
    with pytest.raises(SystemExit, match=r"0 wheels of click 8\.1\.7 with a pinned hash"):
        install(pins(LOCK, Target("bookworm", "amd64")), tmp_path / "own.whl", tmp_path, tmp_path / "site")


def test_manual_pages_come_from_the_commands(tmp_path: Path) -> None:
    from manuals import completions, manual_pages, packed

    from drukte.cli import drukte

    pages = manual_pages(drukte, "drukte", "1.0", 0)
    assert {"drukte.1", "drukte-doctor.1", "drukte-models-pull.1"} <= set(pages)
    assert '.TH "DRUKTE-DOCTOR" "1" "1970-01-01"' in pages["drukte-doctor.1"]
    assert "\\-\\-json" in pages["drukte-doctor.1"]
    assert ".SH EXIT STATUS" in pages["drukte-sense.1"]
    packed(pages["drukte.1"], tmp_path / "a.gz")
    first = (tmp_path / "a.gz").read_bytes()
    packed(pages["drukte.1"], tmp_path / "b.gz")
    assert (tmp_path / "b.gz").read_bytes() == first
    assert gzip.decompress(first).decode() == pages["drukte.1"]
    assert all("_DRUKTE_COMPLETE" in text for text in completions(drukte, "drukte").values())


def test_text_that_roff_would_take_for_a_request() -> None:
    from manuals import manual_pages

    command = click.Command("x", help=".start of a line\n\n'quoted' and a\\backslash")
    page = manual_pages(command, "x", "1", 0)["x.1"]
    assert "\\&.start" in page
    assert "a\\ebackslash" in page


def test_the_bill_of_materials_is_valid_and_says_the_same_twice() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from sbom import bill, licences
    from target import Target
    from wheels import pins

    site_packages = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    pinned = pins((ROOT / "requirements/device.txt").read_text(), Target("bookworm", "amd64"))
    models = {"yolox-nano": ("Apache-2.0", "c" * 64)}
    text = bill(site_packages, pinned, models, "0.1.0-1~deb12", 1_700_000_000)
    assert text == bill(site_packages, pinned, models, "0.1.0-1~deb12", 1_700_000_000)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    tree = json.loads(text)
    names = {component["name"] for component in tree["components"]}
    assert {"numpy", "paho-mqtt", "yolox-nano"} <= names
    assert tree["metadata"]["component"]["licenses"] == [{"expression": "EUPL-1.2"}]
    assert "| numpy |" in licences(site_packages)
