"""The lock: what the sealed room may not do from here on, put on by the kernel and read back from it."""
