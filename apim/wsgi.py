"""The web process: `granian --interface wsgi apim.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apim.settings.production")
application = get_wsgi_application()
