"""`drukte doctor`: what is fine on this device and what to fix, each with the command that fixes it."""
