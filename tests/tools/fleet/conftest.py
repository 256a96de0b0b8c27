"""Brokers, as the open room's tests make them."""

from tests.report.conftest import broker, new_broker  # noqa: F401
