"""What keeps a hub in order: garbage collection, checks and repair, figures."""

FAILPOINTS = ("gc.history", "gc.doomed", "gc.deleted", "fsck.marked")
"""Where a test may kill a collection or a repair (:mod:`museui.core.failpoints`), in the order they are passed."""
