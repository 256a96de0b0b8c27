"""What this device is for, who did what to it, and what keeps frames in."""
