"""A program for the supervisor's tests: it supervises small real processes, told by JSON.

Run as `python -m tests.apim.runtime.stage <folder> <specs.json>`.
"""

import json
import os
import signal
import sys
from pathlib import Path

from apim.runtime.console import Console
from apim.runtime.keeper import ProcessSpec
from apim.runtime.probes import exists
from apim.runtime.problems import RuntimeProblem
from apim.runtime.supervisor import Supervisor, run_supervisor


def spec_of(folder, told):
    ready_file = told.pop("ready_file", None)
    stop_signal = signal.Signals[told.pop("stop_signal", "SIGTERM")]
    ready = exists(folder / ready_file) if ready_file else None
    command = [sys.executable, "-u", "-c", told.pop("code")]
    return ProcessSpec(command=command, ready=ready, stop_signal=stop_signal, **told)


def main(folder, specs_file):
    specs = [spec_of(folder, told) for told in json.loads(specs_file.read_text())]
    console = Console()

    def supervise():
        return Supervisor(specs, env=os.environ, folder=folder, logs=folder, console=console)

    try:
        return run_supervisor(supervise, lambda: console.say("ALL READY"))
    except RuntimeProblem as problem:
        console.problem(str(problem))
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
