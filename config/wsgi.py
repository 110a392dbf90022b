"""The entry of the web server."""

import os

import django

from config.catalogues import compile_catalogues
from config.memory import keep_what_is_loaded
from config.requests import EssorHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
compile_catalogues()
django.setup(set_prefix=False)
keep_what_is_loaded()
application = EssorHandler()
