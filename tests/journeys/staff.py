"""What the Region's staff does in its windows with one case, from the first reading to the vote."""

import re
from collections.abc import Iterable

from django.utils import timezone
from playwright.sync_api import Locator, expect

from agreements.models import Agreement
from grants.models import Application, CommitteeSession
from tests.journeys.cast import Window

OPEN = ".es-answer[open]"


def open_case(window: Window, number: str) -> Application:
    """From the list of cases to the case's page."""
    window.go(f"/admin/grants/application/?q={number}")
    window.follow(re.compile(number), window.page.locator("#result_list"))
    window.page.wait_for_url("**/change/**")
    return Application.objects.get(number=number)


def panel(window: Window, anchor: str) -> Locator:
    """A section of the page."""
    return window.page.locator(f"#{anchor}")


def judge_piece(window: Window, name: str, word: str, note: str = "") -> None:
    """Accept or refuse a piece, beside which the reason stands."""
    line = panel(window, "pieces").locator(".es-piece", has_text=name).last
    line.locator("summary").click()
    line.locator("input[name=note]").fill(note)
    line.get_by_role("button", name=word).click()
    window.told("Pièce examinée")


def answer_checks(window: Window, stage: str) -> None:
    """Answer yes to every check of a stage that the product did not answer itself."""
    section = panel(window, f"checks-{stage}")
    expect(section).to_be_visible()
    for _left in range(section.locator(OPEN).count()):
        left = section.locator(OPEN).count()
        section.locator(OPEN).first.get_by_role("button", name="Oui", exact=True).click()
        expect(section.locator(OPEN)).to_have_count(left - 1)


def score(window: Window, values: Iterable[str]) -> None:
    """Score the criteria in their order."""
    section = panel(window, "scoring")
    for number, value in enumerate(values):
        row = section.locator("tbody tr").nth(number)
        row.locator("input[name^=score-]").fill(value)
        row.locator("input[name^=comment-]").fill("Éléments probants dans le dossier.")
    window.press("Enregistrer les notes", section)
    window.told("Notes enregistrées")


def compute_aid(window: Window) -> None:
    """Have the aid computed, with its explanation."""
    window.press("Calculer de nouveau", panel(window, "amount"))
    window.told("Aide calculée")


def hold_session(window: Window, session: CommitteeSession) -> None:
    """Convene, note who is present, and open."""
    window.staff_page(session)
    window.move("Convoquer", urgency="La subvention conditionne le démarrage du projet dans le mois.")
    for number in range(session.members.count()):
        window.page.locator(f"[id='id_members-{number}-is_present']").check()
    window.page.get_by_role("button", name="Enregistrer et continuer les modifications").click()
    window.told("a été modifié")
    window.move("Ouvrir la séance")


def all_decided(window: Window) -> None:
    """Wait until the last decision is recorded: the page loads again and says so."""
    expect(window.page.locator(".es-transitions").get_by_role("link", name="Clore la séance")).to_be_visible()
    window.told("0 à décider")


def put_on_agenda(window: Window, session: CommitteeSession, number: str) -> None:
    """Put a case that has its visa on the agenda."""
    window.staff_page(session)
    ready = panel(window, "ready")
    ready.get_by_label(re.compile(number)).check()
    window.press("Inscrire à l’ordre du jour", ready)
    expect(panel(window, "grid")).to_contain_text(number)


# --- a whole stage, for the journeys that do not stop at each page ------------------------------------------------------


def admit(window: Window, number: str) -> Application:
    """Read the pieces, answer the first checks, declare the case admissible and take it."""
    case = open_case(window, number)
    for name in case.pieces.current().values_list("document__name", flat=True):
        judge_piece(window, name, "Accepter")
    answer_checks(window, "completeness")
    answer_checks(window, "admissibility")
    window.move("Déclarer recevable")
    window.move("Commencer l’instruction")
    return case


def propose(window: Window, scores: Iterable[str], reasons: str, **register: str) -> None:
    """Eligibility, scores, the aid, and what is proposed to the committee; ``register`` under de minimis."""
    answer_checks(window, "eligibility")
    score(window, scores)
    compute_aid(window)
    window.move("Proposer au visa", reasons=reasons, **register)


def register_consulted() -> dict[str, str]:
    """What an officer types of the central register of de minimis aid."""
    return {
        "register_consulted_on": timezone.localdate().isoformat(),
        "register_reference": "Extrait n° 12",
        "register_sector": "94.99",
    }


def give_visa(window: Window, number: str) -> None:
    """The head of service agrees with the proposal."""
    open_case(window, number)
    window.move("Donner le visa", transition_comment="Vu.")


def decide(window: Window, session: CommitteeSession, number: str, deliberation: str) -> None:
    """From the agenda to the deliberation: the case is granted what was proposed, by the mouse."""
    put_on_agenda(window, session, number)
    hold_session(window, session)
    row = panel(window, "grid").locator("tbody tr").first
    row.locator("select[name$=decision]").select_option("granted")
    all_decided(window)
    window.move("Clore la séance", deliberation_number=deliberation)
    window.told(deliberation)


def draw_up_act(window: Window, number: str) -> str:
    """Draw up the act of a granted case; return its number."""
    window.go("/admin/agreements/agreement/to-draft/")
    row = window.page.locator("tr", has_text=number)
    row.get_by_role("button", name=re.compile("Établir l’acte")).click()
    window.told("est établi")
    return Application.objects.get(number=number).agreement.number


def sign_for_the_region(window: Window, agreement: str) -> None:
    """Sign and notify: the act is in force."""
    window.staff_page(Agreement.objects.get(number=agreement))
    today = timezone.localdate().isoformat()
    window.move("Signer et notifier", region_signatory="La présidente", region_signed_on=today, notified_on=today)
