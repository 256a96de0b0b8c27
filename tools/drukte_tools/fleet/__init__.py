"""Many devices at one broker: what they say of themselves, new settings in rings, enrolment, made-up traffic.

There is no server of its own: the broker is the bus, and what it retains is the inventory.
"""
