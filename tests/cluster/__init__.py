"""Three nodes of a broker on one machine, with a city's own configuration files."""
