"""What the screens show, worked out from the daemon's state and the time alone: no terminal, no widget, no clock."""
