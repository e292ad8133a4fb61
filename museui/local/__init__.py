"""The daemon as command line and terminal UI see it: where it is, what it says, and how to ask it."""
