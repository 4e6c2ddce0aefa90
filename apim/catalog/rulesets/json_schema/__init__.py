"""JSON Schema, drafts 4 to 2020-12 and OpenAPI's own, compiled to functions.

Of our own, because one run has to be bounded in time, to follow the references of the description
that is checked, to know OpenAPI's `nullable` and `readOnly`, and to report as Spectral does, whose
engine is Ajv: the same keywords in the same order, with the same messages.
"""

from apim.catalog.rulesets.json_schema.compiler import Compiler
from apim.catalog.rulesets.json_schema.errors import BadSchema, Run, SchemaError

__all__ = ["BadSchema", "Compiler", "Run", "SchemaError"]
