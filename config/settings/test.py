"""Tests: the behaviour of ``base``, quick passwords, and nothing that leaves the machine."""

import os
from pathlib import Path

from config.settings.base import *
from config.settings.base import (
    CELERY_BROKER_TRANSPORT_OPTIONS,
    DATABASES,
    INSTALLED_APPS,
    VAR_DIR,
    broker_settings,
)

SECRET_KEY = "for tests only"
# A small workflow that the tests of the engine put through everything.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.core.sample"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
AXES_ENABLED = False
WHITENOISE_AUTOREFRESH = True

# One database, one broker and one folder per test run and per parallel worker of it: two runs never meet.
# The processes that a run starts inherit its number.
ESSOR_TEST_RUN = os.environ.setdefault("ESSOR_TEST_RUN", str(os.getpid()))
_OWN = Path(ESSOR_TEST_RUN) / os.environ.get("PYTEST_XDIST_WORKER", "main")
DATABASES["default"]["TEST"] = {"NAME": f"test_essor_{ESSOR_TEST_RUN}"}
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"
if "ESSOR_TEST_DATABASE" in os.environ:  # a process that a test starts works on that test's database
    DATABASES["default"]["NAME"] = os.environ["ESSOR_TEST_DATABASE"]

ESSOR_DOCUMENT_ROOT = MEDIA_ROOT = VAR_DIR / "test-documents" / _OWN
EMAIL_FILE_PATH = VAR_DIR / "test-mail" / _OWN

# The database of a run is a copy of one that may be days old, and no worker seals it or reads its files.
ESSOR_SEALED_WITHIN = 365 * 24 * 60
ESSOR_FILES_READ_WITHIN = 365

CELERY_TASK_ALWAYS_EAGER = False
if os.environ.get("CELERY_BROKER_URL"):
    CELERY_BROKER_TRANSPORT_OPTIONS = CELERY_BROKER_TRANSPORT_OPTIONS | {"global_keyprefix": f"{_OWN}/"}
else:
    ESSOR_BROKER_ROOT = VAR_DIR / "test-broker" / _OWN
    CELERY_BROKER_TRANSPORT_OPTIONS = broker_settings(ESSOR_BROKER_ROOT)["broker_transport_options"]
