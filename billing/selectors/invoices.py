"""Invoices, customers and Stripe's news as pages and the API show them. Organization first."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum

from apim.accounts.models import Organization
from apim.core.errors import NotFound
from apim.core.money import Money
from billing.models import (
    CreditEntry,
    CreditGrant,
    Discount,
    Invoice,
    MoneyBack,
    RatedLine,
    StripeCustomer,
    StripeEvent,
)
from billing.period_words import period_days
from billing.price_words import line_reasons
from billing.selectors.credits import credit_balance
from billing.selectors.lines import frozen_line
from billing.selectors.totals import TotalRow, invoice_totals

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.core.clock import Period
    from apim.keys.models import Subscription


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One rated line: words, how it was computed, and where its usage is.

    `origin`: the closed period that late usage belongs to; None for everything else. `usage_of`:
    the span whose rollups (and raw calls while kept) it was computed from; None for fees.
    """

    public_id: str
    description: str
    kind: str
    quantity: str
    reasons: tuple[str, ...]
    version_id: str
    amount: Money
    origin: Period | None
    usage_of: Period | None
    origin_days: str = ""

    @property
    def units(self) -> Decimal | None:
        """The quantity as a number."""
        return Decimal(self.quantity) if self.quantity else None


@dataclass(frozen=True, slots=True)
class InvoicedPeriod:
    """A subscription's closed period on an invoice. Amounts before tax."""

    public_id: str
    subscription_id: str
    application_id: str
    application: str
    product: str
    period: Period
    zone: str
    lines: tuple[InvoiceLine, ...]
    total: Money
    credit: Money

    @property
    def days(self) -> str:
        """The period in words, as days of its zone."""
        return period_days(self.period, self.zone)


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """`totals`: how its lines, credit, taxes and payments add up; `money_back`: newest first."""

    invoice: Invoice
    periods: tuple[InvoicedPeriod, ...]
    totals: tuple[TotalRow, ...]
    money_back: tuple[MoneyBack, ...]

    @property
    def overdue(self) -> tuple[Invoice, ...]:
        """The invoice, if it is."""
        return (self.invoice,) if self.invoice.unpaid_since else ()


@dataclass(frozen=True, slots=True)
class PaymentState:
    """How an organization pays. `label`: words such as “visa 4242”, empty without a method."""

    label: str
    is_delinquent: bool
    unpaid: tuple[Invoice, ...]

    @property
    def has_method(self) -> bool:
        return bool(self.label)


@dataclass(frozen=True, slots=True)
class CustomerMoney:
    """What finance keeps for one customer: credit, discounts."""

    balance: tuple[Money, ...]
    grants: tuple[tuple[CreditGrant, Money], ...]
    discounts: tuple[Discount, ...]


def invoices_of(organization: Organization) -> QuerySet[Invoice]:
    """The organization's invoices, newest first."""
    return Invoice.objects.filter(organization=organization).select_related("organization")


def all_invoices(*, status: str = "", search: str = "") -> QuerySet[Invoice]:
    """Everybody's invoices. `status`: one of Stripe's, or `overdue` or `stuck`."""
    rows = Invoice.objects.select_related("organization")
    if status == "overdue":
        rows = rows.unpaid()
    elif status == "stuck":
        rows = rows.exclude(step=Invoice.Step.DONE)
    elif status:
        rows = rows.filter(status=status)
    if search:
        rows = rows.filter(
            Q(number__icontains=search)
            | Q(public_id=search)
            | Q(stripe_id=search)
            | Q(organization__name__icontains=search)
        )
    return rows


def get_invoice(organization: Organization | None, public_id: str) -> Invoice:
    """One of the organization's (None: anybody's). Raises NotFound."""
    rows = Invoice.objects.select_related("organization")
    if organization is not None:
        rows = rows.filter(organization=organization)
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def invoice_view(invoice: Invoice) -> InvoiceView:
    """The invoice with its frozen lines, each with what it was computed from."""
    rows = invoice.periods.select_related(
        "period__subscription__application",
        "period__subscription__product",
        "period__subscription__organization",
        "period__subscription__billing_terms",
    ).prefetch_related("period__lines__version", "period__lines__meter", "period__lines__origin")
    money_back = tuple(invoice.money_back.all())
    return InvoiceView(
        invoice,
        tuple(
            InvoicedPeriod(
                public_id=row.period.public_id,
                subscription_id=row.period.subscription.public_id,
                application_id=row.period.subscription.application.public_id,
                application=row.period.subscription.application.name,
                product=row.period.subscription.product.name,
                period=row.period.period,
                zone=zone_of(row.period.subscription),
                lines=tuple(
                    _line(line, row.period.period, zone_of(row.period.subscription))
                    for line in row.period.lines.all()
                ),
                total=Money(row.period.total_minor, row.period.currency),
                credit=Money(row.credit_minor, row.period.currency),
            )
            for row in rows
        ),
        invoice_totals(invoice, money_back),
        money_back,
    )


