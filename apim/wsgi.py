"""The web process: `granian --interface wsgi apim.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apim.settings.production")
application = get_wsgi_application()

# What is loaded now stays: the garbage collector need not look at it again. Usage makes objects by the
# ten thousand without cycles, and would start it all the time (a tenth of intake's processor time).
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 5, 5)
