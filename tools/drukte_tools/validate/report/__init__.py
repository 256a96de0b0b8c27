"""What follows from a counted sample: figures with their intervals, for experts and for everybody."""
