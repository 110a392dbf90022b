"""The cases of the demonstration: who asks for what, and how far each case has come.

Amounts are fixed, so that every run gives the same figures; days are counted from the day of the run.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum


class Stage(IntEnum):
    """How far a case goes; the branches that end early carry the stage at which they leave the line."""

    DRAFT = 0
    SUBMITTED = 10
    INCOMPLETE = 15
    ANSWERED = 16  # pieces asked, then sent
    INADMISSIBLE = 19
    ADMISSIBLE = 20
    IN_INSTRUCTION = 30
    INSTRUCTED = 40
    READY = 50
    SCHEDULED = 55
    APPROVED = 60
    REJECTED = 61
    DEFERRED = 62
    DRAFTED = 65  # the act is being drafted
    SENT = 66
    SIGNED = 68
    IN_FORCE = 70
    ADVANCE_CLAIMED = 75
    ADVANCE_CERTIFIED = 77
    ADVANCE_ORDERED = 78
    ADVANCE_PAID = 80
    BALANCE_CLAIMED = 85
    BALANCE_CERTIFIED = 87
    BALANCE_PAID = 90
    CLOSED = 95
    WITHDRAWN = 96
    LAPSED = 97


@dataclass(frozen=True)
class Line:
    """A line of a budget: account, euros, and what for."""

    account: str
    amount: str
    label: str
    axis: str = "general"
    status: str = ""


@dataclass(frozen=True)
class Case:
    """One case: ``wave`` says with which call and session it travels."""

    key: str
    programme: str
    organisation: str
    title: str
    wave: int
    stage: Stage
    eu_fund: str = ""
    charges: tuple[Line, ...] = ()
    products: tuple[Line, ...] = ()
    persons: tuple[tuple[str, str, str], ...] = ()  # first name, last name, euros of own contribution
    tranches: tuple[tuple[str, str], ...] = ()  # cost and aid asked, for each year
    months: int = 9
    asked_again: bool = False  # the service asked for pieces on the way
    reduced_to: str = ""  # the committee granted less than what was proposed
    tags: frozenset[str] = field(default_factory=frozenset)


def progress(key, organisation, title, wave, stage, *, training, communication="0", travel="0", engineering="0",
             commune="0", **more) -> Case:  # fmt: skip
    """A PROGRESS case: training, communication and travel; a part comes from the commune, what is left is its own."""
    charges = [
        Line("622", training, "Formation-action du collectif"),
        Line("623", communication, "Communication du projet"),
        Line("625", travel, "Déplacements et réunions"),
        Line("622", engineering, "Ingénierie de projet", axis="engineering"),
    ]
    products = [Line("74com", commune, "Commune", status="granted")]
    return Case(
        key, "PROGRESS1", organisation, title, wave, stage,
        charges=tuple(line for line in charges if Decimal(line.amount)),
        products=tuple(line for line in products if Decimal(line.amount)),
        **more,
    )  # fmt: skip


def scop(key, organisation, title, wave, stage, *people, **more) -> Case:
    """A Capital SCOP case with its future worker-members."""
    return Case(key, "CAPITAL-SCOP", organisation, title, wave, stage, persons=people, **more)


def network(key, organisation, title, wave, stage, *tranches, **more) -> Case:
    """A multi-year agreement with a network: three years, each with its cost and the aid asked."""
    return Case(key, "CPO", organisation, title, wave, stage, tranches=tranches, **more)


S = Stage
CASES: list[Case] = [
    # --- PROGRESS, first wave: decided more than a year ago, the money has moved --------------------------------
    progress("textile", "atelier-du-fil", "Filière textile du pays d’Argonne", 1, S.CLOSED, eu_fund="ESF+",
             training="22500.00", communication="6000.00", travel="7000.00", commune="3000.00"),
    progress("ressourcerie", "coop-des-vallees", "Ressourcerie mobile des vallées", 1, S.BALANCE_PAID, eu_fund="ESF+",
             training="31000.00", communication="9000.00", travel="10000.00", commune="12000.00"),
    progress("conciergerie", "regie-nord", "Conciergerie de quartier", 1, S.BALANCE_CERTIFIED, eu_fund="ESF+",
             training="15000.00", communication="4000.00", travel="6000.00"),
    progress("materiaux", "terres-communes", "Plateforme d’éco-matériaux", 1, S.CLOSED, eu_fund="ERDF",
             training="12000.00", communication="5000.00", travel="3000.00", engineering="30000.00",
             commune="9000.00"),
    progress("cafe", "fabrique-itinerante", "Café associatif itinérant", 1, S.REJECTED,
             training="9000.00", communication="4000.00", travel="4500.00"),
    progress("velo", "roue-libre", "Atelier vélo et mobilité douce", 1, S.LAPSED,
             training="7000.00", communication="2500.00", travel="3000.00"),
    # --- PROGRESS, second wave: decided some months ago --------------------------------------------------------
    progress("recup", "recup-ardennes", "Réemploi des matériaux du bâtiment", 2, S.BALANCE_CLAIMED, eu_fund="ERDF",
             training="18000.00", communication="5500.00", travel="6500.00", commune="2000.00", months=5),
    progress("jardins", "jardins-solidaires", "Légumerie solidaire de l’Aube", 2, S.ADVANCE_PAID, eu_fund="ESF+",
             training="25000.00", communication="5000.00", travel="5000.00"),
    progress("mobilite", "mobilite-pour-tous", "Garage solidaire et auto-école", 2, S.ADVANCE_CERTIFIED,
             eu_fund="ESF+", training="14000.00", communication="3000.00", travel="3000.00"),
    progress("bois", "bois-local", "Filière bois en circuit court", 2, S.IN_FORCE, eu_fund="ERDF",
             training="20000.00", communication="6000.00", travel="4000.00", engineering="24000.00",
             commune="6000.00", asked_again=True),
    progress("cuisine", "cuisine-partagee", "Cuisine partagée et traiteur d’insertion", 2, S.SENT,
             training="16000.00", communication="3500.00", travel="2500.00"),
    progress("numerique", "numerique-pour-toutes", "Ateliers numériques de proximité", 2, S.APPROVED,
             training="11000.00", communication="2000.00", travel="2000.00", reduced_to="10000.00"),
    progress("habitat", "habitat-partage", "Habitat partagé : étude participative", 2, S.DEFERRED,
             training="13000.00", communication="2500.00", travel="3500.00"),
    # --- PROGRESS, the call that is open -----------------------------------------------------------------------
    progress("rural", "lien-rural", "Tiers-lieu nourricier du Rethélois", 3, S.SCHEDULED,
             training="19000.00", communication="4500.00", travel="4500.00"),
    progress("tissage", "textile-solidaire", "Tissage et teinture végétale", 3, S.SCHEDULED,
             training="24000.00", communication="8000.00", travel="8000.00"),
    progress("energie", "energie-citoyenne", "Chaufferie bois citoyenne : montage du collectif", 3, S.READY,
             training="17000.00", communication="3000.00", travel="5000.00"),
    progress("laverie", "cuisine-partagee", "Laverie de contenants réemployables", 3, S.INSTRUCTED,
             training="15500.00", communication="3500.00", travel="3000.00"),
    progress("velobus", "roue-libre", "Vélobus scolaires de la Marne", 3, S.IN_INSTRUCTION,
             training="9500.00", communication="3000.00", travel="2500.00"),
    progress("ruches", "jardins-solidaires", "Ruchers-écoles partagés", 3, S.ADMISSIBLE,
             training="8000.00", communication="2000.00", travel="2000.00"),
    progress("brasserie", "fabrique-itinerante", "Brasserie coopérative de Langres", 3, S.INCOMPLETE,
             training="21000.00", communication="5000.00", travel="4000.00"),
    progress("mode", "atelier-du-fil", "École de mode responsable", 3, S.ANSWERED,
             training="26000.00", communication="6000.00", travel="6000.00"),
    progress("repair", "recup-ardennes", "Repair café départemental", 3, S.SUBMITTED,
             training="6500.00", communication="2500.00", travel="1500.00"),
    progress("halle", "coop-des-vallees", "Halle alimentaire des vallées", 3, S.DRAFT,
             training="28000.00", communication="7000.00", travel="5000.00"),
    progress("logement", "habitat-partage", "Accueil solidaire en habitat partagé", 3, S.WITHDRAWN,
             training="10000.00", communication="2000.00", travel="2000.00"),
    progress("cinema", "lien-rural", "Cinéma itinérant", 3, S.INADMISSIBLE,
             training="5000.00", communication="4000.00", travel="6000.00"),
    # --- Capital SCOP ------------------------------------------------------------------------------------------
    scop("menuiserie", "menuiserie-erdre", "Reprise de la menuiserie par ses salariés", 1, S.CLOSED,
         ("Camille", "Durand", "3200.00"), ("Rachid", "Belkacem", "5000.00"), ("Sophie", "Le Gall", "7500.00"),
         eu_fund="ERDF"),
    scop("imprimerie", "imprimerie-loire", "Création de l’Imprimerie de Loire", 1, S.BALANCE_PAID,
         ("Antoine", "Moreau", "4000.00"), ("Jeanne", "Pasquier", "2500.00"), eu_fund="ERDF"),
    scop("boulangerie", "boulangerie-sillon", "Boulangerie coopérative", 2, S.BALANCE_CLAIMED,
         ("Léa", "Guillou", "1500.00"), ("Maxime", "Hervé", "1000.00"), ("Louise", "Texier", "2000.00")),
    scop("logiciel", "logiciel-libre", "Atelier de logiciel libre", 2, S.IN_FORCE,
         ("Samir", "Haddad", "5000.00"), ("Noémie", "Prigent", "5000.00"), ("Victor", "Jamet", "6200.00"),
         ("Alice", "Rio", "3000.00")),
    scop("maraichage", "maraichage-mauges", "Maraîchage biologique en SCOP", 2, S.APPROVED,
         ("Julie", "Bernier", "2800.00"), ("Simon", "Coutand", "2800.00")),
    scop("maconnerie", "maconnerie-vendee", "Maçonnerie en pierre et terre crue", 3, S.SCHEDULED,
         ("Mathieu", "Billaud", "3500.00"), ("Carine", "Jolly", "1200.00")),
    scop("transport", "transport-mayenne", "Livraison à vélo et petit train", 3, S.IN_INSTRUCTION,
         ("Aurélie", "Chevalier", "2000.00"), ("Denis", "Foucher", "4800.00")),
    scop("theatre", "theatre-retz", "Décors de théâtre réemployés", 3, S.SUBMITTED,
         ("Nicolas", "Renaud", "1800.00"), ("Elsa", "Baron", "2600.00")),
    scop("conseil", "conseil-anjou", "Conseil en coopération", 3, S.INCOMPLETE,
         ("Isabelle", "Fournier", "5000.00"), ("Rémi", "Lebrun", "1000.00")),
    scop("recyclage", "recyclage-brive", "Recyclage de voiles et filets", 3, S.DRAFT,
         ("Yann", "Le Goff", "3000.00"), ("Maïwenn", "Thomas", "3000.00")),
    scop("couture", "couture-sarthe", "Atelier de couture professionnelle", 2, S.REJECTED,
         ("Amina", "Touré", "1500.00"), ("Lise", "Hubert", "1400.00")),
    scop("velocargo", "velo-cargo", "Fabrication de vélos-cargos", 2, S.WITHDRAWN,
         ("Pierre", "Lucas", "4000.00"), ("Jade", "Morvan", "4500.00")),
    # --- multi-year agreements with networks -------------------------------------------------------------------
    network("cress", "reseau-cress", "Développement de l’ESS 2025-2027", 1, S.BALANCE_PAID,
            ("240000.00", "120000.00"), ("246000.00", "123000.00"), ("252000.00", "126000.00"), eu_fund="ESF+"),
    network("iae", "reseau-iae", "Professionnalisation de l’insertion", 1, S.BALANCE_CERTIFIED,
            ("160000.00", "80000.00"), ("160000.00", "80000.00"), ("164000.00", "82000.00"), eu_fund="ESF+"),
    network("scopic", "union-scop", "Reprises d’entreprises en SCOP", 1, S.ADVANCE_PAID,
            ("110000.00", "55000.00"), ("112000.00", "56000.00"), ("114000.00", "57000.00"), eu_fund="ERDF"),
    network("asso", "mouvement-associatif", "Appui aux petites associations", 1, S.SIGNED,
            ("90000.00", "40000.00"), ("92000.00", "41000.00"), ("94000.00", "42000.00")),
    network("geiq", "reseau-geiq", "Essor des GEIQ", 3, S.SCHEDULED,
            ("76000.00", "38000.00"), ("78000.00", "39000.00"), ("80000.00", "40000.00")),
    network("mutuelles", "reseau-mutuelles", "Santé solidaire en territoire", 3, S.IN_INSTRUCTION,
            ("60000.00", "24000.00"), ("62000.00", "25000.00"), ("64000.00", "26000.00")),
    network("fabriques", "reseau-fabriques", "Fabriques à initiatives", 3, S.SUBMITTED,
            ("130000.00", "60000.00"), ("132000.00", "61000.00"), ("134000.00", "62000.00")),
    network("cress-suite", "reseau-cress", "Observatoire régional de l’ESS", 3, S.DRAFT,
            ("50000.00", "25000.00"), ("51000.00", "25500.00"), ("52000.00", "26000.00")),
    # Years that differ in cost, request and rate: the rate of 80 % cuts the second, and only that one.
    network("tiers-lieux", "reseau-tiers-lieux", "Essaimage des tiers-lieux ruraux", 1, S.BALANCE_PAID,
            ("100000.00", "60000.00"), ("100000.00", "90000.00"), ("50000.00", "40000.00")),
]  # fmt: skip
