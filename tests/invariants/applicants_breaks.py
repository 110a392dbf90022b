"""What breaks the invariants of applicants."""

from tests.invariants.sabotage import breaks

VERIFIED = "(SELECT max(id) FROM applicants_bankaccount WHERE state = 'verified')"

breaks(
    "applicants.one-account-is-paid",
    "UPDATE applicants_bankaccount SET applicant_id = (SELECT min(b.applicant_id) FROM applicants_bankaccount b "
    f"WHERE b.state = 'verified') WHERE id = {VERIFIED}",
)
breaks(
    "applicants.account-verified-by-another",
    f"UPDATE applicants_bankaccount SET verified_by_id = entered_by_id WHERE id = {VERIFIED}",
)
breaks(
    "applicants.changed-account-was-called",
    f"UPDATE applicants_bankaccount SET is_change = TRUE WHERE id = {VERIFIED}",
)
breaks(
    "applicants.de-minimis-within-ceiling",
    "UPDATE applicants_deminimisaid SET amount = 300000.01 "
    "WHERE id = (SELECT max(id) FROM applicants_deminimisaid WHERE origin = 'granted' AND withdrawn_on IS NULL)",
)
