"""Operation groups of the publisher's own."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_styles")]

    operations = [
        migrations.AddField(
            model_name="operation",
            name="own_groups",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80), blank=True, null=True, size=None
            ),
        ),
    ]
