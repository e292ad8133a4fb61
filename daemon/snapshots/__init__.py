"""Automatic commits of work trees that changed."""
