"""Print every circle of imports among the modules of museui, daemon and hubstub; exit code 1 when there is one.

An import inside a function and one for types alone count like any other: a reader has to follow them as well.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter

import grimp

PACKAGES = ("museui", "daemon", "hubstub")


def find_circle(imports: Mapping[str, Set[str]]) -> list[str] | None:
    """Return the modules of one circle, the first again at the end; ``None`` when there is none.

    ``imports``: module → the modules that it imports.
    """
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as exc:
        circle: list[str] = exc.args[1][::-1]
        return circle
    return None


def main() -> int:
    """Return the exit code."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    count = 0
    while circle := find_circle(imports):
        count += 1
        print(" → ".join(circle))
        imports[circle[0]] = imports[circle[0]] - {circle[1]}
    print(f"{len(imports)} modules, {count or 'no'} circle{'' if count == 1 else 's'} of imports")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
