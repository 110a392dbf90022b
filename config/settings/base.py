"""What every set-up of Essor shares. ``dev``, ``test`` and ``production`` inherit it: same behaviour everywhere."""

import os
from datetime import date, timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from config.databases import cache_prefix, default_database, process_works_as_owner
from config.embedded import broker_settings, state_dir
from core.colours import shades

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = state_dir()

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = False
ALLOWED_HOSTS: list[str] = []

# --- The Region --------------------------------------------------------------------------------------------------

ESSOR_REGION = {
    "name": env.str("ESSOR_REGION_NAME", "Région Exemple"),
    "address": env.str("ESSOR_REGION_ADDRESS", "1 place de la Région, 00000 Exemple"),
    "email": env.str("ESSOR_REGION_EMAIL", "aides@region.example"),
    "phone": env.str("ESSOR_REGION_PHONE", "01 99 00 00 00"),
    "siret": env.str("ESSOR_REGION_SIRET", ""),
    "insee": env.str("ESSOR_REGION_INSEE", ""),  # the two digits of the Region: programmes may ask for a seat in it
    "primary_colour": env.str("ESSOR_REGION_PRIMARY_COLOUR", "#0f5c46"),
    "logo": env.str("ESSOR_REGION_LOGO", ""),  # a path below static/, or the absolute path of a file
}

# --- Applications -------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    # Ours first: their templates and translations win over the packages'.
    "core",
    "applicants",
    "grants",
    "agreements",
    "reporting",
    "demo",
    "core.staff_site.StaffSiteConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "pghistory",
    "pgtrigger",
    "import_export",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.StaffPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.UnreadableSignMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.language.ChosenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "core.middleware.AsSentMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.middleware.ActingMiddleware",
    "core.middleware.UnreadableFileMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "core.middleware.StaffSessionMiddleware",
    "core.middleware.ForeignFieldMiddleware",
    "core.middleware.AtOnceMiddleware",
    "core.middleware.StaleMiddleware",
    "core.middleware.RefusedByDatabaseMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["core.templatetags.marked_forms"],
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.branding.region",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# --- Database and broker ------------------------------------------------------------------------------------------

# Two roles: the owner defines tables (migrations, tests), the application reads and writes rows. See config.databases.
ESSOR_WORKS_AS_OWNER = process_works_as_owner(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
_database, ESSOR_DATABASE_ROLE = default_database(env, owner=ESSOR_WORKS_AS_OWNER)
DATABASES = {"default": _database}
# Roles of the server that copy it: for a standby (REPLICATION) or for backups (pg_read_all_data). Others that can are named.
ESSOR_DATABASE_COPIED_BY = env.list("ESSOR_DATABASE_COPIED_BY", default=[])
# Production refuses an application that could switch off the guards of its own database.
ESSOR_TWO_DATABASE_ROLES = False

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "")
# One folder a database: a worker never takes the messages of another database's jobs.
ESSOR_BROKER_ROOT = VAR_DIR / "broker" / str(DATABASES["default"]["NAME"] or "default")
if CELERY_BROKER_URL:
    # Longer than the longest task: a shorter time would run a long task twice.
    CELERY_BROKER_TRANSPORT_OPTIONS = (
        {"visibility_timeout": 2 * 60 * 60} if CELERY_BROKER_URL.startswith(("redis", "rediss", "unix")) else {}
    )
else:
    _embedded_broker = broker_settings(ESSOR_BROKER_ROOT)
    CELERY_BROKER_URL = _embedded_broker["broker_url"]
    CELERY_BROKER_TRANSPORT = _embedded_broker["broker_transport"]
    CELERY_BROKER_TRANSPORT_OPTIONS = _embedded_broker["broker_transport_options"]

# How long a worker may stay silent before its job is given to another.
ESSOR_JOB_LEASE_SECONDS = env.int("ESSOR_JOB_LEASE_SECONDS", 60)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR_DIR / "cache",
        "KEY_PREFIX": cache_prefix(_database),
    }
}

# --- People and access --------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "core:login"
LOGIN_REDIRECT_URL = "core:home"
LOGOUT_REDIRECT_URL = "core:home"
CSRF_FAILURE_VIEW = "core.views.resume.csrf_failure"
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60

