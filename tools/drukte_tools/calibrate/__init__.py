"""From box to calibrated sensor: points, distances, a walk or passers-by in, `ground:` and a certificate out."""
