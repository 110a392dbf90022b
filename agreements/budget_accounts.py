"""The accounts of the budget annexed to an act: what was planned of each, what of it counts for the aid, what is spent.

Expenditure of an account of which nothing was retained is declared in no claim: the aid is computed without it, and it would
stand for a cost that counts. Between accounts that count money moves (``docs/adr/0013-accounts-of-the-budget.md``): what is
kept above what was retained of one of them is told to who reads and certifies the claim, not refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from agreements.models import Agreement, ExpenditureLine, PaymentClaim
from core.money import ZERO, format_euros
from grants.rules.budget import account_number

COLUMNS = ("account_code", "label", "amount", "eligible_amount")


@dataclass(frozen=True)
class BudgetAccount:
    """The expenses of one account, in euros."""

    code: str
    label: str
    planned: Decimal
    retained: Decimal

    @property
    def counts(self) -> bool:
        """Whether anything of it counts for the aid."""
        return self.retained > 0 or self.planned == 0

    @property
    def in_words(self) -> str:
        """Its label, with what is retained where that is not all of it."""
        if not self.counts:
            return _("%(label)s (nothing is retained)") % {"label": self.label}
        if self.retained < self.planned:
            return _("%(label)s (%(amount)s retained)") % {
                "label": self.label,
                "amount": format_euros(self.retained),
            }
        return self.label


@dataclass(frozen=True)
class SpentAccount:
    """What is kept on an account beside what was retained of it, in euros: ``declared`` and ``kept_here`` by the claim that is
    read, ``kept`` on all claims, ``asked`` on all with what nobody has checked yet."""

    account: BudgetAccount
    declared: Decimal
    kept_here: Decimal
    kept: Decimal
    asked: Decimal

    @property
    def number(self) -> str:
        """The account as a budget shows it."""
        return account_number(self.account.code)

    @property
    def above(self) -> Decimal:
        """Euros kept above what was retained."""
        return max(self.kept - self.account.retained, ZERO)

    @property
    def asks_why(self) -> bool:
        """Whether who certifies the claim says why: it keeps something of an account of which less was retained than planned,
        and that all in all is above. SQL: the trigger ``kept_above_says_why``."""
        return bool(self.above and self.kept_here) and self.account.retained < self.account.planned


def accounts_of(agreement: Agreement) -> list[BudgetAccount]:
    """The expense accounts of the annexed budget in its order, each once; one query."""
    return [account for account, _row in _accounts(agreement.budget_lines.values(*COLUMNS))]


def charge_accounts(agreement: Agreement) -> list[tuple[str, str]]:
    """The same: code and label alone."""
    return [(account.code, account.label) for account in accounts_of(agreement)]


def spent_of(claim: PaymentClaim) -> list[SpentAccount]:
    """Each account of the budget with what the claim declares and what is kept on all claims of the act but the rejected ones;
    one query. Empty for an act without a budget."""
    lines = ExpenditureLine.objects.filter(account_code=OuterRef("account_code"))
    kept = lines.filter(claim__agreement=claim.agreement_id).exclude(claim__state="rejected")
    rows = claim.agreement.budget_lines.annotate(
        declared=_sum(lines.filter(claim=claim), "declared_amount"),
        kept_here=_sum(lines.filter(claim=claim), "certified_amount"),
        kept=_sum(kept, "certified_amount"),
        asked=_sum(kept, Coalesce("certified_amount", "declared_amount")),
    )
    sums = ("declared", "kept_here", "kept", "asked")
    return [
        SpentAccount(account, *(row[name] for name in sums)) for account, row in _accounts(rows.values(*COLUMNS, *sums))
    ]


def _sum(lines: QuerySet, column: str | Coalesce) -> Coalesce:
    """The sum of a column of lines of one account, zero without a line."""
    sums = lines.order_by().values("account_code").annotate(total=Sum(column)).values("total")
    return Coalesce(Subquery(sums), ZERO)


def _accounts(rows: QuerySet) -> Iterator[tuple[BudgetAccount, dict]]:
    """Each account of these budget lines, with its first row."""
    found: dict[str, list[dict]] = {}
    for row in rows.filter(side="charge").order_by("rank"):
        found.setdefault(row["account_code"], []).append(row)
    for code, lines in found.items():
        counted = (line["amount"] if line["eligible_amount"] is None else line["eligible_amount"] for line in lines)
        label = " / ".join(dict.fromkeys(line["label"] for line in lines))
        planned = sum((line["amount"] for line in lines), ZERO)
        yield BudgetAccount(code, label, planned, sum(counted, ZERO)), lines[0]


def kept_above(claim: PaymentClaim) -> list[SpentAccount]:
    """The accounts on which more is kept than was retained of them."""
    return [spent for spent in spent_of(claim) if spent.above]


def told_of_what_is_above(claim: PaymentClaim) -> list[str]:
    """What its beneficiary reads of a claim that they write: the accounts on which it asks for more than was retained."""
    sentence = _(
        "%(account)s – %(label)s: %(asked)s are declared on your claims, and %(retained)s were retained of it for the aid. The"
        " service may leave out what is above."
    )
    return [
        sentence
        % {
            "account": spent.number,
            "label": spent.account.label,
            "asked": format_euros(spent.asked),
            "retained": format_euros(spent.account.retained),
        }
        for spent in spent_of(claim)
        if spent.declared and spent.account.retained < min(spent.asked, spent.account.planned)
    ]
