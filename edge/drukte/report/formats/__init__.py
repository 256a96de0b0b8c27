"""One pure function per message format, all from the same window."""
