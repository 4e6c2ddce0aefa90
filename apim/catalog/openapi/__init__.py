"""Importing OpenAPI documents. Knows nothing of the catalog's tables."""

from apim.catalog.openapi.fetch import SpecFetchFailed, fetch_spec, file_name_of
from apim.catalog.openapi.operations import OperationSpec, extract_operations
from apim.catalog.openapi.parse import ParsedDocument, Server, Tag, parse_document
from apim.catalog.openapi.problems import InvalidSpecification, Severity, SpecProblem
from apim.catalog.operation_match import OperationMatcher

__all__ = [
    "InvalidSpecification",
    "OperationMatcher",
    "OperationSpec",
    "ParsedDocument",
    "Server",
    "Severity",
    "SpecFetchFailed",
    "SpecProblem",
    "Tag",
    "extract_operations",
    "fetch_spec",
    "file_name_of",
    "parse_document",
]
