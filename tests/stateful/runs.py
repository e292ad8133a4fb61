"""Running the machine by seeds, each of which alone brings the same steps again, or by the steps of a story."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import Found, SafeMeansSafe
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
        derandomize=False,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    _raise_found(lambda: run_state_machine_as_test(Seeded, settings=chosen), f"--seed {number} --steps {steps}")


def run_steps(lines: Iterable[str], ground: Ground) -> None:
    """Do the steps of a story again: what of ``lines`` begins with ``state.``."""
    SafeMeansSafe.ground = ground

    def run() -> None:
        machine = SafeMeansSafe()
        try:
            for line in lines:
                if line.startswith("state."):
                    call = ast.parse(line, mode="eval").body
                    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
                    values = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
                    getattr(machine, call.func.attr)(**values)
                    machine.check()
        finally:
            machine.teardown()

    _raise_found(run, "--replay FILE, with the lines above that begin with state.")


def _raise_found(run: Callable[[], object], again: str) -> None:
    try:
        run()
    except Found as found:
        exc = found.__cause__
        assert exc
        exc.add_note("\n".join([*SafeMeansSafe.told, f"Again: python -m tests.stateful {again}"]))
        raise exc from None


def run_seeds(numbers: Iterable[int], steps: int, keep_going: bool, verbose: bool) -> int:
    """Run seeds and print how each went; 1 when one failed."""
    failed = 0
    ground = Ground()
    try:
        for number in numbers:
            held = _report(f"seed {number}", lambda n=number: run_seed(n, ground, steps), verbose)  # type: ignore[misc]
            failed += not held
            if failed and not keep_going:
                break
    finally:
        ground.close()
    return 1 if failed else 0


def replay(lines: Iterable[str], verbose: bool) -> int:
    """Do the steps of a report again; 1 when something is wrong."""
    ground = Ground()
    try:
        return 0 if _report("these steps", lambda: run_steps(lines, ground), verbose) else 1
    finally:
        ground.close()


def _report(what: str, run: Callable[[], None], verbose: bool) -> bool:
    began_s = time.monotonic()
    SafeMeansSafe.told = []
    try:
        run()
    except Exception as exc:
        print(f"{what}: FAILED {type(exc).__name__}: {str(exc)[:600]}", flush=True)
        print("\n".join(getattr(exc, "__notes__", [])), flush=True)
        return False
    print(f"{what}: held, {time.monotonic() - began_s:.1f} s", flush=True)
    if verbose:
        print("\n".join(SafeMeansSafe.told), flush=True)
    return True
