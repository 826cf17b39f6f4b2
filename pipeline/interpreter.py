"""Settings of the interpreter for a process that does nothing but one run."""

import gc
import sys

# The time in seconds that a thread keeps the interpreter, tenfold of the default: a batch of records is then normalized
# without a switch in the middle, and the event loop waits a batch at most.
SWITCH_INTERVAL = 0.05


def dedicate() -> None:
    """Let threads have long turns, and leave what is loaded so far out of garbage collections.

    Call this in processes of the program alone: another program may need short turns.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.freeze()
