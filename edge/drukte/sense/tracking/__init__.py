"""Short-lived tracks on the ground plane, for camera and radar alike; no appearance."""
