"""All the addresses of Essor."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from core.site.known_fields import takes

urlpatterns = [
    path("admin/", include("core.staff_urls")),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("i18n/setlang/", takes("language", "next")(set_language), name="set_language"),
    path("", include("core.urls")),
    path("", include("applicants.urls")),
    path("", include("grants.urls")),
    path("", include("agreements.urls")),
    path("", include("reporting.urls")),
]

handler400 = "core.views.errors.bad_request"
handler403 = "core.views.errors.forbidden"
handler404 = "core.views.errors.not_found"
handler500 = "core.views.errors.server_error"
