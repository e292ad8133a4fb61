"""The push, from the first byte that arrives to the branch that moves."""

FAILPOINTS = (
    "staging.received",
    "confirm.read",
    "confirm.verified",
    "confirm.stored",
    "confirm.before_commit",
    "confirm.committed",
    "confirm.answered",
    "promote.object",
    "promote.moved",
    "promote.done",
)
"""Where a test may kill the hub (:mod:`museui.core.failpoints`), in the order a push passes."""
