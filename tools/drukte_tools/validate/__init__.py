"""How well the device counts: recorded truth, hand counts, intervals."""
