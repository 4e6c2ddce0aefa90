"""What changed between two OpenAPI documents."""

from apim.catalog.diff.openapi.compare import compare_openapi

__all__ = ["compare_openapi"]
