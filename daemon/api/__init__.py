"""The local API: HTTP with JSON on a Unix socket, for this user alone."""
