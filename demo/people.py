"""The people of the Region in the demonstration: one or more for each role."""

from dataclasses import dataclass
from functools import cache

from django.contrib.auth.hashers import make_password
from django.db import transaction

from core.events import record
from core.models import User
from core.roles import Role
from grants.models import Programme, ProgrammeAssignment

DOMAIN = "region.example"
# The demonstration runs on loopback and on invented people; its password is printed for whoever starts it.
PASSWORD = "essor-demo-2026"  # noqa: S105


@dataclass(frozen=True)
class Colleague:
    """A member of the Region's staff; ``programmes`` empty means all of them."""

    name: str
    first_name: str
    last_name: str
    role: Role
    programmes: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.name}@{DOMAIN}"


STAFF = [
    Colleague("instruction", "Claire", "Fontaine", Role.INSTRUCTOR, ("PROGRESS1", "CPO")),
    Colleague("instruction2", "David", "Morel", Role.INSTRUCTOR, ("CAPITAL-SCOP", "PROGRESS1")),
    Colleague("chefferie", "Anne", "Delorme", Role.HEAD_OF_SERVICE),
    Colleague("seances", "Bruno", "Leroy", Role.COMMITTEE_SECRETARY),
    Colleague("finances", "Catherine", "Prévost", Role.FINANCE_OFFICER),
    Colleague("finances2", "Youssef", "Naciri", Role.FINANCE_OFFICER),
    Colleague("controle", "Elena", "Rossi", Role.EU_CONTROLLER),
    Colleague("audit", "Frédéric", "Meyer", Role.AUDITOR),
    Colleague("administration", "Gaëlle", "Riou", Role.ADMINISTRATOR),
]


def ensure_staff() -> dict[str, User]:
    """The staff with their roles and programmes, by the name before the @."""
    programmes = {programme.code: programme for programme in Programme.objects.all()}
    users = {}
    for colleague in STAFF:
        user = User.objects.filter(email=colleague.email).first() or create_account(
            colleague.email, colleague.role, colleague.first_name, colleague.last_name
        )
        for code in colleague.programmes or programmes:
            with transaction.atomic():
                _row, is_new = ProgrammeAssignment.objects.get_or_create(user=user, programme=programmes[code])
                if is_new:
                    record(programmes[code], "change", data={"staff": user})
        users[colleague.name] = user
    return users


def create_account(email: str, role: Role, first_name: str, last_name: str) -> User:
    """An account with the password of the demonstration."""
    with transaction.atomic():
        user = User.objects.create_user(email, roles=[role], first_name=first_name, last_name=last_name)
        user.password = _hashed_password()
        user.save(update_fields=["password"])
        record(user, "create", data={"roles": [role.value]})
    return user


@cache
def _hashed_password() -> str:
    """One hash for all: hashing is slow on purpose, and with --scale there are a thousand accounts."""
    return make_password(PASSWORD)


def address_of(first_name: str, last_name: str, suffix: str) -> str:
    """An e-mail address under a domain that exists nowhere."""
    plain = f"{first_name}.{last_name}".lower().translate(PLAIN)
    return f"{plain}@{suffix}.example"


PLAIN = str.maketrans("àâäéèêëîïôöùûüçñ' ’", "aaaeeeeiioouuucn---")