AXES_FAILURE_LIMIT = 6
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_USERNAME_FORM_FIELD = "username"  # axes would take the name of the model field, which no form uses
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "core.views.account.locked_out"
AXES_CLIENT_IP_CALLABLE = "config.middleware.client_ip"
AXES_VERBOSE = False
# Its lists would ask for Django's permissions on every staff page; `manage.py axes_reset` unlocks an account.
AXES_ENABLE_ADMIN = False
# The number of reverse proxies in front of Essor, each of which appends to X-Forwarded-For.
ESSOR_PROXY_COUNT = env.int("ESSOR_PROXY_COUNT", 0)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# The staff site is Alpine (which evaluates expressions) and sets styles on elements. It is for signed-in staff only.
ESSOR_STAFF_PREFIX = "/admin/"
ESSOR_STAFF_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE],
    "style-src": [SELF, UNSAFE_INLINE],
    "font-src": [SELF, "data:"],
    # A piece is fetched as an attachment and shown beside the case from the browser's own memory, never run.
    "frame-src": [SELF, "blob:"],
    "img-src": [SELF, "data:", "blob:"],
    "frame-ancestors": [SELF],
}

# --- Language and time --------------------------------------------------------------------------------------------

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "packages"]
TIME_ZONE = "Europe/Paris"
CELERY_TIMEZONE = TIME_ZONE  # the nights of the schedule are those of the Region
USE_I18N = True
USE_TZ = True
# Off: templates would write the numbers of rows and years as amounts ("4 001"), in addresses and hidden fields too.
# Amounts and counts that people read are grouped by who shows them (core.money, the filter ``number``).
USE_THOUSAND_SEPARATOR = False
FORMAT_MODULE_PATH = ["config.formats"]

# --- Files --------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "documents": {"BACKEND": env.str("ESSOR_DOCUMENT_STORAGE", "core.storage.DocumentStorage")},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Documents are private: there is no MEDIA_URL, they are served by a view that checks the case.
ESSOR_DOCUMENT_ROOT = Path(env.str("ESSOR_DOCUMENT_ROOT", str(VAR_DIR / "documents")))
MEDIA_ROOT = ESSOR_DOCUMENT_ROOT
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DATA_UPLOAD_MAX_NUMBER_FILES = 50
ESSOR_MAX_UPLOAD_BYTES = 20 * 1024 * 1024
# clamd://host:3310, clamd+unix:///path, or a dotted path (core.scanning); empty: screens say "not scanned".
ESSOR_SCANNER = env.str("ESSOR_SCANNER", "")

# Does a de minimis aid granted exactly three years ago still count? The Regulation does not say; yes is prudent.
ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY = env.bool("ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY", True)
# Grants from this day on are entered in the central register (Regulation 2023/2831, Art. 6(1)).
ESSOR_DE_MINIMIS_REGISTER_SINCE = date.fromisoformat(env.str("ESSOR_DE_MINIMIS_REGISTER_SINCE", "2026-01-01"))
# How many days before the proposal, and before the vote, the register may have been consulted at most: it changes every day
# (Art. 6(4): new aid is granted only after it was checked). No text gives the number; half a year is from a call to its vote.
ESSOR_DE_MINIMIS_CONSULTED_DAYS = env.int("ESSOR_DE_MINIMIS_CONSULTED_DAYS", 183)

# How far ahead a day may be set, in days: that by which somebody answers (pieces, opinions, a claim given back), that for
# which the Region plans (calls, sessions, more time to claim). No law fixes them: a year is beyond every time to answer of
# the library of programmes, five years beyond its longest agreement. core/lib/planned_days.py says what is most.
ESSOR_LONGEST_ANSWER_DAYS = env.int("ESSOR_LONGEST_ANSWER_DAYS", 366)
ESSOR_LONGEST_PLAN_DAYS = env.int("ESSOR_LONGEST_PLAN_DAYS", 5 * 366)

# No link to choose a password goes to an address that somebody else changed less than this many days ago, unless a second
# administrator confirmed it; an act of an account taken in hand within them is told by the figures.
ESSOR_ADDRESS_HELD_DAYS = env.int("ESSOR_ADDRESS_HELD_DAYS", 14)

# Whoever confirms what another administrator did (an address, a rule on roles that is loosened) has been an administrator
# for this many days, within which neither made the other. The database holds 30 of them: fewer change nothing.
ESSOR_ADMINISTRATOR_KNOWN_DAYS = env.int("ESSOR_ADMINISTRATOR_KNOWN_DAYS", 30)

# A telephone number proves a change of bank account when it was on file this many days before the change. The database
# holds 30 of them: fewer change nothing. Each call keeps the days that were asked of its number.
ESSOR_CALL_BACK_KNOWN_DAYS = env.int("ESSOR_CALL_BACK_KNOWN_DAYS", 30)

# Where a body has a representative, the service answers a request to join it only after this many days: until then its own
# people decide who acts for it. Whoever represented it counts as long after their account is closed (15 days at least there).
ESSOR_JOIN_WAITS_DAYS = env.int("ESSOR_JOIN_WAITS_DAYS", 15)

# How long a mail or a job may wait before the check of the figures says so, in minutes.
ESSOR_WAITS_AT_MOST = env.int("ESSOR_WAITS_AT_MOST", 60)

