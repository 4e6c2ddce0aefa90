"""Files that the tests of the command read."""

import json
from pathlib import Path
from typing import Any

OLD: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Tides", "version": "1.4.0"},
    "servers": [{"url": "https://tides.example.com"}],
    "paths": {
        "/tides": {"get": {"operationId": "listTides", "responses": {"200": {"description": "ok"}}}}
    },
}
PORTS = {"get": {"operationId": "listPorts", "responses": {"200": {"description": "ok"}}}}
MORE: dict[str, Any] = {**OLD, "paths": {**OLD["paths"], "/ports": PORTS}}
LESS: dict[str, Any] = {**OLD, "paths": {"/ports": PORTS}}


def write(folder: Path, name: str, document: Any) -> str:
    """The path of a new file with the document as text or as indented JSON."""
    text = document if isinstance(document, str) else json.dumps(document, indent=2)
    (folder / name).write_text(text)
    return str(folder / name)
