"""All the addresses of Essor."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("core.urls")),
    path("", include("applicants.urls")),
    path("", include("grants.urls")),
    path("", include("agreements.urls")),
    path("", include("reporting.urls")),
]
