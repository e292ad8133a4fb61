"""The terminal interface: what the daemon tells, drawn."""
