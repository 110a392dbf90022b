"""Addresses of the portal pages on applicants."""

from django.urls import path

from applicants.views import applicants, money, people

app_name = "applicants"

urlpatterns = [
    path("ma-structure/", applicants.index, name="index"),
    path("ma-structure/nouvelle/", applicants.new, name="new"),
    path("ma-structure/nouvelle/organisme/", applicants.new_legal, name="new_legal"),
    path("ma-structure/nouvelle/personne/", applicants.new_natural, name="new_natural"),
    path("ma-structure/rejoindre/<str:number>/", applicants.join, name="join"),
    path("ma-structure/invitation/<int:invitation_pk>/", people.my_invitation, name="my_invitation"),
    path("ma-structure/invitation/<str:token>/", people.invitation, name="invitation"),
    path("ma-structure/demandes/<int:request_pk>/<str:name>/", people.answer_request, name="answer_request"),
    path("ma-structure/<int:pk>/", applicants.detail, name="detail"),
    path("ma-structure/<int:pk>/modifier/", applicants.edit, name="edit"),
    path("ma-structure/<int:pk>/sans-interet/", people.no_interest, name="no_interest"),
    path("ma-structure/<int:pk>/personnes/", people.people, name="people"),
    path("ma-structure/<int:pk>/personnes/<int:member_pk>/", people.member, name="member"),
    path(
        "ma-structure/<int:pk>/invitations/<int:invitation_pk>/annuler/",
        people.cancel_invitation,
        name="cancel_invitation",
    ),
    path("ma-structure/<int:pk>/comptes/", money.bank_accounts, name="bank_accounts"),
    path("ma-structure/<int:pk>/comptes/nouveau/", money.new_bank_account, name="new_bank_account"),
    path("ma-structure/<int:pk>/de-minimis/", money.de_minimis, name="de_minimis"),
    path(
        "ma-structure/<int:pk>/de-minimis/<int:aid_pk>/retirer/", money.withdraw_de_minimis, name="withdraw_de_minimis"
    ),
]