# How many days a doubt about two lines of filed claims may wait for its answer before the check of the figures says so.
ESSOR_DOUBTS_ANSWERED_DAYS = env.int("ESSOR_DOUBTS_ANSWERED_DAYS", 30)

# How many stored files one slice of the nightly round reads again and compares with their hash (a slice every 5 minutes).
ESSOR_FILE_CHECK_SLICE = env.int("ESSOR_FILE_CHECK_SLICE", 1000)
# For how many years what belongs to a case is kept (core/retention.py). Those of the European rules are the law's;
# those of a case are the Region's own retention table.
ESSOR_RETENTION_CASE_YEARS = env.int("ESSOR_RETENTION_CASE_YEARS", 10)
ESSOR_RETENTION_EU_YEARS = env.int("ESSOR_RETENTION_EU_YEARS", 5)
ESSOR_RETENTION_DE_MINIMIS_YEARS = env.int("ESSOR_RETENTION_DE_MINIMIS_YEARS", 10)

# Anchors of the proof, each day: where they go, and the key that signs them (else one made from SECRET_KEY).
ESSOR_ANCHOR_FOLDER = env.str("ESSOR_ANCHOR_FOLDER", "")
ESSOR_ANCHOR_MAIL = env.list("ESSOR_ANCHOR_MAIL", default=[])
ESSOR_ANCHOR_KEY = env.str("ESSOR_ANCHOR_KEY", "")
# Whether anchors that go nowhere are a fault: they are in production, not on a developer's machine.
ESSOR_ANCHORS_EXPECTED = False
# How many days a stored file may go unread before the check of the figures says so (the worker reads all each night).
ESSOR_FILES_READ_WITHIN = env.int("ESSOR_FILES_READ_WITHIN", 2)
# How many minutes what was written may wait for its seal (the worker seals each minute); beyond, the proof says so.
ESSOR_SEALED_WITHIN = env.int("ESSOR_SEALED_WITHIN", 60)
# A time-stamping service (RFC 3161) for the anchors, and the file of its certificates.
ESSOR_TIMESTAMP_URL = env.str("ESSOR_TIMESTAMP_URL", "")
ESSOR_TIMESTAMP_CA = env.str("ESSOR_TIMESTAMP_CA", "")

# Where mails send people back to.
ESSOR_SITE_URL = env.str("ESSOR_SITE_URL", "http://localhost:8000").rstrip("/")

# --- Mail ---------------------------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", ESSOR_REGION["email"])
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"

# --- Interface for machines ---------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("ESSOR_API_RATE_ANONYMOUS", "120/minute"),  # by network address
        "user": env.str("ESSOR_API_RATE_USER", "600/minute"),
    },
    "NUM_PROXIES": ESSOR_PROXY_COUNT,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Essor",
    "DESCRIPTION": _("Grants of a French Region: programmes, applications, agreements, payments."),
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v[0-9]+",
    "ENUM_NAME_OVERRIDES": {
        "ApplicationStateEnum": "grants.states.ApplicationState",
        "PieceStateEnum": "grants.models.piece.Piece.State",
    },
}

IMPORT_EXPORT_USE_TRANSACTIONS = True
IMPORT_EXPORT_SKIP_ADMIN_LOG = False

# --- Staff site ---------------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Essor",
    "SITE_HEADER": "Essor",
    "SITE_SUBHEADER": ESSOR_REGION["name"],
    "SITE_URL": reverse_lazy("core:home"),
    "SITE_SYMBOL": "trending_up",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("essor/favicon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": True,
    "ACCOUNT": {"navigation": [{"title": _("My account"), "link": reverse_lazy("core:profile")}]},
    "ENVIRONMENT": "config.branding.environment",
    "DASHBOARD_CALLBACK": "core.navigation.work_page",
    "STYLES": [lambda request: static("essor/staff.css")],
    "SCRIPTS": [
        lambda request: static("essor/typed.js"),
        lambda request: static("essor/staff.js"),
        lambda request: static("essor/fields.js"),
        lambda request: static("essor/as-sent.js"),
        lambda request: static("essor/shown.js"),
        lambda request: static("essor/unsaved.js"),
        lambda request: static("essor/not-saved.js"),
    ],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "base": {
            "50": "#f5f7f5",
            "100": "#ebefec",
            "200": "#d7ded9",
            "300": "#bac5be",
            "400": "#93a29a",
            "500": "#64736b",
            "600": "#4c5a53",
            "700": "#37443d",
            "800": "#22302a",
            "900": "#16211c",
            "950": "#0c1410",
        },
        "primary": shades(ESSOR_REGION["primary_colour"]),
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "core.navigation.sidebar",
    },
}

# --- Logs ---------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "essor": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
