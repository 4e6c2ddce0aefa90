"""Add-ons that are counted by a meter, offered with one plan only, or to one customer only.

Without indexes: there are a few dozen, and making one would lock the table.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0001_initial"),
        ("catalog", "0001_initial"),
        ("billing", "0007_checkouts"),
    ]

    operations = [
        migrations.AddField(
            model_name="addon",
            name="meter",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="add_ons",
                to="billing.meter",
            ),
        ),
        migrations.AddField(
            model_name="addon",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AddField(
            model_name="addon",
            name="plan",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="add_ons",
                to="catalog.plan",
            ),
        ),
    ]
