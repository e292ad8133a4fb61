"""Telling people: when a repository has not been safe for too long, and once when it is again."""
