"""Entry point: settings for texts only, then the command."""

import sys

from django.conf import settings

if not settings.configured:
    # Nothing else of Django is used; texts stay as they are written.
    settings.configure(USE_I18N=False)

from apim.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
