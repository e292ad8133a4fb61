"""The pushes that are over: their rows, the usual durations and the commits sent."""
