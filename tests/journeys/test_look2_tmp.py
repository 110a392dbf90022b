import pytest
from core.acting import acting_as
from tests.factories.core import UserFactory
from tests.factories import instruction as f
from tests.journeys.helpers import *
from tests.journeys.test_look_tmp import look
from core.roles import Role
pytestmark = pytest.mark.django_db(transaction=True)

@pytest.mark.parametrize("code",["PROGRESS1","CAPITAL-SCOP"])
def test_g(journey, page, code):
    problems=[]
    with acting_as(label="test"):
        u=f.staff(Role.INSTRUCTOR, code)
        try:
            case=f.CaseFactory(programme_code=code, state="in_instruction", budget=True, instruction=True)
        except Exception as e:
            print("ERR",repr(e)[:300]); case=f.CaseFactory()
        for i in range(12): f.CaseFactory()
    journey.sign_in(u.email)
    look(journey,"/admin/","g-work-"+code,problems)
    look(journey,"/admin/grants/application/","g-list-"+code,problems)
    look(journey,f"/admin/grants/application/{case.pk}/change/","g-case-"+code,problems)
    print("\n".join(problems)); print(journey.console); journey.console.clear()
    assert 0
