"""Two people, two daemons, a hub, and every fault there is, at random: what is called safe must be so.

    python -m tests.stateful --seed 1 --examples 1000

Runs seeds from --seed on until one fails, and prints the steps of that one and what every program said. A seed brings
the same steps again as long as the steps themselves and Hypothesis stay as they are. The steps can be kept, too, and
shortened: save what was printed, delete lines that begin with ``state.``, and run --replay FILE. What
runs beside each other (daemons, kills at any moment) is not in a seed's hands: a failure may need some tries.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from .runs import STEPS, replay, run_seeds

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed  [default: 1]")
    parser.add_argument("--examples", type=int, default=1, metavar="N", help="how many seeds  [default: 1]")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"steps of each  [default: {STEPS}]")
    parser.add_argument("--keep-going", action="store_true", help="go on after a seed that failed")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="do the steps that stand in FILE instead")
    parser.add_argument("--verbose", action="store_true", help="print the story of runs that hold, too")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing stays mounted
    if options.replay:
        sys.exit(replay(options.replay.read_text().splitlines(), options.verbose))
    numbers = range(options.seed, options.seed + options.examples)
    sys.exit(run_seeds(numbers, options.steps, options.keep_going, options.verbose))
