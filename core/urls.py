"""Addresses of the front: home, accounts, jobs, documents, health, legal pages."""

from django.contrib.auth.forms import SetPasswordForm
from django.urls import path

from core.site.known_fields import takes
from core.views import account, documents, health, home, jobs, resume

app_name = "core"

urlpatterns = [
    path("", home.home, name="home"),
    path("connexion/", account.sign_in, name="login"),
    path("connexion/reprise/", resume.sign_in_and_resume, name="resume"),
    path("deconnexion/", account.sign_out, name="logout"),
    path("inscription/", account.sign_up, name="signup"),
    path("inscription/courriel/", account.sign_up_done, name="signup_done"),
    path("inscription/activer/<str:uid>/<str:token>/", account.activate, name="activate"),
    path("mot-de-passe/", account.ask_reset, name="password_reset"),
    path("mot-de-passe/courriel/", account.reset_asked, name="password_reset_done"),
    path(
        "mot-de-passe/nouveau/<str:uidb64>/<str:token>/",
        takes(SetPasswordForm)(account.ChooseNewPassword.as_view()),
        name="password_reset_confirm",
    ),
    path("mon-compte/", account.profile, name="profile"),
    path("travaux/<int:pk>/", jobs.job, name="job"),
    path("travaux/<int:pk>/etat/", jobs.job_state, name="job_state"),
    path("travaux/<int:pk>/annuler/", jobs.job_cancel, name="job_cancel"),
    path("documents/<int:pk>/", documents.document, name="document"),
    path("sante/", health.health, name="health"),
    path("marque.css", home.brand, name="brand"),
    path("logo", home.logo, name="logo"),
    path("accessibilite/", home.accessibility, name="accessibility"),
    path("donnees-personnelles/", home.privacy, name="privacy"),
    path("mentions-legales/", home.legal, name="legal"),
]
