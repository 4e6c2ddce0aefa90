from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # CONCURRENTLY cannot run in a transaction

    dependencies = [
        ("keys", "0002_key_rules_and_leaks"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="apikey",
            index=models.Index(
                condition=models.Q(("is_imported", True), ("state", "active")),
                fields=["id"],
                name="api_key_imported",
            ),
        ),
    ]
