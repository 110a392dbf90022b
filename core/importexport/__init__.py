"""Everyday lists in and out of the staff screens: django-import-export on the columns of ``core.workbooks``.

Declare columns once on a resource; export, import, dry run and messages follow::

    class EnvelopeResource(EssorResource):
        columns = (
            Column("code", _("Code"), required=True),
            Column("programme", _("Programme"), source="programme.code"),
            Column("voted_amount", _("Voted"), "money"),
            Column("state", _("State"), source=lambda row: row.state_label()),
        )
        links = {"programme": "code"}     # a foreign key is written by this field of the other model
        export_only = ("state",)

        class Meta:
            model = Envelope
            import_id_fields = ("code",)

    @admin.register(Envelope)
    class EnvelopeAdmin(EssorImportExportAdmin):
        resource_classes = [EnvelopeResource]
"""

from core.importexport.admin import EssorImportExportAdmin
from core.importexport.resources import EssorResource

__all__ = ["EssorImportExportAdmin", "EssorResource"]
