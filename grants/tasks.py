"""Thin Celery entries of the cases."""

from celery import shared_task

from grants.opinion_links import remind


@shared_task
def remind_opinions() -> None:
    """Remind the bodies whose opinion is awaited within a few days, once each."""
    remind()
