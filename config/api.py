"""The REST interface: one router, one description, one page of documentation.

An app with a REST interface has a module ``api`` with ``register(router)``.
"""

from importlib import import_module
from importlib.util import find_spec

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
for app in ("core", "applicants", "grants", "agreements", "reporting"):
    if find_spec(f"{app}.api"):
        import_module(f"{app}.api").register(router)

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("", include(router.urls)),
]
