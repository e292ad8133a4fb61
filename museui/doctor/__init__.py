"""Checks for what keeps commits from being safe, run on this machine by the command line and the daemon."""
