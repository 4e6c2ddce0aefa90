"""Reading descriptions of every style into one form. Knows nothing of the catalog's tables."""

from apim.catalog.descriptions.description import Description, Fetch, Style
from apim.catalog.descriptions.read import read_description
from apim.catalog.openapi.operations import OperationSpec
from apim.catalog.openapi.parse import Server, Tag
from apim.catalog.openapi.problems import InvalidSpecification, Severity, SpecProblem

__all__ = [
    "Description",
    "Fetch",
    "InvalidSpecification",
    "OperationSpec",
    "Server",
    "Severity",
    "SpecProblem",
    "Style",
    "Tag",
    "read_description",
]
