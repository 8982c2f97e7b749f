"""State: the port, and one adapter for each place it can live in."""
