"""The plan of a grant: its parts add up to the amount beside them, and what explains it says the same amounts."""

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Invariant, register
from grants.models import Application

ONE_PLAN = _("Decision 10 of the documentation: one plan of the grant, from the computation to the payment.")
REASONS = _("Code of relations between the public and the administration, Article L211-2: such acts say why.")

# Every plan that is kept, with the amount (and the base) that stands beside it.
_KEPT = """
    SELECT application_id, 'computation ' || number AS place, amount, eligible_base AS base, plan FROM grants_aidcomputation
    UNION ALL SELECT application_id, 'proposal', amount, eligible_base, plan FROM grants_proposal
    UNION ALL SELECT application_id, 'decision', decided_amount, NULL, decided_plan FROM grants_agendaitem
    UNION ALL SELECT id, 'grant', granted_amount, NULL, granted_plan FROM grants_application
"""

# The lines of each computation; ``part`` counts the parts that are explained, each of which begins by its base. The digits of
# a text are those of its amounts, in any language.
_LINE = """
    SELECT c.id, l.rank, l.line ->> 'kind' AS kind, round((l.line ->> 'amount')::numeric, 2) AS amount,
           CASE WHEN l.line ->> 'kind' IN ('base', 'share', 'total') THEN regexp_replace(l.line ->> 'text', '[^0-9]+', '', 'g')
                END AS digits,
           count(*) FILTER (WHERE l.line ->> 'kind' = 'base') OVER (PARTITION BY c.id ORDER BY l.rank) AS part,
           row_number() OVER (PARTITION BY c.id, l.line ->> 'kind' ORDER BY l.rank) AS place
    FROM grants_aidcomputation c CROSS JOIN LATERAL jsonb_array_elements(c.lines) WITH ORDINALITY AS l (line, rank)
"""
# What the lines of a part come to. After the last one stand those about the whole: any of them may be where it ended.
_RUN = """
    SELECT id, part, (array_agg(amount ORDER BY rank DESC))[1] AS amount, array_agg(amount) AS reached,
           (array_agg(digits ORDER BY rank))[1] AS digits
    FROM line WHERE part > 0 AND kind IN ('base', 'step', 'refusal') GROUP BY id, part
"""
# The parts of each plan, axis by axis as they are explained: one of nothing among others is not.
_PART = """
    SELECT c.id, p.rank, min(p.rank) OVER (PARTITION BY c.id, p.part -> 'axis') AS axis, p.part ->> 'year' AS year,
           p.part ->> 'person' AS person, p.part ->> 'name' AS name, (p.part ->> 'amount')::numeric AS amount,
           (p.part ->> 'cost')::numeric AS cost, count(*) OVER (PARTITION BY c.id) AS parts,
           bool_or(p.part ->> 'year' IS NOT NULL AND p.part ->> 'person' <> '') OVER (PARTITION BY c.id) AS crossed
    FROM grants_aidcomputation c CROSS JOIN LATERAL jsonb_array_elements(c.plan -> 'parts') WITH ORDINALITY AS p (part, rank)
"""
# The years, else the persons.
_GROUP = """
    SELECT id, coalesce(year, nullif(person, '')) AS code, sum(amount) AS amount, sum(cost) AS cost,
           row_number() OVER (PARTITION BY id ORDER BY min(rank)) AS place, count(*) OVER (PARTITION BY id) AS groups
    FROM part WHERE coalesce(year, nullif(person, '')) IS NOT NULL GROUP BY 1, 2
"""
# Computations kept before plans were have lines that may not know them: the history, by the clock of the database, says when.
_SINCE_PLANS = """
    SELECT pgh_obj_id AS id FROM grants_aidcomputationevent WHERE pgh_label = 'insert' AND pgh_created_at > (
        SELECT min(applied) FROM django_migrations WHERE app = 'grants' AND name = '0009_one_plan_of_the_grant')
"""
_DIGITS = "replace(({0})::numeric(20, 2)::text, '.', '')"
# Each part where the lines say what it gets: of years and persons all, unless a line of its own says it; of axes where nothing
# was taken off the whole, which is then what they come to. Years of persons are explained person by person.
_PLANNED = """
    SELECT shown.*, whole.parts AS explained, whole.untouched, groups.groups FROM (
        SELECT *, row_number() OVER (PARTITION BY id ORDER BY axis, rank) AS place FROM part
        WHERE greatest(abs(amount), abs(cost), (parts = 1)::int) > 0 AND NOT crossed) AS shown
    JOIN since USING (id)
    JOIN (
        SELECT run.id, max(run.part) AS parts,
               c.amount - coalesce(sum(run.amount) FILTER (WHERE run.part < last.part), 0) = ANY (last.reached) AS untouched
        FROM run JOIN (SELECT DISTINCT ON (id) id, part, reached FROM run ORDER BY id, part DESC) AS last ON last.id = run.id
        JOIN grants_aidcomputation c ON c.id = run.id GROUP BY run.id, last.reached, c.amount
    ) AS whole USING (id)
    LEFT JOIN (SELECT DISTINCT id, groups FROM grouped) AS groups USING (id)
    WHERE NOT EXISTS (SELECT 1 FROM line WHERE line.id = shown.id AND line.kind = 'share')
"""
_EXPLAINED = f"""
    WITH line AS ({_LINE}), run AS ({_RUN}), part AS ({_PART}), grouped AS ({_GROUP}), since AS ({_SINCE_PLANS}),
    planned AS ({_PLANNED})
    SELECT c.id, 'total' AS place, c.amount AS expected,
           CASE WHEN last.kind = 'total' AND last.amount = c.amount THEN nullif(last.digits, '')::numeric / 100
                WHEN last.kind = 'total' THEN last.amount END AS found
    FROM grants_aidcomputation c
    LEFT JOIN (SELECT DISTINCT ON (id) * FROM line ORDER BY id, rank DESC) AS last ON last.id = c.id
    WHERE last.kind IS DISTINCT FROM 'total' OR last.amount <> c.amount OR last.digits <> {_DIGITS.format("c.amount")}
    UNION ALL
    SELECT grouped.id, 'share ' || grouped.place, grouped.amount, CASE WHEN line.amount <> grouped.amount THEN line.amount END
    FROM grouped LEFT JOIN line ON line.id = grouped.id AND line.kind = 'share' AND line.place = grouped.place
    WHERE EXISTS (SELECT 1 FROM line said WHERE said.id = grouped.id AND said.kind = 'share')
      AND (line.amount IS DISTINCT FROM grouped.amount
           OR strpos(line.digits, {_DIGITS.format("grouped.amount")} || {_DIGITS.format("grouped.cost")}) = 0)
    UNION ALL
    SELECT planned.id, 'part ' || planned.place,
           CASE WHEN its.wrong THEN planned.amount ELSE planned.cost END, CASE WHEN its.wrong THEN run.amount END
    FROM planned LEFT JOIN run ON run.id = planned.id AND run.part = planned.place
    CROSS JOIN LATERAL (
        SELECT run.id IS NULL OR CASE WHEN planned.place < planned.explained THEN run.amount <> planned.amount
                                      ELSE planned.amount <> ALL (run.reached) END AS wrong) AS its
    WHERE (planned.groups > 1 OR planned.untouched)
      AND (its.wrong OR strpos(run.digits, {_DIGITS.format("planned.cost")}) = 0)
    UNION ALL
    SELECT of_plan.id, of_plan.name, of_plan.amount, kept.amount FROM (
        SELECT id, person, max(name) AS name, sum(amount) AS amount FROM part WHERE person <> '' GROUP BY id, person) AS of_plan
    JOIN since USING (id) JOIN grants_aidcomputation c USING (id)
    LEFT JOIN LATERAL (
        SELECT (one ->> 'amount')::numeric AS amount FROM jsonb_array_elements(c.per_person) AS one
        WHERE one ->> 'key' = of_plan.person) AS kept ON TRUE
    WHERE kept.amount IS DISTINCT FROM of_plan.amount
"""  # noqa: S608 - fragments of our own


