"""What applicants do in their windows, from the account to the payment claim. Each function waits for its answer."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from playwright.sync_api import Locator, expect

from core.models import User
from tests.factories.applicants import iban, pdf
from tests.journeys.cast import Window, paper, put
from tests.journeys.helpers import PASSWORD, delivered_links

YES, NO = "yes", "no"
Row = Mapping[str, str]


# --- the account, the organisation ------------------------------------------------------------------------------------


def sign_up(window: Window, first_name: str, last_name: str, email: str) -> User:
    """From the home page to an active account, through the link of the mail."""
    window.go("/")
    window.follow("Créer un compte")
    window.fill(first_name=first_name, last_name=last_name, email=email)
    window.page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    window.page.get_by_label("Mot de passe, une seconde fois").fill(PASSWORD)
    window.press("Créer mon compte")
    window.told("ouvrez le message que nous vous avons envoyé")
    window.page.goto(delivered_links()[-1])
    window.press("Activer mon compte")
    window.told("Votre compte est actif")
    return User.objects.get(email=email)


def choose_programme(window: Window, name: str) -> None:
    """From the catalogue to the first page of an application."""
    window.go("/aides/")
    window.follow(re.compile(re.escape(name)))
    window.told("Ce qui est financé")


def add_organisation(window: Window, **values: Any) -> None:
    """From "first, your organisation" to the choice of who files."""
    window.follow("Ajouter ma structure")
    window.follow("Ajouter un organisme")
    window.fill(**values)


# --- the form ---------------------------------------------------------------------------------------------------------


def step(window: Window, section: str, answers: Mapping[str, Any] | None = None) -> None:
    """Answer the questions of the step on the screen; ``go_on`` leaves it."""
    window.page.wait_for_url(f"**/formulaire/{section}/**")
    for code, answer in (answers or {}).items():
        _answer(window, code, answer)


def go_on(window: Window) -> None:
    """Save the step and go to the next one."""
    before = window.page.url.partition("?")[0]
    window.press("Enregistrer et continuer")
    expect(window.page).not_to_have_url(re.compile(re.escape(before)))


def _answer(window: Window, code: str, answer: Any) -> None:
    question = window.page.locator(f'[data-question="{code}"]')
    if answer in (YES, NO):
        question.locator(f"#q-{code}-{answer}").check()
    elif isinstance(answer, list) and answer and isinstance(answer[0], Mapping):
        _rows(question, answer)
    elif isinstance(answer, list):
        for value in answer:
            question.locator(f"#q-{code}-{value}").check()
    elif isinstance(answer, tuple):
        for side, day in zip(("start", "end"), answer, strict=True):
            question.locator(f"#q-{code}-{side}").fill(day.isoformat())
    elif isinstance(answer, date):
        question.locator(f"#q-{code}").fill(answer.isoformat())
    else:
        question.locator(f"#q-{code}").fill(str(answer))


def _rows(table: Locator, rows: Iterable[Row]) -> None:
    for number, row in enumerate(rows):
        lines = table.locator("tr[data-row]")
        if lines.count() <= number:
            table.get_by_role("button", name="Ajouter une ligne").click()
            expect(lines).to_have_count(number + 1)
        for column, value in row.items():
            put(lines.nth(number), f'[data-column="{column}"]', value)


def budget(window: Window, charges: Iterable[Row], products: Iterable[Row]) -> None:
    """The budget table, until it balances."""
    for group, rows in (("charge", charges), ("product", products)):
        table = window.page.locator(f'table[data-group="{group}"]')
        add = table.locator("xpath=following-sibling::p[1]").get_by_role("button", name="Ajouter une ligne")
        for number, row in enumerate(rows):
            lines = table.locator("tr[data-row]")
            if lines.count() <= number:
                add.click()
                expect(lines).to_have_count(number + 1)
            for column, value in row.items():
                put(lines.nth(number), f'[data-column="{column}"]', value)
    expect(window.page.locator("[data-gap]")).to_contain_text("équilibré", timeout=10_000)


def join_pieces(window: Window, *codes: str) -> None:
    """Join a file to each of these pieces."""
    for code in codes:
        piece = window.page.locator(f"#piece-{code}")
        piece.locator("input[type=file]").set_input_files(paper(f"{code}.pdf", pdf(f"{window.page.url} {code}")))
        piece.get_by_role("button", name="Joindre").click()
        expect(piece.get_by_role("link", name=f"{code}.pdf").first).to_be_visible()


def file_application(window: Window) -> str:
    """File the application that has everything; return its number."""
    window.press("Déposer ma demande")
    window.told("Votre demande est déposée sous le numéro")
    found = re.search(r"sous le numéro ([A-Z0-9]+-\d{4}-\d+)", window.page.inner_text("main"))
    return found[1]


# --- after the vote ---------------------------------------------------------------------------------------------------


def give_bank_details(window: Window, holder: str, number: int) -> None:
    """Enter an account with its paper, from the page of the organisation."""
    window.follow("Donner vos coordonnées bancaires")
    window.fill(holder_name=holder, iban=iban(number), proof=paper("rib.pdf", pdf(f"rib {number}")))
    window.press("Enregistrer")
    window.told("Vos coordonnées bancaires sont enregistrées")


def sign_agreement(window: Window, signatory: str, quality: str) -> None:
    """Accept the act on its page."""
    window.fill(signatory=signatory, quality=quality, accepted=True)
    window.press("Accepter et signer")
    window.told("Vous avez signé")


def open_claim(window: Window, agreement: str, label: str) -> str:
    """Claim a payment from the page of the agreement; return the number of the claim."""
    window.go(f"/conventions/{agreement}/")
    row = window.page.locator("#payments tr", has_text=label)
    row.get_by_role("button", name=re.compile("Demander ce versement")).click()
    window.page.wait_for_url("**/versements/**")
    return window.page.url.rstrip("/").rpartition("/")[2]


def join_claim_pieces(window: Window) -> None:
    """Join a file to every piece that the payment asks for."""
    pieces = window.page.locator("#pieces .piece")
    for number in range(pieces.count()):
        piece = pieces.nth(number)
        name = f"piece-{number + 1}.pdf"
        file = paper(name, pdf(f"{window.page.url} {name}"))
        piece.locator("input[type=file]").set_input_files(file)
        if number == 0:  # left before it was joined: the page asks for the file by its name
            window.page.reload()
            expect(piece.locator("[data-choose-again]")).to_contain_text(f"« {name} »")
            piece.get_by_role("button", name="Joindre").click()
            expect(window.page.locator("[data-error-summary]")).to_contain_text(name)
            piece.locator("input[type=file]").set_input_files(file)
        piece.get_by_role("button", name="Joindre").click()
        expect(pieces.nth(number).get_by_role("link", name=name)).to_be_visible()


def file_claim(window: Window) -> None:
    """Attest and file."""
    section = window.page.locator("#submit")
    window.fill(section, attested=True)
    window.press("Déposer la demande", section)
    window.told("Votre demande est déposée")
