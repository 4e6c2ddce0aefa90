"""Reading the catalog: for the portal only what is published, for staff everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Model,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from apim.catalog.descriptions import Description, read_description
from apim.catalog.models import (
    OPERATION_GROUPS,
    Api,
    ApiVersion,
    Limit,
    Operation,
    Plan,
    Product,
    SpecRevision,
)
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

Found = TypeVar("Found", bound=Model)
MAX_TERMS = 8
# Of documents as they are downloaded, by media type.
_EXTENSIONS = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/zip": "zip",
    "application/graphql": "graphql",
    "application/wsdl+xml": "wsdl",
    "text/markdown": "md",
    "text/x-protobuf": "proto",
    "application/x-protobuf": "binpb",
}


@dataclass(frozen=True, slots=True)
class TagCount:
    tag: str
    count: int


@dataclass(frozen=True, slots=True)
class OperationGroup:
    """Operations under their first tag; `tag` is empty for those without one."""

    tag: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A published product with its published plans (limits loaded) and callable versions."""

    product: Product
    plans: tuple[Plan, ...]
    versions: tuple[ApiVersion, ...]


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """A revision's document as it was uploaded."""

    raw: bytes
    media_type: str
    sha256: str
    filename: str
    revision: int


# For staff


def get_api(public_id: str) -> Api:
    """Raises NotFound."""
    return _one(Api.objects.filter(public_id=public_id))


def get_api_by_slug(slug: str) -> Api:
    """Raises NotFound."""
    return _one(Api.objects.filter(slug=slug))


def get_version(public_id: str) -> ApiVersion:
    """With its API and current revision. Raises NotFound."""
    return _one(_versions().filter(public_id=public_id))


def get_product(public_id: str) -> Product:
    """Raises NotFound."""
    return _one(Product.objects.filter(public_id=public_id))


def get_plan(public_id: str) -> Plan:
    """With its product. Raises NotFound."""
    return _one(_plans().filter(public_id=public_id))


def get_limit(public_id: str) -> Limit:
    """With its plan and product. Raises NotFound."""
    return _one(Limit.objects.select_related("plan__product").filter(public_id=public_id))


def get_operation(public_id: str) -> Operation:
    """With its version and API. Raises NotFound."""
    return _one(Operation.objects.select_related("version__api").filter(public_id=public_id))


def get_revision(version: ApiVersion, number: int | None = None) -> SpecRevision:
    """The revision of that number, or the current one. Raises NotFound."""
    revisions = SpecRevision.objects.filter(version=version)
    if number is None:
        return _one(revisions.filter(pk=version.current_revision_id or 0))
    return _one(revisions.filter(number=number))


def api_list(*, query: str = "", state: str = "") -> QuerySet[Api]:
    """All APIs with `version_count`, `published_count` and `operation_count`.

    `state` keeps those with a version in that state.
    """
    apis = _searched(Api.objects.all(), query)
    if state:
        in_state = ApiVersion.objects.filter(api=OuterRef("pk"), state=state)
        apis = apis.filter(Exists(in_state))
    return apis.annotate(
        version_count=Count("versions", distinct=True),
        published_count=Count(
            "versions", filter=Q(versions__state__in=ApiVersion.CALLABLE), distinct=True
        ),
        operation_count=_operation_count(ApiVersion.State.values),
    ).prefetch_related(Prefetch("versions", _versions()))


def versions_of(api: Api) -> QuerySet[ApiVersion]:
    """All versions of an API, newest first, with `operation_count` and `revision_count`."""
    return (
        _versions()
        .filter(api=api)
        .annotate(
            operation_count=Count(
                "operations", filter=Q(operations__removed_at__isnull=True), distinct=True
            ),
            revision_count=Count("revisions", distinct=True),
        )
        .order_by("-id")
    )


def groups_of(product: Product) -> tuple[str, ...]:
    """The operation groups of a product's versions, by name."""
    names = Operation.objects.filter(
        version__in=product.versions.all(), removed_at__isnull=True
    ).values_list(OPERATION_GROUPS, flat=True)
    return tuple(sorted({name for row in names for name in row}, key=str.casefold))


def revisions_of(version: ApiVersion) -> QuerySet[SpecRevision]:
    """Newest first with their scores, without the documents themselves."""
    return (
        SpecRevision.objects.filter(version=version)
        .select_related("lint_result")
        .defer("raw", "fetched", "lint_result__findings")
        .order_by("-number")
    )


