"""Names are unique per plan. Concurrently: limits go on being read while this runs.

Each index is dropped first: one whose making was interrupted stays behind invalid.
"""

from django.db import migrations, models

NAMES = models.UniqueConstraint(
    fields=["plan", "name"], condition=~models.Q(name=""), name="limit_name_per_plan"
)
PARTS = models.UniqueConstraint(
    fields=["plan", "window", "every", "per", "group", "is_soft"],
    condition=models.Q(name=""),
    name="limit_parts_per_plan",
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("catalog", "0002_limit_kinds")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddConstraint("limit", NAMES)],
            database_operations=[
                migrations.RunSQL(
                    [
                        "DROP INDEX CONCURRENTLY IF EXISTS limit_name_per_plan",
                        """CREATE UNIQUE INDEX CONCURRENTLY limit_name_per_plan
                        ON catalog_limit (plan_id, name) WHERE name <> ''""",
                    ],
                    "DROP INDEX CONCURRENTLY IF EXISTS limit_name_per_plan",
                )
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddConstraint("limit", PARTS)],
            database_operations=[
                migrations.RunSQL(
                    [
                        "DROP INDEX CONCURRENTLY IF EXISTS limit_parts_per_plan",
                        """CREATE UNIQUE INDEX CONCURRENTLY limit_parts_per_plan
                        ON catalog_limit (plan_id, "window", every, per, "group", is_soft)
                        WHERE name = ''""",
                    ],
                    "DROP INDEX CONCURRENTLY IF EXISTS limit_parts_per_plan",
                )
            ],
        ),
    ]
