"""The contents of the screens, computed from the daemon's state and the time alone: no terminal, widget or clock."""
