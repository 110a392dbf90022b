"""Addresses of the beneficiary's pages: agreements and payment claims."""

from django.urls import path

app_name = "agreements"

urlpatterns: list[path] = []
