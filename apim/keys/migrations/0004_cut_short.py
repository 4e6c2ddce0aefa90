from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0003_imported_keys_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="is_cut_short",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
