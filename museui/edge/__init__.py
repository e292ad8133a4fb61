"""The command-line edge that ``museui`` and ``museui hub`` share: errors, signals, standard streams, output."""
