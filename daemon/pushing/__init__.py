"""Pushes: whose turn it is, how one runs, how far it is, and what stalls."""
