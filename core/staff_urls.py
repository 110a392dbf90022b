"""What Essor puts before the admin's own addresses."""

from django.urls import path

from core.views import account, staff

urlpatterns = [
    path("login/", account.admin_sign_in),
    path("logout/", account.sign_out),
    path("not-saved/", staff.let_go, name="staff-let-go"),
    path("badges/", staff.badge_counts, name="staff-badges"),
]
