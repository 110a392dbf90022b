"""The staff site: what django-unfold makes of the admin, less what no page of ours shows."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import sites
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.apps import BasicAppConfig
from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):
    """Its menu is ``core.navigation``: the list of all models, with the rights on each and three addresses for each, is made
    for the few pages that show it, no longer for every page."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        return SimpleLazyObject(lambda: super(StaffSite, self).get_app_list(request, app_label))


class StaffSiteConfig(BasicAppConfig):
    """django-unfold, with our site in the place of its own."""

    def ready(self) -> None:
        site = StaffSite()
        admin.site = site
        sites.site = site
