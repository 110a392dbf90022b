"""At which addresses the people of a body read what somebody does in its name: no mail goes only to whom it serves.

An account that was closed lately still counts, and the address that its person had before somebody else changed it: whoever
takes hold of a body closes accounts and changes addresses first.
"""

from applicants.models import Applicant, Membership
from applicants.models.people import MemberRole
from applicants.represented import closed_lately, representatives
from core.models import User


def representatives_of(applicant: Applicant) -> list[str]:
    """The e-mail addresses of the people who represent ``applicant`` and may answer now."""
    members = Membership.objects.filter(
        applicant=applicant, role=MemberRole.REPRESENTATIVE, user__is_active=True
    ).order_by("pk")
    return list(members.values_list("user__email", flat=True))


def warned_addresses(applicant: Applicant, *, everybody: bool = False, but: User | None = None) -> list[str]:
    """Where those who represent ``applicant``, or did until lately, are warned; with ``everybody``, its editors too.

    Not the addresses of the person ``but``, who reads of it elsewhere or did it.
    """
    ids = {one.user_id for one in representatives(applicant.pk)}
    people = list(User.objects.filter(pk__in=ids).order_by("pk"))
    if everybody:
        others = User.objects.filter(memberships__applicant=applicant).exclude(pk__in=ids).order_by("pk")
        people += [person for person in others if is_reached(person)]
    own = {address.lower() for address in addresses_of(but)} if but is not None else set()
    found = [address for person in people for address in addresses_of(person)]
    return [address for address in dict.fromkeys(found) if address.lower() not in own]


def is_reached(person: User) -> bool:
    """Whether a mail on a body still concerns the person: their account is open, or was until lately."""
    return person.is_active or closed_lately(person.pk)


def addresses_of(person: User) -> list[str]:
    """The address of an account, and the person’s own one before it while the present one waits to be confirmed."""
    before = person.own_address_before if person.address_held_until else ""
    return [address for address in (person.email, before) if address]
