"""Settings and entry points: config sees all the apps, no app sees config."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
