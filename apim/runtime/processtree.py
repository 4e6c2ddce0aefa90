"""Ties a child process to its parent, so that nothing outlives a killed supervisor."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h

# PyDLL keeps the interpreter lock: nothing else may run between fork and exec.
_libc = ctypes.PyDLL(None) if sys.platform == "linux" else None


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a `preexec_fn` that has the kernel send `death_signal` when the parent dies.

    Linux only; elsewhere it does nothing. The kernel watches the *thread* that started the child,
    so children must be started from the main thread.
    """
    parent = os.getpid()

    def tie() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # the parent died between fork and prctl
                os.kill(os.getpid(), death_signal)

    return tie
