"""A node of a cluster is killed under traffic: no window that was confirmed is lost, over TLS, on NATS and RabbitMQ."""

from pathlib import Path

import pytest

from tests.cluster.nodes import MAKERS
from tests.cluster.run import run


@pytest.mark.slow
@pytest.mark.parametrize("engine", list(MAKERS))
def test_a_killed_node_loses_no_confirmed_window(engine: str, tmp_path: Path) -> None:
    outcome = run(
        engine, tmp_path, devices=20, window=10, seconds=45, kill_at=20, back_at=30, ramp=20, spread=5
    )  # fmt: skip
    if outcome is None:
        pytest.skip(f"{engine} is not installed: apt install {engine}-server")
    figures = outcome.figures
    assert figures["connections_broken"] >= 6, "the node had a third of the devices"
    assert figures["observations_made"] == figures["observations_confirmed"] == outcome.arrived > 0
    assert not any("not authori" in reason.lower() for reason in figures["refused"])
