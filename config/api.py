"""The REST interface, read-only: one router, one description, one page of documentation.

An app with a REST interface has a module ``api`` with ``register(router)``.
"""

from importlib import import_module
from importlib.util import find_spec

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
for app in ("core", "applicants", "grants", "agreements", "reporting"):
    if find_spec(f"{app}.api"):
        import_module(f"{app}.api").register(router)

# The documentation page sets the style of some of its elements; its scripts stay under the strict policy.
documentation = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema")
)

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", documentation, name="api-docs"),
    path("v1/", include(router.urls)),
]
