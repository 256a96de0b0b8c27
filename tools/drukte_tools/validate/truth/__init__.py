"""Against recorded or simulated truth: what the counting itself is worth."""
