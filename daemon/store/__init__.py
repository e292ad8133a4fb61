"""What survives a restart: the queue and the history, in one SQLite file with one writer."""
