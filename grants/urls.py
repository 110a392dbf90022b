"""Addresses of the public catalogue and of the applicant's cases."""

from django.urls import path

from grants.views import case, catalogue, drafts, opinions

app_name = "grants"

urlpatterns = [
    path("aides/", catalogue.catalogue, name="catalogue"),
    path("aides/<slug:code>/", catalogue.programme, name="programme"),
    path("aides/appel/<str:call_code>/cloture/", catalogue.closing, name="closing"),
    path("mes-dossiers/", case.my_cases, name="my_cases"),
    path("mes-dossiers/nouveau/<str:call_code>/", drafts.start, name="start"),
    path("mes-dossiers/<uuid:public_id>/", case.case, name="case"),
    path("mes-dossiers/<uuid:public_id>/formulaire/", drafts.form, name="form"),
    path("mes-dossiers/<uuid:public_id>/formulaire/<slug:section_code>/", drafts.step, name="step"),
    path("mes-dossiers/<uuid:public_id>/enregistrer/", drafts.autosave, name="autosave"),
    path("mes-dossiers/<uuid:public_id>/pieces/<slug:code>/", drafts.add_piece, name="add_piece"),
    path("mes-dossiers/<uuid:public_id>/piece/<int:piece_id>/retirer/", drafts.remove_piece, name="remove_piece"),
    path("mes-dossiers/<uuid:public_id>/relire/", drafts.review, name="review"),
    path("mes-dossiers/<uuid:public_id>/deposer/", drafts.submit, name="submit"),
    path("mes-dossiers/<uuid:public_id>/demande/", case.filed_form, name="filed_form"),
    path("mes-dossiers/<uuid:public_id>/messages/", case.write_message, name="write_message"),
    path("mes-dossiers/<uuid:public_id>/completer/", case.complete, name="complete"),
    path("mes-dossiers/<uuid:public_id>/abandonner/", case.withdraw, name="withdraw"),
    path("avis/<str:token>/", opinions.opinion, name="opinion"),
    path("avis/<str:token>/pieces/<int:piece_id>/", opinions.piece, name="opinion_piece"),
    path("dossier/<str:number>/", case.by_number, name="by_number"),
]
