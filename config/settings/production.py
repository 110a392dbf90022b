"""Production: every choice comes from the environment, and a missing one is said in a sentence."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

_REQUIRED = {
    "SECRET_KEY": "a long random text that stays the same",
    "ALLOWED_HOSTS": "the host names of the site, separated by commas",
    "DATABASE_URL": "postgres://user:password@host:5432/database",
}


def _refuse_incomplete_environment() -> None:
    missing = [name for name in _REQUIRED if not os.environ.get(name)]
    if missing:
        wanted = "; ".join(f"{name} ({_REQUIRED[name]})" for name in missing)
        raise ImproperlyConfigured(f"Essor does not start in production without: {wanted}.")


environ.Env.read_env(Path(__file__).resolve().parent.parent.parent / ".env")
_refuse_incomplete_environment()

from config.settings.base import *
from config.settings.base import CACHES, STORAGES, env

DEBUG = False
ESSOR_TWO_DATABASE_ROLES = env.bool("ESSOR_TWO_DATABASE_ROLES", True)
ESSOR_ANCHORS_EXPECTED = env.bool("ESSOR_ANCHORS_EXPECTED", True)
SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[f"https://{host}" for host in ALLOWED_HOSTS])

# TLS ends at a reverse proxy that must set X-Forwarded-Proto itself, whatever the client sent.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^sante/$"]  # a monitoring tool asks the web server itself
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 365 * 24 * 60 * 60)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", True)
# Being on the browsers' own list cannot be taken back for months: each Region decides for itself.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", False)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

STATIC_ROOT = Path(env.str("STATIC_ROOT", str(Path(__file__).resolve().parent.parent.parent / "staticfiles")))
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}

if env.str("EMAIL_URL", ""):
    globals().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

if env.str("CACHE_URL", ""):
    CACHES = {"default": {"KEY_PREFIX": CACHES["default"]["KEY_PREFIX"]} | env.cache("CACHE_URL")}
