"""Radars: from a walk to how one hangs."""
