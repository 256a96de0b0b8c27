"""`drukte setup`: the first run on a new device, as questions in the terminal or as flags of a script."""
