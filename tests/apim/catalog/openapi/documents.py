"""Documents that the tests read and spoil."""

import json
from copy import deepcopy
from typing import Any

TIDES: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Tides", "version": "1.2.0", "description": "High and low water."},
    "servers": [
        {"url": "https://{region}.example.com/v1", "variables": {"region": {"default": "eu"}}}
    ],
    "tags": [{"name": "Tides", "description": "Times and heights"}],
    "security": [{"key": []}],
    "paths": {
        "/tides": {
            "get": {
                "operationId": "list_tides",
                "summary": "List tides",
                "tags": ["Tides"],
                "parameters": [{"name": "day", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"$ref": "#/components/responses/Tides"}},
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"201": {"description": "Stored"}},
                "deprecated": True,
                "security": [],
            },
        },
        "/tides/{port}": {
            "parameters": [
                {"name": "port", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {"responses": {"200": {"$ref": "#/components/responses/Tides"}}},
        },
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "name": "X-API-Key", "in": "header"}},
        "responses": {
            "Tides": {
                "description": "Tides",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tide"}}},
            }
        },
        "schemas": {
            "Tide": {
                "type": "object",
                "properties": {"height_m": {"type": "number"}, "$ref": {"type": "string"}},
                "example": {"$ref": "not a reference, only an example"},
            }
        },
    },
}


def tides() -> dict[str, Any]:
    return deepcopy(TIDES)


def as_json(document: Any) -> bytes:
    return json.dumps(document, indent=2).encode()
