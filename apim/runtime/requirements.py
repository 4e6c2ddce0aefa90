"""Prints the direct dependencies out of pyproject.toml: `python -m apim.runtime.requirements dev`.

The product runs from its folder and is not a package to install, so pip gets this list instead.
"""

import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def requirements(pyproject: Path, extras: list[str]) -> list[str]:
    """Return the dependencies of the project and of the named extras."""
    project = tomllib.loads(pyproject.read_text())["project"]
    found: list[str] = list(project["dependencies"])
    for extra in extras:
        found += project["optional-dependencies"][extra]
    return found


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(PYPROJECT, sys.argv[1:])) + "\n")
