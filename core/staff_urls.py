"""What Essor puts before the admin's own addresses."""

from django.urls import path

from core.views import account, staff

urlpatterns = [
    path("login/", account.admin_sign_in),
    path("logout/", account.sign_out),
    path("badges/", staff.badge_counts, name="staff-badges"),
]
