"""Addresses of the beneficiary's pages: agreements and payment claims."""

from django.urls import path

from agreements.views import agreement, claim, lines, workbook

app_name = "agreements"

urlpatterns = [
    path("conventions/", agreement.agreements, name="agreements"),
    path("conventions/<str:number>/", agreement.agreement, name="agreement"),
    path("conventions/<str:number>/signer/", agreement.sign, name="sign"),
    path("conventions/<str:number>/copie-signee/", agreement.signed_copy, name="signed_copy"),
    path("conventions/<str:number>/versement/<int:rank>/", agreement.open_claim, name="open_claim"),
    path("conventions/<str:number>/bilan/<int:rank>/", agreement.report, name="report"),
    path("versements/<str:number>/", claim.claim, name="claim"),
    path("versements/<str:number>/montant/", claim.amount, name="claim_amount"),
    path("versements/<str:number>/piece/<slug:code>/", claim.add_piece, name="claim_piece"),
    path("versements/<str:number>/piece/<int:pk>/retirer/", claim.remove_piece, name="claim_remove_piece"),
    path("versements/<str:number>/repondre/", claim.reply, name="claim_reply"),
    path("versements/<str:number>/deposer/", claim.submit, name="claim_submit"),
    path("versements/<str:number>/abandonner/", claim.abandon, name="claim_abandon"),
    path("versements/<str:number>/depense/", lines.add, name="line_add"),
    path("versements/<str:number>/depense/<int:rank>/", lines.change, name="line_change"),
    path("versements/<str:number>/depense/<int:rank>/retirer/", lines.remove, name="line_remove"),
    path("versements/<str:number>/justificatif/", lines.proof, name="line_proof"),
    path("versements/<str:number>/classeur/modele/", workbook.template, name="workbook_template"),
    path("versements/<str:number>/classeur/", workbook.upload, name="workbook_upload"),
    path("versements/<str:number>/classeur/<int:pk>/", workbook.preview, name="workbook_preview"),
]
