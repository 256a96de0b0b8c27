"""What people see in a sample's pictures, and what the device saw."""
