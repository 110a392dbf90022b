"""Django's command for a password, which says who changed it."""

from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from core.acting import acting_as
from core.events import record
from core.models.user import User


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        with acting_as(label="command changepassword"), transaction.atomic():
            answer = super().handle(*args, **options)
            email = User.objects.normalize_email(options.get("username"))
            if answer and (user := User.objects.filter(email=email).first()):
                record(user, "change_password")
        return answer
