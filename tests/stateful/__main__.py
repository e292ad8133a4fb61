"""``python -m tests.stateful --examples N --seed S``: N seeds from S on, until one fails."""

from __future__ import annotations

import argparse
import signal
import sys

from .runs import run_seeds

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--keep-going", action="store_true", help="go on after a seed that failed")
    parser.add_argument("--verbose", action="store_true", help="print the story of seeds that pass, too")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing stays mounted
    sys.exit(run_seeds(options.seed, options.examples, options.steps, options.keep_going, options.verbose))