def product_list(*, query: str = "", state: str = "") -> QuerySet[Product]:
    """All products with `version_count` and `plan_count`."""
    products = Product.objects.all()
    for term in _terms(query):
        products = products.filter(
            Q(name__icontains=term) | Q(summary__icontains=term) | Q(slug__icontains=term)
        )
    if state:
        products = products.filter(state=state)
    return products.annotate(
        version_count=Count("versions", distinct=True),
        plan_count=Count("plans", distinct=True),
    ).order_by("name", "pk")


def plans_of(product: Product) -> QuerySet[Plan]:
    """All plans of a product in their order, limits loaded."""
    return _plans().filter(product=product)


# For everybody


def catalog_apis(*, query: str = "", tags: Iterable[str] = ()) -> QuerySet[Api]:
    """APIs with at least one callable version, those named like the query first.

    Every word of the query must occur in the API's name, summary, description or tags, or in the
    method, path, id or summary of one of its operations. Each API has `callable_versions` (a list,
    newest first) and `operation_count`, that of the newest one.
    """
    callable_versions = ApiVersion.objects.callable().filter(api=OuterRef("pk"))
    apis = _searched(
        Api.objects.filter(Exists(callable_versions)), query, states=ApiVersion.CALLABLE
    )
    wanted = list(tags)
    if wanted:
        apis = apis.filter(tags__contains=wanted)
    return apis.annotate(operation_count=_operation_count(ApiVersion.CALLABLE)).prefetch_related(
        _callable_versions()
    )


def catalog_tags() -> tuple[TagCount, ...]:
    """The tags of the APIs in the portal's catalog, with how many have each; by name."""
    visible = Api.objects.filter(
        Exists(ApiVersion.objects.callable().filter(api=OuterRef("pk")))
    ).values_list("tags", flat=True)
    counts = Counter(tag for tags in visible for tag in tags)
    return tuple(TagCount(tag, counts[tag]) for tag in sorted(counts, key=str.casefold))


def get_published_api(slug: str) -> Api:
    """With `callable_versions`. Raises NotFound, also for an API that has none."""
    return _one(catalog_apis().filter(slug=slug))


def get_published_version(api: Api, name: str | None = None) -> ApiVersion:
    """The callable version of that name; without one the newest, published before deprecated.

    Raises NotFound.
    """
    versions = _newest_first(_versions().filter(api=api, state__in=ApiVersion.CALLABLE))
    return _one(versions if name is None else versions.filter(name=name))


def operations_of(version: ApiVersion, *, query: str = "") -> QuerySet[Operation]:
    """The operations that the current revision has, in its order."""
    operations = Operation.objects.filter(version=version, removed_at__isnull=True)
    for term in _terms(query):
        operations = operations.filter(_operation_matches(term))
    return operations.order_by("position", "id")


def operations_by_tag(version: ApiVersion, *, query: str = "") -> tuple[OperationGroup, ...]:
    """The operations grouped by first tag; groups in order of appearance, untagged last."""
    groups: dict[str, list[Operation]] = {}
    for operation in operations_of(version, query=query):
        groups.setdefault(operation.tags[0] if operation.tags else "", []).append(operation)
    untagged = groups.pop("", None)
    found = [OperationGroup(tag, tuple(operations)) for tag, operations in groups.items()]
    return (*found, OperationGroup("", tuple(untagged))) if untagged else tuple(found)


def published_products(*, query: str = "") -> QuerySet[Product]:
    """Products of the portal with `published_plans` and `callable_versions` (lists)."""
    return product_list(query=query, state=Product.State.PUBLISHED).prefetch_related(
        Prefetch("plans", _plans().filter(state=Plan.State.PUBLISHED), to_attr="published_plans"),
        _callable_versions(),
    )


def get_published_product(slug: str) -> Product:
    """With `published_plans` and `callable_versions`. Raises NotFound."""
    return _one(published_products().filter(slug=slug))


def get_published_plan(public_id: str) -> Plan:
    """A plan that can be subscribed to, with its product. Raises NotFound."""
    plans = _plans().filter(state=Plan.State.PUBLISHED, product__state=Product.State.PUBLISHED)
    return _one(plans.filter(public_id=public_id))


