"""Settings of one gate: the migration linter is an app, and no part of the product."""

from apim.settings.test import *  # noqa: F403
from apim.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
