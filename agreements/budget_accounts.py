"""The accounts of the budget annexed to an act: what was planned of each, what of it counts for the aid, what is spent.

Expenditure of an account of which nothing was retained is declared in no claim: the aid is computed without it, and it would
stand for a cost that counts. Between accounts that count money moves (``docs/adr/0013-accounts-of-the-budget.md``): what is
kept above what was retained of one of them is told to who reads and certifies the claim, not refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from agreements.axes import axis_choices
from agreements.models import Agreement, ExpenditureLine, PaymentClaim
from core.money import ZERO, format_euros
from grants.rules.budget import account_number

COLUMNS = ("axis", "account_code", "label", "amount", "eligible_amount")


@dataclass(frozen=True)
class BudgetAccount:
    """The expenses of one account, in euros; of one axis, where the grant has several and the budget tells them apart."""

    code: str
    label: str
    planned: Decimal
    retained: Decimal
    axis: str = ""
    axis_label: str = ""

    @property
    def counts(self) -> bool:
        """Whether anything of it counts for the aid."""
        return self.retained > 0 or self.planned == 0

    @property
    def title(self) -> str:
        """Its label, and its part of the project where the budget has several."""
        return f"{self.label} – {self.axis_label}" if self.axis else self.label

    @property
    def in_words(self) -> str:
        """The same, with what is retained where that is not all of it."""
        if not self.counts:
            return _("%(label)s (nothing is retained)") % {"label": self.title}
        if self.retained < self.planned:
            return _("%(label)s (%(amount)s retained)") % {
                "label": self.title,
                "amount": format_euros(self.retained),
            }
        return self.title


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
    """The expense accounts of the annexed budget in their order, each once, or once for each axis; one query."""
    rows = list(_charges(agreement.budget_lines).values(*COLUMNS))
    return [account for account, _row in _accounts(rows, _axes_told_apart(agreement, rows))]


def labels_of(accounts: Iterable[BudgetAccount]) -> dict[str, str]:
    """The label of each account by its code, whatever its axes."""
    found: dict[str, list[str]] = {}
    for account in accounts:
        found.setdefault(account.code, []).append(account.label)
    return {code: " / ".join(dict.fromkeys(labels)) for code, labels in found.items()}


def choices_of(accounts: Iterable[BudgetAccount]) -> list[tuple[str, str]]:
    """Code and words of each account, for who chooses one: what is retained of it is said, axis by axis."""
    found: dict[str, list[str]] = {}
    for account in accounts:
        found.setdefault(account.code, []).append(account.in_words)
    return [(code, f"{code} – {' / '.join(words)}") for code, words in found.items()]


def charge_accounts(agreement: Agreement) -> list[tuple[str, str]]:
    """Code and label of each account, once."""
    return list(labels_of(accounts_of(agreement)).items())


def spent_of(claim: PaymentClaim) -> list[SpentAccount]:
    """Each account of the budget with what the claim declares and what is kept on all claims of the act but the rejected ones;
    one query. Empty for an act without a budget."""
    agreement = claim.agreement
    rows = list(_with_sums(claim, by_axis=bool(axis_choices(agreement))))
    axes = _axes_told_apart(agreement, rows)
    sums = ("declared", "kept_here", "kept", "asked")
    kind = "axis" if axes else "all"
    return [SpentAccount(account, *(row[f"{name}_{kind}"] for name in sums)) for account, row in _accounts(rows, axes)]


def _with_sums(claim: PaymentClaim, *, by_axis: bool) -> QuerySet:
    """The charges of the budget of an act with the sums of the expenditure of their account: of all of it, and of their axis."""
    every = ExpenditureLine.objects.filter(account_code=OuterRef("account_code"))
    kinds = {"all": every} | ({"axis": every.filter(axis=OuterRef("axis"))} if by_axis else {})
    sums = {}
    for kind, lines in kinds.items():
        kept = lines.filter(claim__agreement=claim.agreement_id).exclude(claim__state="rejected")
        sums |= {
            f"declared_{kind}": _sum(lines.filter(claim=claim), "declared_amount"),
            f"kept_here_{kind}": _sum(lines.filter(claim=claim), "certified_amount"),
            f"kept_{kind}": _sum(kept, "certified_amount"),
            f"asked_{kind}": _sum(kept, Coalesce("certified_amount", "declared_amount")),
        }
    return _charges(claim.agreement.budget_lines).annotate(**sums).values(*COLUMNS, *sums)


def _charges(lines: QuerySet) -> QuerySet:
    return lines.filter(side="charge").order_by("rank")


def _sum(lines: QuerySet, column: str | Coalesce) -> Coalesce:
    """The sum of a column of lines of one account, zero without a line."""
    sums = lines.order_by().values("account_code").annotate(total=Sum(column)).values("total")
    return Coalesce(Subquery(sums), ZERO)


def _axes_told_apart(agreement: Agreement, rows: list[dict]) -> dict[str, str]:
    """The axes of the grant, code and label, where expenditure says its own and each has charges in the budget; else none."""
    axes = dict(axis_choices(agreement))
    return axes if axes.keys() <= {row["axis"] for row in rows} else {}


def _accounts(rows: list[dict], axes: dict[str, str]) -> Iterator[tuple[BudgetAccount, dict]]:
    """Each account of these charges, axis by axis where there are ``axes``, with its first row."""
    found: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        if not axes or row["axis"] in axes:
            found.setdefault((row["axis"] if axes else "", row["account_code"]), []).append(row)
    for (axis, code), lines in found.items():
        counted = (line["amount"] if line["eligible_amount"] is None else line["eligible_amount"] for line in lines)
        label = " / ".join(dict.fromkeys(line["label"] for line in lines))
        planned = sum((line["amount"] for line in lines), ZERO)
        yield BudgetAccount(code, label, planned, sum(counted, ZERO), axis, axes.get(axis, "")), lines[0]


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
            "label": spent.account.title,
            "asked": format_euros(spent.asked),
            "retained": format_euros(spent.account.retained),
        }
        for spent in spent_of(claim)
        if spent.declared and spent.account.retained < min(spent.asked, spent.account.planned)
    ]
