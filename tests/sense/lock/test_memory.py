"""Swap areas: which of them reach a disk."""

from pathlib import Path

import pytest

from drukte.sense.lock import memory


@pytest.mark.parametrize(
    ("backing", "found"),
    [("none\n", ("/swapfile",)), ("/dev/mmcblk0p3\n", ("/swapfile", "/dev/zram0"))],
)
def test_swap_on_disk(monkeypatch: pytest.MonkeyPatch, backing: str, found: tuple[str, ...]) -> None:
    """zram is memory, unless idle pages are written back to a card (Raspberry Pi OS's default)."""
    swaps = ("Filename Type Size Used Priority", "/swapfile file 100 0 -2", "/dev/zram0 partition 100 0 100")
    files = {"/proc/swaps": "\n".join(swaps), "/sys/block/zram0/backing_dev": backing}
    monkeypatch.setattr(Path, "read_text", lambda self: files[str(self)])
    assert memory.swap_on_disk() == found


def test_no_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: "Filename Type Size Used Priority\n")
    assert memory.swap_on_disk() == ()
