"""Which version a gRPC call reaches: clients of gRPC cannot put a listen path before a method's.

They call `/package.Service/Method` at the gateway's host, so each service is a path of its own.
"""

from __future__ import annotations

from apim.catalog.models import ApiVersion, Operation, SpecRevision


def grpc_versions() -> set[int]:
    """Primary keys of the versions whose current description is of gRPC."""
    described = ApiVersion.objects.filter(current_revision__style=SpecRevision.Style.GRPC)
    return set(described.values_list("pk", flat=True))


def served_services() -> dict[str, int]:
    """`/package.Service` → primary key of the version that serves it.

    Of several versions that describe a service the one that was published first has it; the others
    are reached below their listen paths only.
    """
    rows = Operation.objects.filter(
        removed_at__isnull=True,
        version__state__in=ApiVersion.CALLABLE,
        version__current_revision__style=SpecRevision.Style.GRPC,
    ).order_by("version__published_at", "version_id", "pk")
    served: dict[str, int] = {}
    for path, version_id in rows.values_list("path", "version_id"):
        service, _, method = path.rpartition("/")
        if method and service.count("/") == 1 and len(service) > 1:
            served.setdefault(service, version_id)
    return served
