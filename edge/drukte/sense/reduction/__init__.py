"""Positions to numbers: zones, lines, closeness, groups, and the sums of one tick."""
