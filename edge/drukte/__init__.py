"""drukte: people counting on the device itself; only aggregates leave it."""

__version__ = "0.1.0"