def offers_for(subject: Api | ApiVersion) -> tuple[Offer, ...]:
    """Published products that hold a callable version of the API, or this very version.

    Products without a published plan are left out: nobody could subscribe.
    """
    versions = ApiVersion.objects.callable()
    if isinstance(subject, Api):
        versions = versions.filter(api=subject)
    else:
        versions = versions.filter(pk=subject.pk)
    products = published_products().filter(versions__in=versions).distinct()
    offers = [
        Offer(
            product,
            tuple(getattr(product, "published_plans", ())),
            tuple(getattr(product, "callable_versions", ())),
        )
        for product in products
    ]
    return tuple(offer for offer in offers if offer.plans)


def spec_document(version: ApiVersion, number: int | None = None) -> SpecDocument:
    """The document of the version's current revision, or of the one of that number.

    Raises NotFound.
    """
    revision = get_revision(version, number)
    return SpecDocument(
        raw=bytes(revision.raw),
        media_type=revision.media_type,
        sha256=revision.sha256,
        filename=f"{version.api.slug}-{version.name}.{_extension(revision)}",
        revision=revision.number,
    )


def description_of(revision: SpecRevision) -> Description:
    """What the revision describes, read again from the document; seconds for a very large one.

    Nothing is fetched: what it refers to elsewhere was kept when it was uploaded.
    """

    def kept(url: str) -> bytes:
        return str(revision.fetched[url]).encode()

    return read_description(
        bytes(revision.raw),
        filename=revision.filename or f"description.{_extension(revision)}",
        fetch=kept,
        source_url=revision.source_url,
    )


def _extension(revision: SpecRevision) -> str:
    return _EXTENSIONS.get(revision.media_type) or (
        revision.filename.rpartition(".")[2] if "." in revision.filename else "txt"
    )


# Parts


def _one(found: QuerySet[Found]) -> Found:
    first = found.first()
    if first is None:
        raise NotFound
    return first


def _versions() -> QuerySet[ApiVersion]:
    return ApiVersion.objects.select_related("api", "current_revision").defer(
        "current_revision__raw"
    )


def _newest_first(versions: QuerySet[ApiVersion]) -> QuerySet[ApiVersion]:
    """Published before deprecated, then the latest published."""
    is_deprecated = Case(
        When(state=ApiVersion.State.DEPRECATED, then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    return versions.order_by(is_deprecated, F("published_at").desc(nulls_last=True), "-id")


def _callable_versions() -> Prefetch[str]:
    callable_ones = _versions().filter(state__in=ApiVersion.CALLABLE)
    return Prefetch("versions", _newest_first(callable_ones), to_attr="callable_versions")


def _plans() -> QuerySet[Plan]:
    return (
        Plan.objects.select_related("product")
        .prefetch_related("limits")
        .order_by("product_id", "position", "id")
    )


def _operation_count(states: Iterable[str]) -> Coalesce:
    """How many operations the outer API's newest version in one of `states` has."""
    # Twice outer: this stands in a subquery of a subquery of the query for APIs.
    versions = ApiVersion.objects.filter(api=OuterRef(OuterRef("pk")), state__in=states)
    newest = _newest_first(versions).values("pk")[:1]
    counted = (
        Operation.objects.filter(version=Subquery(newest), removed_at__isnull=True)
        .order_by()
        .values("version")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _operation_matches(term: str) -> Q:
    return (
        Q(path__icontains=term)
        | Q(summary__icontains=term)
        | Q(operation_id__icontains=term)
        | Q(method__iexact=term)
    )


def _terms(query: str) -> list[str]:
    """PostgreSQL takes no NUL, and nobody searches for more words than that."""
    return query.replace("\0", "").split()[:MAX_TERMS]


def _searched(
    apis: QuerySet[Api], query: str, *, states: Iterable[str] = ApiVersion.State.values
) -> QuerySet[Api]:
    terms = _terms(query)
    if not terms:
        return apis.order_by("name", "id")
    for term in terms:
        operations = Operation.objects.filter(
            _operation_matches(term),
            version__api=OuterRef("pk"),
            version__state__in=states,
            removed_at__isnull=True,
        )
        apis = apis.filter(
            Q(name__icontains=term)
            | Q(summary__icontains=term)
            | Q(description__icontains=term)
            | Q(tags__icontains=term)
            | Q(slug__icontains=term)
            | Exists(operations)
        )
    rank = Case(
        When(name__istartswith=terms[0], then=Value(0)),
        When(name__icontains=terms[0], then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return apis.order_by(rank, "name", "id")
