"""SQL of the numbers on file at a moment, by the recorded history: what triggers and figures ask, as ``known_contacts`` does."""


def same_number(one: str, other: str) -> str:
    """SQL (a condition): two numbers are one. A number is written in many ways: its last nine digits tell it."""
    return rf"right(regexp_replace({one}, '\D', '', 'g'), 9) = right(regexp_replace({other}, '\D', '', 'g'), 9)"


def on_file(number: str, applicant: str, moment: str) -> str:
    """SQL (a condition): at ``moment``, ``number`` was that of ``applicant`` or of one who represented it then."""
    return f"""(EXISTS (
        SELECT 1 FROM (
            SELECT line.phone FROM applicants_applicantevent line
            WHERE line.pgh_obj_id = {applicant} AND line.pgh_created_at <= {moment} ORDER BY line.pgh_id DESC LIMIT 1
        ) AS body WHERE {same_number("body.phone", number)}
    ) OR EXISTS (
        SELECT 1 FROM (
            SELECT DISTINCT ON (line.user_id) line.user_id, line.role, line.pgh_label
            FROM applicants_membershipevent line
            WHERE line.applicant_id = {applicant} AND line.pgh_created_at <= {moment}
            ORDER BY line.user_id, line.pgh_id DESC
        ) AS held JOIN LATERAL (
            SELECT line.phone FROM core_userevent line
            WHERE line.pgh_obj_id = held.user_id AND line.pgh_created_at <= {moment} ORDER BY line.pgh_id DESC LIMIT 1
        ) AS person ON TRUE
        WHERE held.role = 'representative' AND held.pgh_label <> 'delete' AND {same_number("person.phone", number)}
    ))"""
