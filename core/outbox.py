"""Mails and jobs decided in a transaction, carried out after it."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.template.loader import render_to_string
from django.utils import translation

from core.jobs import dispatch
from core.models.document import Document
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.models.user import User
from core.tasks import deliver_message

logger = logging.getLogger("essor.outbox")


def enqueue_mail(
    *,
    to: Iterable[str],
    template: str,
    context: Mapping[str, Any],
    subject_object: models.Model | None = None,
    key: str,
    attachments: Iterable[Document] = (),
    language: str | None = None,
    reply_to: str = "",
) -> OutboxMessage:
    """Render a mail now and have it sent after the transaction.

    ``template`` is a path without suffix: ``<template>.subject.txt`` (one line) and ``<template>.body.txt``. ``key``
    makes it one mail however often the caller runs. ``reply_to`` is whose address an answer reaches, the Region's when
    nothing else is said: a mail that asks to be answered is never sent from an address that nobody reads. The language
    is the recipients' when they agree, else French.
    """
    recipients = list(dict.fromkeys(address.strip().lower() for address in to if address and address.strip()))
    if not recipients:
        raise ValueError(f"The mail {template} ({key}) has no recipient.")
    if existing := OutboxMessage.objects.filter(key=key).first():
        return existing
    language = language or _language_of(recipients)
    values = {"region": settings.ESSOR_REGION, "site_url": settings.ESSOR_SITE_URL} | dict(context)
    with translation.override(language):
        subject = " ".join(render_to_string(f"{template}.subject.txt", values).split())
        body = render_to_string(f"{template}.body.txt", values).strip() + "\n"
    with transaction.atomic():
        message, is_new = OutboxMessage.objects.get_or_create(
            key=key,
            defaults={
                "template": template,
                "to": recipients,
                "reply_to": reply_to or settings.ESSOR_REGION["email"],
                "language": language,
                "subject_line": subject[:250],
                "body": body,
                "subject": subject_object,
            },
        )
        if is_new:
            message.attachments.set(attachments)
            # A function, no partial: Django names it in the journal when it fails, and a partial has no name.
            transaction.on_commit(lambda pk=message.pk: _send(pk), robust=True)
    return message


def enqueue_job(job: Job) -> None:
    """Have a worker take a job after the transaction."""
    dispatch(job)


def _language_of(recipients: list[str]) -> str:
    languages = set(User.objects.filter(email__in=recipients).values_list("language", flat=True))
    return languages.pop() if len(languages) == 1 else settings.LANGUAGE_CODE


def _send(message_id: int) -> None:
    try:
        deliver_message.apply_async(args=[message_id], retry=False)
    except deliver_message.OperationalError:
        logger.exception("The broker does not answer: the message %s waits for the sweeper.", message_id)
