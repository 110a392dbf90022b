import pytest
from core.acting import acting_as
from tests.factories.core import UserFactory
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, DeMinimisAidFactory
from tests.factories import grants as g
from tests.journeys.helpers import *
pytestmark = pytest.mark.django_db(transaction=True)

def look(j, path, name, problems):
    j.go(path)
    screenshots(j.page, "look-"+name, (1440, 360))
    try: assert_accessible(j.page)
    except AssertionError as e: problems.append(name+" AXE "+str(e)[:600])
    try: assert_no_sideways_scroll(j.page)
    except AssertionError as e: problems.append(name+" WIDE "+str(e)[:200])

def test_e(journey, page):
    problems=[]
    user=UserFactory(applicant=True, first_name="Inès", last_name="Lefèvre")
    journey.sign_in(user.email)
    for p,n in [("/ma-structure/","e-empty"),("/ma-structure/nouvelle/","e-new"),("/ma-structure/nouvelle/organisme/","e-legal"),("/ma-structure/nouvelle/personne/","e-natural"),("/aides/","f-catalogue-empty"),("/mes-dossiers/","f-mine-empty")]:
        look(journey,p,n,problems)
    with acting_as(user):
        a=ApplicantFactory(representative=user)
        DeMinimisAidFactory(applicant=a)
    try:
        with acting_as(user): BankAccountFactory(applicant=a)
    except Exception as e: print(e)
    for p,n in [("/ma-structure/","e-index"),(f"/ma-structure/{a.pk}/","e-detail"),(f"/ma-structure/{a.pk}/modifier/","e-edit"),(f"/ma-structure/{a.pk}/personnes/","e-people"),(f"/ma-structure/{a.pk}/comptes/","e-accounts"),(f"/ma-structure/{a.pk}/comptes/nouveau/","e-account-new"),(f"/ma-structure/{a.pk}/de-minimis/","e-deminimis")]:
        look(journey,p,n,problems)
    print("\n".join(problems)); print(journey.console); journey.console.clear()
    assert 0

@pytest.mark.parametrize("code",["PROGRESS1","CAPITAL-SCOP","CPO"])
def test_f(journey, page, code):
    problems=[]
    application=g.filled_draft(code)
    user=application.created_by
    journey.sign_in(user.email)
    for p,n in [("/","home"),("/aides/","f-catalogue"),(f"/aides/{code.lower()}/","f-programme"),("/mes-dossiers/","f-mine"),(f"/mes-dossiers/nouveau/{application.call.code}/","f-start")]:
        look(journey,p,n+"-"+code,problems)
    for s in application.rules.form.sections if hasattr(application.rules,'form') else application.rules.sections:
        look(journey,f"/mes-dossiers/{application.public_id}/formulaire/{s.code}/","f-step-"+s.code+"-"+code,problems)
    look(journey,f"/mes-dossiers/{application.public_id}/relire/","f-review-"+code,problems)
    print("\n".join(problems)); print(journey.console); journey.console.clear()
    assert 0

@pytest.mark.parametrize("maker",["filed","incomplete","in_instruction","withdrawn"])
def test_case(journey, page, maker):
    problems=[]
    application=getattr(g,maker)()
    journey.sign_in(application.created_by.email)
    look(journey,f"/mes-dossiers/{application.public_id}/","f-case-"+maker,problems)
    if maker=="filed":
        look(journey,f"/mes-dossiers/{application.public_id}/demande/","f-filed-form",problems)
        look(journey,f"/mes-dossiers/{application.public_id}/abandonner/","f-withdraw",problems)
    print("\n".join(problems)); print(journey.console); journey.console.clear()
    assert 0
