from django.db import migrations, models

# An index and not a constraint, which PostgreSQL would check with the table locked. Code that still
# runs names the old key in ON CONFLICT: its deliveries get 503 and are sent again.
NEW_KEY = """
CREATE UNIQUE INDEX CONCURRENTLY attribution_of_call_once ON analytics_attribution
    (key_id, operation_id, subscription_id, plan_id, version_id, application_id, environment,
     gateway_id, organization_id, product_id, api_id, method, foreign_id) NULLS NOT DISTINCT
"""
# Also before: a run that was interrupted leaves an index that is not valid.
DROP_NEW_KEY = "DROP INDEX CONCURRENTLY IF EXISTS attribution_of_call_once"
DROP_OLD_KEY = "ALTER TABLE analytics_attribution DROP CONSTRAINT IF EXISTS attribution_once"


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('analytics', '0002_measures'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(DROP_NEW_KEY, migrations.RunSQL.noop),
                migrations.RunSQL(NEW_KEY, DROP_NEW_KEY),
                migrations.RunSQL(DROP_OLD_KEY, migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name='attribution',
                    constraint=models.UniqueConstraint(fields=('key_id', 'operation_id', 'subscription_id', 'plan_id', 'version_id', 'application_id', 'environment', 'gateway_id', 'organization_id', 'product_id', 'api_id', 'method', 'foreign_id'), name='attribution_of_call_once', nulls_distinct=False),
                ),
                migrations.RemoveConstraint(
                    model_name='attribution',
                    name='attribution_once',
                ),
            ],
        ),
    ]
