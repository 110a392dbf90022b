"""The staff screens of agreements: one file a concern."""

from agreements.admin import history_parts as history_parts
from agreements.admin.agreement import AgreementAdmin
from agreements.admin.claim import PaymentClaimAdmin
from agreements.admin.payment import PaymentBatchAdmin, PaymentOrderAdmin
from agreements.admin.report import TrancheReportAdmin

__all__ = [
    "AgreementAdmin",
    "PaymentBatchAdmin",
    "PaymentClaimAdmin",
    "PaymentOrderAdmin",
    "TrancheReportAdmin",
]
