"""Addresses of reporting outside the staff site: none. Its reports are asked for and taken in the staff site."""

from django.urls import URLPattern

app_name = "reporting"

urlpatterns: list[URLPattern] = []
