"""Noticing that a repository changed: events of the file system, and a look at the repository itself."""
