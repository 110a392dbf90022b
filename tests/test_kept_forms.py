"""What somebody types in the portal is not lost when the page is left: every form that is written in keeps it."""

import re

from django.conf import settings

FORM = re.compile(r'<form\b[^>]*method="post"[^>]*>.*?</form>', re.DOTALL)
TYPED = re.compile(r"<textarea|components/fields\.html|{% field |<input type=\"(?:text|number|date|email|tel)\"")
#: Templates whose forms keep nothing, and why.
OTHERWISE = {
    "applicants/bank_account_form.html": "an IBAN is left on no device",
    "essor/account/sign_in.html": "a password, and nobody is known yet",
    "essor/account/sign_up.html": "a password, and nobody is known yet",
    "essor/account/ask_reset.html": "one address, and nobody is known yet",
    "essor/account/choose_and_open.html": "a password, and nobody is known yet",
    "essor/account/new_password.html": "a password",
    "essor/account/profile.html": "the second form: a password",
    "essor/resume/sign_in.html": "carries what was typed itself",
}


def forms_written_in() -> list[tuple[str, str, str]]:
    """The template, the opening and the inside of every form of the portal in which one types."""
    found = []
    for app in ("core", "applicants", "grants", "agreements"):
        root = settings.BASE_DIR / app / "templates"
        for path in sorted(root.rglob("*.html")):
            name = path.relative_to(root).as_posix()
            if "admin/" in name:
                continue
            for form in FORM.findall(path.read_text()):
                opening, inside = form.split(">", 1)
                if TYPED.search(inside):
                    found.append((name, opening, inside))
    return found


def test_every_form_of_the_portal_keeps_what_was_typed():
    forms = forms_written_in()
    lost = {name for name, opening, _inside in forms if "data-keep=" not in opening}
    assert lost == set(OTHERWISE)
    kept = [opening for _name, opening, _inside in forms if "data-keep=" in opening]
    assert len(kept) > 10
    assert all("{{ user.pk }}" in opening or "opinion-" in opening for opening in kept), "another person would read it"


def test_what_is_taken_up_after_a_session_that_ended_says_what_it_does():
    """“Send what I had typed” files a claim or saves a draft: the page names the button that was pressed."""
    unnamed = [
        name for name, opening, inside in forms_written_in() if "data-keep=" in opening and "{% does " not in inside
    ]
    assert unnamed == []


def test_what_is_kept_on_the_device_names_the_account():
    """Every key of every script, the application's form too: one person's text is never put on another one's page."""
    step = (settings.BASE_DIR / "grants/templates/grants/form/step.html").read_text()
    assert 'data-key="essor-form-{{ user.pk }}-' in step
    scripts = [path for app in ("core", "grants", "agreements", "applicants") for path in app_scripts(app)]
    kept = [path.name for path in scripts if "localStorage.setItem(" in path.read_text()]
    assert sorted(kept) == ["application-form.js", "keep.js"]
    # … and what takes it away in the other windows of who signs out knows the account too.
    assert "signed-out-${account}" in (settings.BASE_DIR / "core/static/essor/signed-out.js").read_text()


def app_scripts(app: str) -> list:
    return sorted((settings.BASE_DIR / app / "static").rglob("*.js"))


def test_the_pages_in_between_do_not_lose_which_form_was_sent():
    """Signing in again, or somebody else's change: what follows them clears the copy of the device."""
    script = (settings.BASE_DIR / "core/static/essor/keep.js").read_text()
    assert "[data-resumes]" in script
    templates = settings.BASE_DIR / "core/templates/essor"
    sends_again = [
        path.relative_to(templates).as_posix()
        for path in sorted(templates.rglob("*.html"))
        if re.search(r"for name, value in (kept\.)?fields", path.read_text())
    ]
    assert sends_again == ["resume/confirm.html", "resume/sign_in.html", "stale.html"]
    assert all("data-resumes" in (templates / name).read_text() for name in sends_again)


def test_every_kind_of_field_is_kept():
    """Boxes and lists of several too: “it is back on the page” was said of a box that was not. Neither passwords nor what
    the page itself puts in; that a file is left out is said each time."""
    script = (settings.BASE_DIR / "core/static/essor/keep.js").read_text()
    kept = re.search(r'const KEPT = "([^"]*)"', script)[1].split(", ")
    typed = {"radio", "checkbox", "text", "number", "date", "email", "tel"}
    assert {f"input[type={kind}]" for kind in typed} | {"textarea", "select"} <= set(kept)
    assert not any(kind in selector for selector in kept for kind in ("password", "hidden", "file"))
    assert '!one.name.endsWith("-without")' in script
    assert 'field.closest("details")' in script, "a file that is asked for again stands folded away"


def test_a_staff_page_keeps_for_one_account_and_no_secret():
    """What comes back with the next page of the staff site: in this window, for this account, until it is shown."""
    script = (settings.BASE_DIR / "core/static/essor/unsaved.js").read_text()
    assert "localStorage" not in script
    assert "kept?.account === words.account" in script
    never = re.search(r'const NEVER_KEPT = "([^"]*)"', script)[1].split(", ")
    assert {"[type=password]", "[type=file]", "[name$=iban]", "[name$=bic]"} == set(never)
    dialog = (settings.BASE_DIR / "core/templates/admin/essor/unsaved.html").read_text()
    assert 'data-account="{{ user.pk }}"' in dialog


def test_every_kept_form_says_what_it_asks():
    """Who takes a form up after the session ended reads it by its labels, whoever drew its fields."""
    bare = re.compile(r"<textarea|<select|<input type=\"(?:text|number|date|email|tel)\"")
    component = (settings.BASE_DIR / "core/templates/essor/components/field.html").read_text()
    assert "{% asks field" in component
    for app in ("core", "applicants", "grants", "agreements"):
        for path in (settings.BASE_DIR / app / "templates").rglob("*.html"):
            for form in FORM.findall(path.read_text()):
                if "data-keep=" in form:
                    assert len(bare.findall(form)) == form.count("{% asks "), path
