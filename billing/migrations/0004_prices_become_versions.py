"""Every price becomes a version of its plan. Its table stays until the next release."""

from django.db import migrations

from apim.core.ids import new_public_id


def copy_prices(apps, schema_editor):
    """A price counted for all subscribers from its start on, so all move to its version then."""
    Price = apps.get_model("billing", "Price")
    PlanVersion = apps.get_model("billing", "PlanVersion")
    PriceComponent = apps.get_model("billing", "PriceComponent")
    Meter = apps.get_model("billing", "Meter")
    numbers = {}
    for price in Price.objects.order_by("plan_id", "starts_at", "id"):
        meter, _created = Meter.objects.get_or_create(
            slug="calls", defaults={"name": "Calls", "kind": "calls", "unit_name": "call"}
        )
        number = numbers[price.plan_id] = numbers.get(price.plan_id, 0) + 1
        version = PlanVersion.objects.create(
            public_id=new_public_id("pvr"),
            plan_id=price.plan_id,
            number=number,
            currency=price.currency,
        )
        PriceComponent.objects.create(
            version=version,
            currency=price.currency,
            key="calls",
            kind="usage",
            model="per_unit",
            meter=meter,
            amount=price.unit_amount,
            included=price.included_calls,
        )
        PlanVersion.objects.filter(pk=version.pk).update(
            created_at=price.created_at,
            starts_at=price.starts_at,
            ended_at=price.ended_at,
            moves_at=price.starts_at,
        )


# The table is no longer in the models: nothing may depend on it, such as truncating plans.
UNTIE = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint
                WHERE conrelid = 'billing_price'::regclass AND contype = 'f' LOOP
        EXECUTE format('ALTER TABLE billing_price DROP CONSTRAINT %I', name);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [("billing", "0003_rules")]

    operations = [
        migrations.RunPython(copy_prices, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(UNTIE, migrations.RunSQL.noop)],
            state_operations=[migrations.DeleteModel("Price")],
        ),
    ]
