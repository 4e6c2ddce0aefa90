"""Revisions of every style, and operations whose method is a word longer than HTTP's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_limit_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="specrevision",
            name="style",
            field=models.CharField(
                choices=[
                    ("openapi", "OpenAPI"),
                    ("asyncapi", "AsyncAPI"),
                    ("graphql", "GraphQL"),
                    ("grpc", "gRPC"),
                    ("wsdl", "WSDL"),
                    ("prose", "Prose"),
                ],
                db_default="openapi",
                default="openapi",
                max_length=10,
                verbose_name="style",
            ),
        ),
        migrations.AddField(
            model_name="specrevision",
            name="filename",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="specrevision",
            name="fetched",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="specrevision",
            name="note",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=500, verbose_name="note"
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="method",
            field=models.CharField(max_length=16),
        ),
        # Running code goes on reading the column by its old name.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("specrevision", "openapi_version", "style_version"),
                migrations.AlterField(
                    model_name="specrevision",
                    name="style_version",
                    field=models.CharField(
                        blank=True, db_column="openapi_version", max_length=12
                    ),
                ),
            ],
        ),
    ]
