from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('analytics', '0004_foreign_mapping'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='usagebatch',
            index=BrinIndex(fields=['received_at'], name='batch_received'),
        ),
    ]
