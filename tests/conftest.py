"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of recorded inputs with ground truth; they are not part of the product, so tests skip without them."""
    place = Path(os.environ.get("DRUKTE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not place.is_dir():
        pytest.skip(
            f"recorded inputs not found at {place}: set DRUKTE_TEST_DATA to the folder that holds them"
        )
    return place
