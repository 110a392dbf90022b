"""The entry of the web server."""

import os

from django.core.wsgi import get_wsgi_application

from config.catalogues import compile_catalogues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
compile_catalogues()
application = get_wsgi_application()
