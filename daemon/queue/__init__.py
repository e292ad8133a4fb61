"""What waits to be pushed, as values and functions: no clock, no chance, no network, no database."""
