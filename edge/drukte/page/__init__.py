"""A page for people near the device: what it has published, what is usual there, and how it is. Read-only."""
