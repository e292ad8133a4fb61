"""The watched repositories: their rows, what was seen of them, and their place on the board."""
