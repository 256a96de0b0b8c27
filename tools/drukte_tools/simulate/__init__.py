"""Simulated people, radars and module streams with exact positions."""
