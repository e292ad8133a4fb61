"""The hub's HTTP endpoints, one file per subject: each has ``routes``, which :mod:`hubstub.app` puts together."""
