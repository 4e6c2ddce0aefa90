"""Vendored files are the ones their entry in vendor.toml names, and nothing else is vendored."""

import hashlib
import tomllib
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
MANIFEST = tomllib.loads((VENDOR / "vendor.toml").read_text())


@pytest.mark.parametrize("entry", MANIFEST["files"], ids=lambda entry: entry["name"])
def test_vendored_file_has_the_recorded_digest(entry):
    content = (VENDOR / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]


@pytest.mark.parametrize(
    "entry", [*MANIFEST["files"], *MANIFEST["derived"]], ids=lambda entry: entry["name"]
)
def test_vendored_entry_ships_its_licence_and_version(entry):
    assert (VENDOR / entry["file"]).is_file()
    assert (VENDOR / entry["licence_file"]).stat().st_size > 400
    assert entry["version"][0].isdigit()
    assert entry["licence"] in {"0BSD", "MIT", "ISC", "BSD-3-Clause", "Apache-2.0"}


def test_every_file_in_vendor_is_recorded():
    recorded = {entry[key] for entry in MANIFEST["files"] for key in ("file", "licence_file")}
    recorded |= {entry["licence_file"] for entry in MANIFEST["derived"]} | {"vendor.toml"}
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present == recorded
