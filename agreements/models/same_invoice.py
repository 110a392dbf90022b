"""In SQL: which declared lines may be one invoice; of which more is kept than its total or taken back than declared."""

from agreements.rules.duplicates import SAME_NUMBER_DAYS

#: SQL: the law had the line erased. Its keys went with the name of its supplier: it is compared with no other, for or
#: against it. All other keys have a sign between the supplier and the number.
_ERASED = "strpos({}.duplicate_key, '|') = 0"
#: SQL of the supplier in the key of an invoice: what stands before its number.
_SUPPLIER = r"regexp_replace({}, '\|[^|]*$', '')"
#: SQL: the lines ``mine`` and ``other`` name one supplier, by its number where both give one, else by its name.
_ONE_SUPPLIER = f"""CASE WHEN mine.supplier_siret <> '' AND other.supplier_siret <> ''
                   THEN left(mine.supplier_siret, 9) = left(other.supplier_siret, 9)
                   ELSE {_SUPPLIER.format("mine.name_key")} = {_SUPPLIER.format("other.name_key")} END"""
#: SQL: the lines ``mine`` and ``other`` may be one invoice, by what they say or what it looks like, and nobody's numbers
#: say otherwise; or one file proves both, for one total of one supplier or in two agreements. Their signs are
#: multiplied: an equality would let the database pair all lines of a sign before it looks at the keys.
MAY_BE_ONE = f"""
    other.id <> mine.id
    AND ((other.duplicate_key = mine.duplicate_key
         OR other.alike_keys && mine.alike_keys
            AND NOT (mine.supplier_siret <> '' AND other.supplier_siret <> ''
                     AND left(mine.supplier_siret, 9) <> left(other.supplier_siret, 9))
         OR ((mine.supplier_siret = '' OR other.supplier_siret = '')
             AND (other.name_key = mine.name_key OR (mine.total_key <> '' AND other.total_key = mine.total_key))))
    AND (other.invoice_total = mine.invoice_total
         OR abs(other.invoice_date - mine.invoice_date) <= {SAME_NUMBER_DAYS})
      OR other.proof_key <> '' AND other.proof_key = mine.proof_key
         AND (other.invoice_total = mine.invoice_total AND {_ONE_SUPPLIER}
              OR (SELECT agreement_id FROM agreements_paymentclaim WHERE id = other.claim_id)
                 <> (SELECT agreement_id FROM agreements_paymentclaim WHERE id = mine.claim_id)))
    AND other.invoice_total * mine.invoice_total > 0
    AND NOT {_ERASED.format("mine")} AND NOT {_ERASED.format("other")}
"""
#: SQL of the name of a supplier as it is written, but for its capitals and spaces: ``core.text.exact``.
_EXACT_NAME = r"lower(normalize(btrim(regexp_replace({}.supplier_name, '\s+', ' ', 'g'))))"
#: SQL: the lines ``mine`` and ``other`` say the same of their invoice, which is one whatever a person answers. The supplier
#: is its number, or its name as written: names that only look alike (Pêche, Peche), or begin alike, ask a question.
IS_ONE = f"""(other.invoice_total = mine.invoice_total AND other.invoice_date = mine.invoice_date
    AND split_part(other.duplicate_key, '|', -1) = split_part(mine.duplicate_key, '|', -1)
    AND CASE WHEN mine.supplier_siret <> '' AND other.supplier_siret <> ''
             THEN left(mine.supplier_siret, 9) = left(other.supplier_siret, 9)
             ELSE {_EXACT_NAME.format("mine")} = {_EXACT_NAME.format("other")} END)"""
#: SQL: a person answered that the lines ``mine`` and ``other``, as they are, are different invoices.
ARE_DIFFERENT = f"""
    (NOT {IS_ONE} AND
     EXISTS (SELECT 1 FROM agreements_duplicatewarning w WHERE w.answer = 'different' AND w.lapsed_at IS NULL
            AND ((w.line_id = mine.id AND w.other_line_id = other.id)
              OR (w.line_id = other.id AND w.other_line_id = mine.id))))
"""
#: SQL: the lines with what is kept of their invoice by themselves and all other lines that are it, and its total, where
#: the one is more than the other. ``{which}`` says which claims ``c`` are looked at. Euros.
OVER_THEIR_TOTAL = """
    SELECT mine.id, mine.claim_id, least(mine.invoice_total, min(other.invoice_total)) AS total,
           mine.certified_amount + coalesce(sum(other.certified_amount), 0) AS kept
    FROM agreements_expenditureline mine JOIN agreements_paymentclaim c ON c.id = mine.claim_id
    LEFT JOIN (SELECT line.*, its.state AS its_state FROM agreements_expenditureline line
               JOIN agreements_paymentclaim its ON its.id = line.claim_id WHERE line.certified_amount > 0) other
      ON {MAY_BE_ONE} AND (other.claim_id = mine.claim_id OR other.its_state IN ('certified', 'ordered', 'paid'))
         AND NOT {ARE_DIFFERENT}
    WHERE mine.certified_amount > 0 AND {which}
    GROUP BY mine.id
    HAVING mine.certified_amount + coalesce(sum(other.certified_amount), 0)
           > least(mine.invoice_total, min(other.invoice_total))
"""


def over_their_total(which: str) -> str:
    """SQL of the lines of which more is kept, in all claims together, than the total of their invoice."""
    return OVER_THEIR_TOTAL.format(which=which, MAY_BE_ONE=MAY_BE_ONE, ARE_DIFFERENT=ARE_DIFFERENT)


