"""What the computation of the aid rests on, as one fingerprint: a function of the database, which triggers call.

The line of the budget that this request finances follows from the computation, and is left out.
"""

from core.triggers import declare_function

# As the migrations made it; whoever changes it adds a migration that runs it.
AID_BASIS = declare_function("""
CREATE OR REPLACE FUNCTION grants_aid_basis(case_id bigint) RETURNS text LANGUAGE sql STABLE AS $basis$
    SELECT encode(sha256(convert_to(concat_ws(chr(10),
        application.programme_version_id,
        coalesce(to_char(application.project_start, 'YYYY-MM-DD'), '-'),
        coalesce(to_char(application.project_end, 'YYYY-MM-DD'), '-'),
        application.answers::text,
        coalesce((
            SELECT string_agg(
                concat_ws(',', line.id, line.side, line.account_code, line.amount, line.axis,
                    coalesce(line.eligible_amount::text, '-'), line.financer_status, line.label),
                chr(10) ORDER BY line.id)
            FROM grants_budgetline line
            WHERE line.application_id = application.id AND line.financer_status <> 'this_request'), '-'),
        coalesce((
            SELECT string_agg(concat_ws(',', person.id, person.own_contribution), chr(10) ORDER BY person.id)
            FROM grants_personline person WHERE person.application_id = application.id), '-')
    ), 'UTF8')), 'hex')
    FROM grants_application application WHERE application.id = case_id
$basis$
""")