def _words(part: str) -> str:
    """What one plan, or one place of an explanation, is called; the name of a person as it is."""
    name, _space, number = part.partition(" ")
    words = {
        "computation": _("computation %(number)s"),
        "proposal": _("proposal"),
        "decision": _("decision of the committee"),
        "grant": _("grant"),
        "total": _("total explained"),
        "share": _("share explained, no. %(number)s"),
        "part": _("part explained, no. %(number)s"),
    }
    return str(words[name]) % {"number": number} if name in words else part


register(
    Invariant(
        code="grants.plan-adds-up",
        name=_("Sum of the parts of a plan"),
        sentence=_(
            "The years, persons and axes of a computation, of a proposal, of a decision and of a grant add up to its amount, "
            "their costs to its base, and none of them is below zero."
        ),
        source=ONE_PLAN,
        subject=Application,
        sql=f"""
            SELECT app.id, coalesce(app.number, '') || ' · ' || kept.place AS label,
                   CASE WHEN its.amount <> kept.amount THEN kept.amount WHEN its.lowest < 0 THEN 0 ELSE kept.base END AS expected,
                   CASE WHEN its.amount <> kept.amount THEN its.amount WHEN its.lowest < 0 THEN its.lowest ELSE its.cost END AS found
            FROM ({_KEPT}) AS kept JOIN grants_application app ON app.id = kept.application_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum((part ->> 'amount')::numeric), 0) AS amount, coalesce(sum((part ->> 'cost')::numeric), 0) AS cost,
                       coalesce(min(least((part ->> 'amount')::numeric, (part ->> 'cost')::numeric)), 0) AS lowest
                FROM jsonb_array_elements(kept.plan -> 'parts') AS part) AS its
            WHERE kept.amount IS NOT NULL AND (its.amount <> kept.amount OR its.lowest < 0
               OR kept.base > 0 AND kept.amount > 0 AND its.cost <> kept.base)
            ORDER BY app.id, kept.place
        """,  # noqa: S608 - a constant
        label_words=_words,
    ),
    Invariant(
        code="grants.explained-is-computed",
        name=_("Explanation of a computed aid"),
        sentence=_(
            "The lines that explain a computed aid say its amount, and what each year, person and axis of its plan gets and costs."
        ),
        source=REASONS,
        subject=Application,
        sql=f"""
            SELECT app.id, coalesce(app.number, '') || ' · computation ' || c.number || ' · ' || told.place AS label,
                   told.expected, told.found
            FROM ({_EXPLAINED}) AS told JOIN grants_aidcomputation c ON c.id = told.id
            JOIN grants_application app ON app.id = c.application_id ORDER BY app.id, c.number, told.place
        """,  # noqa: S608 - fragments of our own
        label_words=_words,
    ),
)
