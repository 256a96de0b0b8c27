"""How the device and this process are."""
