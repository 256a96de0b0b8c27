"""What the process must not forget: what waits for a broker, and what has been published."""
