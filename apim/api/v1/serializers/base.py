"""What resources have in common."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

# Docstrings of serializers become descriptions in the schema; these two have comments instead.


# A row as the API shows it: `id` is always the public id.
class Resource(serializers.ModelSerializer[Any]):
    id = serializers.CharField(source="public_id", read_only=True)


# What a request sends. Unknown fields are refused: a misspelt one must not pass in silence.
class Body(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(
                {
                    name: [serializers.ErrorDetail("Unknown field.", code="unknown_field")]
                    for name in unknown
                }
            )
        return super().to_internal_value(data)