#: SQL of the number of the invoice ``line`` as it is compared; of one that was erased, by what is left of its keys.
_NUMBER = f"""CASE WHEN NOT {_ERASED.format("line")} THEN split_part(line.duplicate_key, '|', -1)
                  WHEN line.total_key <> '' THEN split_part(line.total_key, '|', 1)
                  ELSE lower(regexp_replace(line.invoice_number, '[\\W_]+', '', 'g')) END"""
#: SQL: ``line`` is the invoice that ``credit`` corrects, or a credit note on it. Where one of the two was erased, the number
#: alone tells: a credit note takes back nothing too much because the name of a supplier is gone.
OF_THE_SAME = f"""CASE WHEN line.declared_amount < 0 THEN line.corrects_key
                  ELSE {_NUMBER} END = credit.corrects_key
         AND ({_SUPPLIER.format("line.duplicate_key")} = {_SUPPLIER.format("credit.duplicate_key")}
              OR {_SUPPLIER.format("line.name_key")} = {_SUPPLIER.format("credit.name_key")}
              OR {_ERASED.format("line")} OR {_ERASED.format("credit")})"""


def credits_over_their_invoice(which: str) -> str:
    """SQL of the credit notes that take back more than is declared, in the claims of their agreement, of the invoice that
    they correct, and by how much. ``which`` says which lines ``credit`` are looked at. Euros."""
    return f"""
        SELECT credit.id, credit.claim_id, sum(line.declared_amount) AS left_over
        FROM agreements_expenditureline credit JOIN agreements_paymentclaim its ON its.id = credit.claim_id
        JOIN agreements_paymentclaim c ON c.agreement_id = its.agreement_id
         AND (c.id = its.id OR c.state NOT IN ('draft', 'rejected'))
        JOIN agreements_expenditureline line ON line.claim_id = c.id
         AND {OF_THE_SAME}
        WHERE credit.declared_amount < 0 AND credit.corrects_key <> '' AND {which}
        GROUP BY credit.id HAVING sum(line.declared_amount) < 0
    """


#: SQL: the claims ``{claim}`` whose certification counts.
CERTIFIED = "{claim}.state IN ('certified', 'ordered', 'paid')"


def _of_credits(claim: str | None) -> str:
    """SQL of the credit notes, each with the lines that are its invoice or correct it, by number, day and total of these.

    They are those of the certified claims of an agreement and, where SQL of the id of a claim is given, of that claim,
    which one of the lines is in. A line that nobody has reviewed yet keeps nothing (``kept``); it may keep all that it
    declares where it is an invoice (``at_best``).
    """

    def counts(name: str) -> str:
        certified = CERTIFIED.format(claim=name)
        return f"({certified} OR {name}.id = {claim})" if claim else certified

    concerned = f"bool_or(line.claim_id = {claim})" if claim else "TRUE"
    # One invoice in two claims, and one credit note, have one total each: lines of one number, day and total are one.
    return f"""
        SELECT credit.id, credit.claim_id, line.invoice_total, sum(line.declared_amount) AS declared,
               sum(coalesce(line.certified_amount, 0)) AS kept, {concerned} AS concerned,
               sum(coalesce(line.certified_amount, greatest(0, line.declared_amount))) AS at_best,
               -sum(coalesce(line.certified_amount, 0)) FILTER (WHERE line.declared_amount < 0) AS taken_back,
               bool_or(line.declared_amount > 0) AS has_invoice, bool_and(line.claim_id = credit.claim_id) AS in_one_claim,
               string_agg(line.id::text, ' ' ORDER BY line.id) AS lines
        FROM agreements_expenditureline credit JOIN agreements_paymentclaim its ON its.id = credit.claim_id
        JOIN agreements_paymentclaim c ON c.agreement_id = its.agreement_id AND {counts("c")}
        JOIN agreements_expenditureline line ON line.claim_id = c.id AND {OF_THE_SAME}
        WHERE credit.declared_amount < 0 AND credit.corrects_key <> '' AND {counts("its")}
        GROUP BY credit.id, {_NUMBER}, line.invoice_date, line.invoice_total
    """


def kept_beyond_credits(claim: str | None = None) -> str:
    """SQL of the credit notes whose invoice is kept above what they leave of it: the euros kept of the invoice and of its
    credit notes together, the most that may be (its total less theirs, and what is declared of the one less the others),
    and the ids of the lines that they are. Which claims count: ``_of_credits``.
    """
    return f"""
        SELECT id, claim_id, sum(kept) AS kept, greatest(0, least(sum(declared), sum(invoice_total))) AS most,
               string_agg(lines, ' ') AS lines
        FROM ({_of_credits(claim)}) one
        GROUP BY id, claim_id
        HAVING bool_or(concerned) AND sum(kept) > greatest(0, least(sum(declared), sum(invoice_total)))
    """


def credits_beyond_kept(claim: str | None = None) -> str:
    """SQL of the credit notes that take back more than is kept of their invoice, which is certified too: the euros that they
    take back, those kept of the invoice, and the ids of the lines that they are.

    Of a claim: those that it holds. Of all: those that stand in the claim of their invoice, for what is cut of an invoice
    after a note of another claim was certified is no fault of that one.
    """
    which = f"claim_id = {claim}" if claim else "bool_and(in_one_claim)"
    return f"""
        SELECT id, claim_id, sum(taken_back) AS taken_back, sum(at_best) + sum(taken_back) AS kept,
               string_agg(lines, ' ') AS lines
        FROM ({_of_credits(claim)}) one
        GROUP BY id, claim_id
        HAVING {which} AND bool_or(has_invoice) AND sum(at_best) < 0
    """