def zone_of(subscription: Subscription) -> str:
    """The zone whose midnights its periods begin and end at; with terms and organization loaded."""
    terms = getattr(subscription, "billing_terms", None)
    return (terms.time_zone if terms else "") or subscription.organization.time_zone


def payment_state(organization: Organization) -> PaymentState:
    """Before anything was paid there is no customer at Stripe: no method, nothing owed."""
    customer = StripeCustomer.objects.filter(organization=organization, is_deleted=False).first()
    label = ""
    if customer is not None and customer.has_payment_method:
        label = customer.payment_label or customer.payment_method
    unpaid = unpaid_invoices(organization)
    return PaymentState(label, customer is not None and customer.is_delinquent, unpaid)


def unpaid_invoices(organization: Organization) -> tuple[Invoice, ...]:
    """What should have been paid, newest first."""
    return tuple(Invoice.objects.unpaid().filter(organization=organization))


def customer_money(organization: Organization) -> CustomerMoney:
    """Credit and discounts of one organization, ended ones last."""
    grants = (
        CreditGrant.objects.filter(organization=organization)
        .annotate(
            left=Sum("entries__amount_minor"),
            granted=Sum("entries__amount_minor", filter=Q(entries__kind=CreditEntry.Kind.GRANT)),
        )
        .order_by("priority", "expires_at", "id")
    )
    discounts = Discount.objects.filter(organization=organization).select_related(
        "subscription__application"
    )
    return CustomerMoney(
        balance=credit_balance(organization),
        grants=tuple((row, Money(int(row.left or 0), row.currency)) for row in grants),
        discounts=tuple(discounts.order_by("-ends_at", "-id")),
    )


def customers(*, search: str = "") -> QuerySet[Organization]:
    """Organizations as customers: with how they pay and how many invoices are overdue."""
    rows = Organization.objects.select_related("stripe_customer").annotate(
        invoice_count=Count("invoices", distinct=True),
        overdue_count=Count(
            "invoices",
            filter=Q(invoices__status=Invoice.Status.OPEN, invoices__unpaid_since__isnull=False),
            distinct=True,
        ),
        open_subscriptions=Count(
            "subscriptions",
            filter=Q(subscriptions__state__in=["pending", "active", "suspended"]),
            distinct=True,
        ),
    )
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(public_id=search))
    return rows.order_by("name", "id")


def stripe_events(*, state: str = "", search: str = "") -> QuerySet[StripeEvent]:
    """What Stripe told us, newest first. `state`: `waiting` or `failed`."""
    rows = StripeEvent.objects.all()
    if state:
        rows = rows.unprocessed()
    if state == "failed":
        rows = rows.exclude(last_error="")
    if search:
        rows = rows.filter(Q(type__icontains=search) | Q(stripe_id=search) | Q(object_id=search))
    return rows


def get_stripe_event(stripe_id: str) -> StripeEvent:
    """Raises NotFound."""
    found = StripeEvent.objects.filter(stripe_id=stripe_id).first()
    if found is None:
        raise NotFound
    return found


def _line(row: RatedLine, period: Period, zone: str) -> InvoiceLine:
    line = frozen_line(row)
    origin = row.origin.period if row.origin else None
    return InvoiceLine(
        public_id=row.public_id,
        description=row.description,
        kind=row.kind,
        quantity=f"{row.quantity.normalize():f}" if row.quantity else "",
        reasons=line_reasons(line),
        version_id=row.version.public_id if row.version else "",
        amount=Money(row.amount_minor, row.currency),
        origin=origin,
        usage_of=(origin or period) if row.meter_id else None,
        origin_days=period_days(origin, zone) if origin else "",
    )
