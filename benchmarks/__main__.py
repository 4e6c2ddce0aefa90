"""Run all benchmarks, or those named; print the table and write it to docs/benchmarks.md."""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import benchmarks
from benchmarks.frame import BenchmarkSkipped, Result
from benchmarks.stage import ROOT, Stage

DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
FRAME = {"__main__", "frame", "hello", "stage", "rows", "load", "callers"}
# Too long for every run.
ON_REQUEST = {"soak", "chaos", "kills", "malformed"}


def main(wanted: list[str]) -> int:
    names = [found.name for found in pkgutil.iter_modules(benchmarks.__path__)]
    every = [name for name in names if name not in FRAME]
    chosen = [name for name in every if name in wanted or (not wanted and name not in ON_REQUEST)]
    if unknown := set(wanted) - set(chosen):
        print(f"There is no benchmark {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    failed = False
    load_before = os.getloadavg()[0]
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="apim-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103, PTH101 - PostgreSQL may run as another user
        with Stage(Path(folder)) as stage:
            modules = [importlib.import_module(f"benchmarks.{name}") for name in chosen]
            for module in sorted(modules, key=lambda one: one.ORDER):
                print(f"… {module.__name__.rpartition('.')[2]}", flush=True)
                try:
                    results += module.run(stage)
                except BenchmarkSkipped as reason:
                    print(f"  skipped: {reason}")
                    failed = True
                except Exception as error:  # noqa: BLE001 - the others shall still run
                    print(f"  failed: {error}", file=sys.stderr)
                    failed = True
    text = table(results)
    print(f"\n{text}")
    if results and not wanted:
        write(text, load_before)
    return int(failed)


def table(results: list[Result]) -> str:
    head = ["| what | measured | anchor | ratio | how |", "|---|---|---|---|---|"]
    rows = [
        f"| {one.name} | {one.measured} | {one.anchor} | "
        f"{'' if one.ratio is None else f'{one.ratio:.2f}'} | {one.note} |"
        for one in results
    ]
    return "\n".join([*head, *rows])


def write(text: str, load_before: float) -> None:
    """Replace what stands between the markers. `load_before`: what else kept the machine busy."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    measured = f"{BEGIN}\n\nMeasured on {date}: {machine()}, load average {load_before:.1f} before.\n\n{text}\n\n{END}"
    DOCUMENT.write_text(before + measured + after)


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, commit {commit or 'unknown'}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
