"""What is published: APIs and their versions, and the products and plans that offer them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apim.catalog import governance  # noqa: F401 - further models of this app
from apim.catalog.limit_terms import (
    LimitKind,
    LimitPer,
    LimitTerms,
    LimitWindow,
    default_name,
    in_order,
    terms_checks,
)
from apim.catalog.limit_words import sentence
from apim.core.ids import PublicIdField


class Api(models.Model):
    """A published capability with an owner."""

    public_id = PublicIdField(prefix="api")
    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    summary = models.CharField(_("summary"), max_length=240, blank=True)
    description = models.TextField(_("description"), blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    owner_email = models.EmailField(_("owner's e-mail"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "API"
        verbose_name_plural = "APIs"

    def __str__(self) -> str:
        return self.name


class ApiVersionQuerySet(models.QuerySet["ApiVersion"]):
    def callable(self) -> ApiVersionQuerySet:
        """Versions that gateways serve."""
        return self.filter(state__in=ApiVersion.CALLABLE)


class ApiVersion(models.Model):
    """A line of compatibility: v1, v2. Gateways serve it at `/<api slug>/<name>/`."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        DEPRECATED = "deprecated", _("Deprecated")
        RETIRED = "retired", _("Retired")

    CALLABLE = (State.PUBLISHED, State.DEPRECATED)

    public_id = PublicIdField(prefix="ver")
    api = models.ForeignKey(Api, on_delete=models.PROTECT, related_name="versions")
    name = models.SlugField(_("name"), max_length=30)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    # Base address that gateways forward to; the operation's path is appended.
    upstream_url = models.URLField(_("upstream URL"), max_length=500)
    sandbox_upstream_url = models.URLField(_("sandbox upstream URL"), max_length=500, blank=True)
    timeout_seconds = models.PositiveSmallIntegerField(
        _("timeout"), default=30, validators=[MinValueValidator(1)]
    )
    # Response header in which the upstream states what a call costs; empty: the operation's cost.
    cost_header = models.CharField(
        _("cost header"), max_length=60, blank=True, default="", db_default=""
    )
    # Let known keys by while nobody can check them.
    fails_open = models.BooleanField(_("fails open"), default=False, db_default=False)
    current_revision = models.ForeignKey(
        "SpecRevision", on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    published_at = models.DateTimeField(null=True)
    deprecated_at = models.DateTimeField(null=True)
    # The day from which the deprecated version may stop answering (RFC 8594 Sunset).
    sunset_on = models.DateField(_("sunset"), null=True)
    retired_at = models.DateTimeField(null=True)

    objects: ClassVar = ApiVersionQuerySet.as_manager()

    class Meta:
        ordering = ["api_id", "-id"]
        verbose_name = "API version"
        constraints = [
            models.UniqueConstraint(fields=["api", "name"], name="version_name_per_api"),
        ]

    def __str__(self) -> str:
        return f"{self.api.name} {self.name}"

    @property
    def listen_path(self) -> str:
        """Path prefix at the gateway, without a trailing slash."""
        return f"/{self.api.slug}/{self.name}"

    @property
    def is_callable(self) -> bool:
        return self.state in self.CALLABLE


class SpecRevision(models.Model):
    """One immutable uploaded document of a version."""

    class Style(models.TextChoices):
        """See apim.catalog.descriptions.Style."""

        OPENAPI = "openapi", "OpenAPI"
        ASYNCAPI = "asyncapi", "AsyncAPI"
        GRAPHQL = "graphql", "GraphQL"
        GRPC = "grpc", "gRPC"
        WSDL = "wsdl", "WSDL"
        PROSE = "prose", _("Prose")

    public_id = PublicIdField(prefix="rev")
    version = models.ForeignKey(ApiVersion, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    raw = models.BinaryField()
    media_type = models.CharField(max_length=40)
    style = models.CharField(
        _("style"),
        max_length=10,
        choices=Style.choices,
        default=Style.OPENAPI,
        db_default=Style.OPENAPI.value,
    )
    # Of the style: "3.1.0", "2.6.0", "proto3"; the column is older than the other styles.
    style_version = models.CharField(max_length=12, blank=True, db_column="openapi_version")
    # As uploaded, if it was a file; tells what is inside, as YAML from JSON.
    filename = models.CharField(max_length=200, blank=True, default="", db_default="")
    # Address and text of other documents that it refers to, as they were when it was uploaded.
    fetched = models.JSONField(default=dict, db_default={})
    # What the uploader said of it.
    note = models.CharField(_("note"), max_length=500, blank=True, default="", db_default="")
    title = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    warnings = models.JSONField(default=list)
    source_url = models.URLField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-number"]
        verbose_name = "specification revision"
        constraints = [
            models.UniqueConstraint(fields=["version", "number"], name="revision_number"),
        ]

    def __str__(self) -> str:
        return f"{self.title} revision {self.number}"


class Operation(models.Model):
    """Method and path, extracted from a revision.

    Only a method in capitals is one of HTTP; a field of a GraphQL schema, for instance, has
    `query`. See apim.catalog.descriptions.Description.

    A later revision keeps the row of an operation that it still has (matched by method and path),
    so that usage keeps its name; one that it lost gets `removed_at`.
    """

    public_id = PublicIdField(prefix="opn")
    version = models.ForeignKey(ApiVersion, on_delete=models.CASCADE, related_name="operations")
    method = models.CharField(max_length=16)
    path = models.CharField(max_length=500)
    operation_id = models.CharField(max_length=200)
    summary = models.CharField(max_length=400, blank=True)
    description = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=80), default=list)
    # The publisher's groups in place of the document's tags; kept over revisions.
    own_groups = ArrayField(models.CharField(max_length=80), null=True, blank=True)
    is_deprecated = models.BooleanField(default=False)
    # What one call counts towards limits; set by the publisher and kept over revisions.
    cost = models.PositiveIntegerField(
        _("cost"), default=1, db_default=1, validators=[MinValueValidator(1)]
    )
    position = models.PositiveIntegerField(default=0)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "method", "path"], name="operation_per_version"
            ),
            models.CheckConstraint(condition=models.Q(cost__gt=0), name="operation_cost_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_call(self) -> bool:
        """Whether it is a call over HTTP of its method and path."""
        return self.method.isupper()

    @property
    def groups(self) -> list[str]:
        """Operation groups, which limits and keys' scopes name."""
        return self.tags if self.own_groups is None else self.own_groups


# In a query, the groups of each operation.
OPERATION_GROUPS = Coalesce("own_groups", "tags")


class Product(models.Model):
    """API versions offered together; what an application subscribes to, by one of its plans."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        RETIRED = "retired", _("Retired")

    public_id = PublicIdField(prefix="prd")
    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    summary = models.CharField(_("summary"), max_length=240, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    versions = models.ManyToManyField(
        ApiVersion, related_name="products", verbose_name=_("API versions")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Plan(models.Model):
    """A product's entitlements. What it costs stands in billing."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        RETIRED = "retired", _("Retired")

    class Approval(models.TextChoices):
        AUTOMATIC = "automatic", _("Automatic")
        MANUAL = "manual", _("Manual")

    public_id = PublicIdField(prefix="pln")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="plans")
    slug = models.SlugField(_("slug"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    summary = models.CharField(_("summary"), max_length=240, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    approval = models.CharField(
        _("approval"), max_length=10, choices=Approval.choices, default=Approval.AUTOMATIC
    )
    position = models.PositiveSmallIntegerField(default=0)
    # Whether calls beyond a soft limit are charged.
    charges_overage = models.BooleanField(_("charges overage"), default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["product_id", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "slug"], name="plan_slug_per_product"),
        ]

    def __str__(self) -> str:
        return f"{self.product.name} {self.name}"

    @property
    def limits_in_order(self) -> list[Limit]:
        """As they are asked: organization, application, key; the shortest window first."""
        return in_order(self.limits.all())


class Limit(LimitTerms):
    """A limit of a plan; see LimitTerms. Beyond a soft one calls pass and are marked as overage."""

    Kind = LimitKind
    Window = LimitWindow
    Per = LimitPer

    public_id = PublicIdField(prefix="lim")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="limits")
    per = models.CharField(
        _("counted per"),
        max_length=12,
        choices=LimitPer.choices,
        default=LimitPer.APPLICATION,
        db_default=LimitPer.APPLICATION.value,
    )
    is_soft = models.BooleanField(_("soft"), default=False, db_default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            *terms_checks("limit"),
            models.CheckConstraint(
                condition=models.Q(per__in=LimitPer.values), name="limit_per_known"
            ),
            # Nobody could be charged for calls that only overlapped.
            models.CheckConstraint(
                condition=~models.Q(kind=LimitKind.CONCURRENT, is_soft=True),
                name="limit_concurrent_is_hard",
            ),
            models.UniqueConstraint(
                fields=["plan", "name"],
                condition=~models.Q(name=""),
                name="limit_name_per_plan",
            ),
            # Those without a name of their own are named after these parts.
            models.UniqueConstraint(
                fields=["plan", "window", "every", "per", "group", "is_soft"],
                condition=models.Q(name=""),
                name="limit_parts_per_plan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_name}: {self.quota}"

    @property
    def policy_name(self) -> str:
        return self.name or default_name(
            window=self.window,
            every=self.every,
            per=self.per,
            group=self.group,
            is_soft=self.is_soft,
        )

    @property
    def words(self) -> str:
        """For instance `600 calls in any 10 minutes, per API key`."""
        return sentence(self)
