"""The daemon: watches repositories, pushes what is new, and says what it does on a local socket."""
