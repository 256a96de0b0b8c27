"""`drukte audit`: what a privacy officer runs to see for themselves that no picture leaves the memory of the device."""
