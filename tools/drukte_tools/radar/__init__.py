"""Configurations of radar modules: what they mean, and whether they can work."""
