"""Gates of single APIs, in place of those for all."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_revisions_are_fixed")]

    operations = [
        migrations.AddField(
            model_name="gate",
            name="api",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="gates",
                to="catalog.api",
            ),
        ),
        migrations.AlterField(
            model_name="gate",
            name="transition",
            field=models.CharField(
                choices=[
                    ("publish", "Publish a version"),
                    ("publish_revision", "Publish a revision"),
                    ("deprecate", "Deprecate a version"),
                    ("retire", "Retire a version"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="gate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("api", None)), fields=("transition",), name="gate_for_all"
            ),
        ),
        migrations.AddConstraint(
            model_name="gate",
            constraint=models.UniqueConstraint(fields=("api", "transition"), name="gate_of_api"),
        ),
    ]
