"""What a description of any style tells: the one form in which the platform knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apim.catalog.openapi.operations import OperationSpec
    from apim.catalog.openapi.parse import Server, Tag
    from apim.catalog.openapi.positions import Positions
    from apim.catalog.openapi.problems import SpecProblem

# Gives the body at an address, or raises SpecFetchFailed.
Fetch = Callable[[str], bytes]


class Style(StrEnum):
    OPENAPI = "openapi"
    ASYNCAPI = "asyncapi"
    GRAPHQL = "graphql"
    GRPC = "grpc"
    WSDL = "wsdl"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Description:
    """A description in which no error was found; `warnings` says what could be better.

    `data` is the whole document as one JSON-like tree, in which every reference is internal:
    OpenAPI 2.0 upgraded to 3.0, several files bundled into one. For AsyncAPI it is the document;
    the trees of GraphQL, gRPC, WSDL and prose are told in the modules that make them. `uploaded`
    is the tree as it was uploaded where that differs (OpenAPI 2.0), else the same object;
    `positions` tells where a path into `data` stands in the upload's root file, if known.

    An operation whose method is in capitals is a call over HTTP of that method and path; the
    others (`query`, `mutation`, `subscription`, `send`, `receive`, `soap`) are only told of.
    """

    style: Style
    # "3.1.0", "2.6.0", "proto3", "1.1"; empty where there is none.
    style_version: str
    # json, yaml, graphql, proto, descriptor, wsdl, markdown; of the root file.
    format: str
    media_type: str
    title: str
    version: str
    summary: str
    description: str
    servers: tuple[Server, ...]
    tags: tuple[Tag, ...]
    operations: tuple[OperationSpec, ...]
    data: Any = field(repr=False)
    uploaded: Any = field(repr=False)
    positions: Positions | None = field(repr=False, compare=False)
    warnings: tuple[SpecProblem, ...]
    # SHA-256 of the uploaded bytes, hex.
    sha256: str
    # Address and text of each document that was fetched because the upload refers to it.
    fetched: dict[str, str] = field(default_factory=dict, repr=False)
