"""gRPC: services in protocol buffers, as source files or as a descriptor set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Description, Style
from apim.catalog.descriptions.graphql import title_from
from apim.catalog.descriptions.proto_binary import read_descriptor_set
from apim.catalog.descriptions.proto_files import ProtoFiles, Tree
from apim.catalog.descriptions.proto_source import read_proto
from apim.catalog.descriptions.told import distinct, operation
from apim.catalog.openapi.parse import Tag
from apim.catalog.openapi.problems import InvalidSpecification, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apim.catalog.descriptions.tokens import Text
    from apim.catalog.openapi.operations import OperationSpec

# gRPC over HTTP/2: Requests.
CONTENT_TYPE = "application/grpc"


def read_grpc_sources(
    texts: Mapping[str, Text], *, filename: str | None, sha256: str
) -> Description:
    """From source files by their names. Raises InvalidSpecification."""
    files = ProtoFiles()
    for name, text in texts.items():
        read_proto(text, name, files)
    return _described(files, filename, form="proto", media_type="text/x-protobuf", sha256=sha256)


def read_grpc_binary(raw: bytes, *, filename: str | None, sha256: str) -> Description:
    """From a FileDescriptorSet. Raises InvalidSpecification."""
    files = ProtoFiles()
    read_descriptor_set(raw, files)
    return _described(
        files, filename, form="descriptor", media_type="application/x-protobuf", sha256=sha256
    )


def _described(
    files: ProtoFiles, filename: str | None, *, form: str, media_type: str, sha256: str
) -> Description:
    tree = files.resolve()
    if not tree["services"] and not files.findings:
        files.findings.warning((), _("No file defines a service; only messages are shown."))
    problems = files.findings.problems(files.spots)
    if any(p.severity is Severity.ERROR for p in problems):
        raise InvalidSpecification(problems)
    services = tree["services"]
    first: Tree = next(iter(services.values()), {})
    names = [name.rpartition(".")[2] for name in services]
    title = names[0] if len(names) == 1 else tree.get("package") or title_from(filename, "gRPC API")
    syntax = tree["files"].get(first.get("file"), {}).get("syntax", "")
    return Description(
        style=Style.GRPC,
        style_version=syntax or next((f["syntax"] for f in tree["files"].values()), ""),
        format=form,
        media_type=media_type,
        title=title,
        version=_version(tree.get("package", "")),
        summary="",
        description=first.get("description", "") if len(names) == 1 else "",
        servers=(),
        tags=tuple(Tag(name, one.get("description", "")) for name, one in services.items()),
        operations=distinct(_operations(tree)),
        data=tree,
        uploaded=tree,
        positions=files.spots,
        warnings=problems,
        sha256=sha256,
    )


def _version(package: str) -> str:
    """`v1` of `google.pubsub.v1`."""
    last = package.rpartition(".")[2]
    return last if last[:1] == "v" and last[1:2].isdigit() else ""


def _operations(tree: Tree) -> Iterator[OperationSpec]:
    """Each method at the path that gRPC calls it by."""
    for service_name, service in tree["services"].items():
        for name, method in service["methods"].items():
            yield operation(
                "POST",
                f"/{service_name}/{name}",
                f"{service_name}.{name}",
                description=method.get("description", ""),
                tags=[service_name.rpartition(".")[2]],
                is_deprecated=bool(method.get("deprecated") or service.get("deprecated")),
                request_types=[CONTENT_TYPE],
                response_types=[CONTENT_TYPE],
            )
