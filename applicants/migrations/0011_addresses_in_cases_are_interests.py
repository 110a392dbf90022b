import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('applicants', '0010_named_people_answer'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='bankaccount',
            name='impartial',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankaccount',
            trigger=pgtrigger.compiler.Trigger(name='impartial', sql=pgtrigger.compiler.UpsertTriggerSql(declare="DECLARE people BIGINT[] := '{}';", func="\n            IF NEW.verified_by_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.verified_by_id IS DISTINCT FROM OLD.verified_by_id) THEN\n                people := people || NEW.verified_by_id::bigint;\n            END IF;\n            IF people = '{}' THEN RETURN NEW; END IF;\n            IF EXISTS (\n                SELECT 1 FROM unnest(people) AS acting(id), (SELECT NEW.applicant_id, NULL::text) AS of_case(id, address)\n                 WHERE (\n                EXISTS (SELECT 1 FROM applicants_membership m\n                         WHERE m.user_id = acting.id AND m.applicant_id = of_case.id AND TRUE)\n                OR (EXISTS (\n                        SELECT 1 FROM core_user named JOIN applicants_invitation i ON lower(i.email) = named.email\n                         WHERE named.id = acting.id AND i.applicant_id = of_case.id AND TRUE\n                           AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.declined_at IS NULL AND i.expires_at > clock_timestamp()\n                        UNION ALL\n                        SELECT 1 FROM core_user named JOIN applicants_applicant b ON lower(b.email) = named.email\n                         WHERE named.id = acting.id AND b.id = of_case.id AND TRUE\n                        UNION ALL\n                        SELECT 1 FROM core_user named WHERE named.id = acting.id AND named.email = of_case.address)\n                    AND NOT EXISTS (\n                        SELECT 1 FROM applicants_nointerest n WHERE n.user_id = acting.id AND n.applicant_id = of_case.id\n                           AND TRUE AND n.void_at IS NULL)))\n            ) THEN\n                RAISE EXCEPTION 'who acts for a body of the case does not act for the Region on it'\n                    USING ERRCODE = 'check_violation';\n            END IF;\n            IF EXISTS (\n                SELECT 1 FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id\n                WHERE held.user_id = ANY (people) AND role.name = 'auditor'\n            ) THEN\n                RAISE EXCEPTION 'an auditor changes nothing' USING ERRCODE = 'check_violation';\n            END IF;\n            RETURN NEW;\n        ", hash='d10431f4e12de6d74b15680e956556d7bc604050', operation='INSERT OR UPDATE', pgid='pgtrigger_impartial_df527', table='applicants_bankaccount', when='BEFORE')),
        ),
    ]
