"""Settings that protect people: production's demands, the policies of both sites, the address of the visitor."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from config.catalogues import compile_catalogues
from config.middleware import StaffPolicyMiddleware, client_ip

BASE_DIR = Path(__file__).resolve().parent.parent.parent
COMPLETE = {
    "SECRET_KEY": "a-long-random-text-for-the-test-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "aides.region.example",
    "DATABASE_URL": "postgres://essor:essor@127.0.0.1:1/essor",
}
ANCHORED = {"ESSOR_ANCHOR_MAIL": "preuve@region.example"}


def in_production(environment: dict[str, str], code: str) -> subprocess.CompletedProcess:
    inherited = {key: value for key, value in os.environ.items() if key not in COMPLETE}
    return subprocess.run(
        [sys.executable, "-c", f"import config.settings.production as s\n{code}"],
        cwd=BASE_DIR,
        env=inherited | {"DJANGO_SETTINGS_MODULE": "config.settings.production"} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("missing", sorted(COMPLETE))
def test_production_says_what_it_misses(missing: str):
    done = in_production({key: value for key, value in COMPLETE.items() if key != missing}, "")
    assert done.returncode == 1
    last_line = done.stderr.strip().splitlines()[-1]
    assert "Essor does not start in production without" in last_line
    assert missing in last_line


def test_production_is_closed():
    done = in_production(
        COMPLETE,
        "print(s.DEBUG, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT,"
        " s.SECURE_HSTS_SECONDS > 0, s.DATABASES['default']['PORT'])",
    )
    assert done.stdout.split() == ["False", "True", "True", "True", "True", "1"], done.stderr


def checked_for_deployment(environment: dict[str, str]) -> subprocess.CompletedProcess:
    inherited = {key: value for key, value in os.environ.items() if key != "DJANGO_ALLOW_ASYNC_UNSAFE"}  # the tests'
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=BASE_DIR,
        env=inherited | {"DJANGO_SETTINGS_MODULE": "config.settings.production"} | environment,
        capture_output=True,
        text=True,
    )


def test_production_passes_the_checks_of_a_deployment():
    done = checked_for_deployment(COMPLETE | ANCHORED)
    assert done.returncode == 0, done.stderr


def test_production_says_that_its_anchors_go_nowhere():
    """The end of the chain would be noted by nobody else, and nothing else would say so."""
    done = checked_for_deployment(COMPLETE)
    assert done.returncode == 1 and "essor.W002" in done.stderr and "ESSOR_ANCHOR_FOLDER" in done.stderr
    assert checked_for_deployment(COMPLETE | {"ESSOR_ANCHORS_EXPECTED": "false"}).returncode == 0


def test_a_monitoring_tool_is_not_sent_to_tls():
    """The address that asks for the health is the only one that answers without TLS."""
    done = in_production(COMPLETE, "print(s.SECURE_REDIRECT_EXEMPT)")
    exempt = ast.literal_eval(done.stdout.strip())
    addresses = [reverse("core:health"), reverse("core:login"), reverse("admin:index"), "/api/v1/operations/"]
    answered = [address for address in addresses if any(re.search(rule, address.lstrip("/")) for rule in exempt)]
    assert answered == [reverse("core:health")]


def test_documents_have_no_address():
    assert settings.MEDIA_URL in ("", "/")
    assert settings.ESSOR_DOCUMENT_ROOT.is_relative_to(settings.VAR_DIR)


@pytest.mark.django_db
def test_each_site_has_its_policy(client: Client):
    public = client.get("/connexion/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in public
    assert "unsafe" not in public
    staff = client.get("/admin/login/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in staff
    assert "default-src 'self'" in staff


def test_a_view_of_the_staff_site_can_be_stricter(rf: RequestFactory):
    response = HttpResponse()
    response._csp_replace = {"script-src": ["'none'"]}
    StaffPolicyMiddleware(lambda request: response)(rf.get("/admin/"))
    assert response._csp_replace == {"script-src": ["'none'"]}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "203.0.113.9:5100", "203.0.113.9"),
        (1, "[2001:db8::9]:5100", "2001:db8::9"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", "0.0.0.0"),  # noqa: S104
        (1, "²", "0.0.0.0"),  # noqa: S104
    ],
)
def test_the_address_of_a_person_is_what_our_proxies_say(rf, settings, proxies, forwarded, expected):
    settings.ESSOR_PROXY_COUNT = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_ip(rf.get("/", REMOTE_ADDR="10.0.0.1", **headers)) == expected


def test_catalogues_are_compiled_once(tmp_path: Path):
    folder = tmp_path / "locale" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (folder / "django.po").write_text(f'{header}msgid "Grant"\nmsgstr "Subvention"\n')
    assert compile_catalogues(tmp_path) == [folder / "django.mo"]
    assert b"Subvention" in (folder / "django.mo").read_bytes()
    assert compile_catalogues(tmp_path) == []
