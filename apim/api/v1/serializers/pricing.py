"""Plan versions: prices of every kind, in one currency or several. Amounts in major units."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.api.v1.serializers.billing import MoneySerializer
from billing.models import PlanVersion, PriceComponent
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
)
from billing.services import CALLS, CURRENCIES

if TYPE_CHECKING:
    from billing.rating.prices import Pricing

Model = PriceComponent.Model
USAGE_MODELS = [choice for choice in Model.choices if choice[0] != Model.FLAT]


class Amount(serializers.DecimalField):
    """Major units; the service says what is negative, too large or too fine."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=36, decimal_places=18, normalize_output=True, **kwargs)


class TierBody(Body):
    after = Amount(
        required=False, help_text="Where the tier begins; by default where the one before ends."
    )
    up_to = Amount(allow_null=True, help_text="The last unit of the tier; null: no end.")
    unit_amount = Amount()
    flat_amount = Amount(default=Decimal(0))


class UsageBody(Body):
    key = serializers.SlugField(max_length=60, required=False, help_text="By default the meter.")
    meter = serializers.SlugField(default=CALLS)
    model = serializers.ChoiceField(choices=USAGE_MODELS)
    unit_amount = Amount(required=False, help_text="Per unit.")
    package_size = Amount(required=False)
    package_amount = Amount(required=False)
    included = Amount(default=Decimal(0), help_text="Free units of each period.")
    tiers = TierBody(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {
            Model.PER_UNIT: ("unit_amount",),
            Model.PACKAGE: ("package_size", "package_amount"),
        }.get(attrs["model"], ("tiers",))
        missing = [name for name in needed if attrs.get(name) is None]
        if missing:
            message = _("This pricing model needs it.")
            raise serializers.ValidationError({name: [message] for name in missing})
        return attrs


class FeeBody(Body):
    key = serializers.SlugField(max_length=60, default="base")
    name = serializers.CharField(max_length=80, required=False)
    amount = Amount()


class SheetBody(Body):
    currency = serializers.ChoiceField(choices=sorted(CURRENCIES))
    fees = FeeBody(many=True, default=list)
    usage = UsageBody(many=True, default=list)
    minimum = Amount(default=Decimal(0))
    setup = Amount(default=Decimal(0))


class Sheets(Body):
    sheets = SheetBody(many=True, allow_empty=False, help_text="Prices, once per currency.")
    trial_days = serializers.IntegerField(default=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Adds `terms` and `names`, which services take."""
        sheets = attrs.pop("sheets")
        days = attrs.pop("trial_days")
        fees = [fee for sheet in sheets for fee in sheet["fees"]]
        return {
            **attrs,
            "sheets": [_terms(sheet, days) for sheet in sheets],
            "names": {fee["key"]: fee["name"] for fee in fees if fee.get("name")},
        }


class NewPlanVersion(Sheets):
    organization = serializers.CharField(
        required=False, help_text="Public id of the only customer who will pay it."
    )
    tax_behavior = serializers.ChoiceField(
        choices=PlanVersion.TaxBehavior.choices, default=PlanVersion.TaxBehavior.EXCLUSIVE
    )
    cadence = serializers.ChoiceField(
        choices=PlanVersion.CadenceChoice.choices, default=PlanVersion.CadenceChoice.CALENDAR
    )
    months = serializers.ChoiceField(choices=PlanVersion.Months.choices, default=1)
    payment = serializers.ChoiceField(
        choices=PlanVersion.Payment.choices,
        default=PlanVersion.Payment.START,
        help_text="When a subscriber has to have a payment method.",
    )


class PlanVersionPublication(Body):
    starts_at = serializers.DateTimeField(required=False, help_text="By default now.")
    moves_at = serializers.DateTimeField(
        required=False,
        help_text="From when subscribers move to it; without it they keep their price.",
    )


class ExampleQuery(Body):
    units = serializers.IntegerField(min_value=0, max_value=10**15, help_text="Of each meter.")
    currency = serializers.CharField(required=False)


class SimulationQuery(Body):
    currency = serializers.CharField(required=False)


class ComponentSerializer(serializers.ModelSerializer[Any]):
    meter = serializers.CharField(source="meter.slug", default=None)
    amount = Amount()

    class Meta:
        model = PriceComponent
        fields = [
            "currency",
            "key",
            "name",
            "kind",
            "model",
            "meter",
            "amount",
            "included",
            "package_size",
            "tiers",
        ]
        read_only_fields = fields


class PlanVersionSerializer(Resource):
    plan = serializers.CharField(source="plan.public_id", read_only=True)
    organization = serializers.CharField(
        source="organization.public_id", default=None, read_only=True
    )
    components = ComponentSerializer(many=True, read_only=True)

    class Meta:
        model = PlanVersion
        fields = [
            "id",
            "plan",
            "organization",
            "number",
            "currency",
            "tax_behavior",
            "cadence",
            "months",
            "trial_days",
            "payment",
            "components",
            "created_at",
            "starts_at",
            "ended_at",
            "moves_at",
        ]
        read_only_fields = fields


class BillRowSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    kind = serializers.CharField()
    quantity = Amount()
    reasons = serializers.ListField(child=serializers.CharField())
    amount = MoneySerializer()


class WorkedBillSerializer(serializers.Serializer[Any]):
    rows = BillRowSerializer(many=True)
    total = MoneySerializer()


class OutcomeSerializer(serializers.Serializer[Any]):
    subscription = serializers.CharField(source="key")
    application_name = serializers.CharField(source="label")
    organization_name = serializers.CharField(source="organization")
    before_minor = serializers.IntegerField()
    after_minor = serializers.IntegerField()
    periods = serializers.IntegerField()


class SimulationSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    before_minor = serializers.IntegerField()
    after_minor = serializers.IntegerField()
    winners = OutcomeSerializer(many=True, help_text="Pay less under this version.")
    losers = OutcomeSerializer(many=True, help_text="Pay more under this version.")
    unchanged = serializers.IntegerField()
    break_even = serializers.ListField(child=Amount())


def _terms(sheet: dict[str, Any], trial_days: int) -> Terms:
    return Terms(
        version="",
        currency=sheet["currency"],
        usage=tuple(_usage(row) for row in sheet["usage"]),
        fees=tuple(Fee(fee["key"], fee["amount"]) for fee in sheet["fees"]),
        minimum=sheet["minimum"],
        setup=sheet["setup"],
        trial_days=trial_days,
    )


def _usage(row: dict[str, Any]) -> UsagePrice:
    key = row.get("key") or row["meter"]
    return UsagePrice(key, row["meter"], _pricing(row), row["included"])


def _pricing(row: dict[str, Any]) -> Pricing:
    match row["model"]:
        case Model.GRADUATED:
            return Graduated(_tiers(row["tiers"]))
        case Model.VOLUME:
            return Volume(_tiers(row["tiers"]))
        case Model.PACKAGE:
            return Package(row["package_size"], row["package_amount"])
        case _:
            return PerUnit(row["unit_amount"])


def _tiers(rows: list[dict[str, Any]]) -> tuple[Tier, ...]:
    tiers: list[Tier] = []
    after = Decimal(0)
    for row in rows:
        begins = row.get("after", after)
        tiers.append(Tier(begins, row["up_to"], row["unit_amount"], row["flat_amount"]))
        after = row["up_to"] if row["up_to"] is not None else after
    return tuple(tiers)
