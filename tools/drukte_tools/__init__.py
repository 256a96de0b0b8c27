"""What runs on a technician's, officer's or validator's machine, never on the device."""
