"""Running seeds of the machine: each is a run of its own, so that a seed alone brings the same steps again."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import SafeMeansSafe
from .world import Ground

STEPS = 30


def run_seed(number: int, ground: Ground, steps: int = STEPS) -> None:
    """One seed; raises what it finds, with the steps that led there.

    Hypothesis tries the simplest run first, which does nothing here, and then the one that the seed says.
    """

    @seed(number)
    class Seeded(SafeMeansSafe):
        pass

    Seeded.ground = ground
    chosen = settings(
        max_examples=2,
        stateful_step_count=steps,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        run_state_machine_as_test(Seeded, settings=chosen)
    except Exception as exc:
        exc.add_note(f"seed {number}, {steps} steps at most; what was done and said:\n" + "\n".join(Seeded.told))
        raise


def run_seeds(first: int, how_many: int, steps: int, keep_going: bool, verbose: bool) -> int:
    """Run seeds and print how each went; 1 when one failed."""
    failed = 0
    ground = Ground()
    try:
        for number in range(first, first + how_many):
            began_s = time.monotonic()
            SafeMeansSafe.told = []
            try:
                run_seed(number, ground, steps)
            except Exception as exc:
                failed += 1
                print(f"seed {number}: FAILED {type(exc).__name__}: {str(exc)[:600]}", flush=True)
                print("\n".join(getattr(exc, "__notes__", [])), flush=True)
                if not keep_going:
                    break
            else:
                print(f"seed {number}: held, {time.monotonic() - began_s:.1f} s", flush=True)
                if verbose:
                    print("\n".join(SafeMeansSafe.told), flush=True)
    finally:
        ground.close()
    return 1 if failed else 0
