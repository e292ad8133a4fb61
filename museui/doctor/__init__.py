"""What keeps commits from being safe, as it is seen from this machine: the checks of command line and daemon."""
