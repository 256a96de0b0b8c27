"""From pixels and sensor coordinates to metres on the ground, with a covariance."""
