"""Cameras: from points, a walk or passers-by to how one hangs."""
