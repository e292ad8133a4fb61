"""The user's own settings, ``config.toml`` in the configuration folder: what the command line and the daemon share."""
