"""The Celery application: queues and beat schedule are code, the job rows are the truth."""

import os

from celery import Celery
from celery.schedules import crontab
from kombu import Queue

from config.catalogues import compile_catalogues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
compile_catalogues()

app = Celery("essor")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    # Short work on "default"; workbooks, imports and acts on "reports", so that they never delay a receipt.
    task_queues=[Queue("default"), Queue("reports")],
    task_default_queue="default",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=200,
    worker_hijack_root_logger=False,
    task_ignore_result=True,
    task_time_limit=60 * 60,  # below the broker's visibility timeout
    task_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    beat_schedule={
        "deliver-outbox": {"task": "core.tasks.deliver_outbox", "schedule": 60.0},
        "recover-stale-jobs": {"task": "core.tasks.recover_stale_jobs", "schedule": 60.0},
        "scan-waiting-files": {"task": "core.tasks.scan_waiting_files", "schedule": 300.0},
        "retention": {"task": "core.tasks.keep_what_must_be_kept", "schedule": crontab(hour=3, minute=20)},
        "remind-opinions": {"task": "grants.tasks.remind_opinions", "schedule": 60 * 60.0},
        "seal-events": {"task": "core.tasks.seal_events", "schedule": 60.0},
        "check-stored-files": {
            "task": "core.tasks.check_stored_files",
            "schedule": crontab(hour="0-5", minute="*/5"),  # each file once a night, in slices
        },
        "anchor-seals": {"task": "core.engine.daily.anchor_seals", "schedule": crontab(hour=6, minute=10)},
        "forget-forms": {"task": "core.engine.daily.forget_forms", "schedule": crontab(hour=4, minute=50)},
        # Once a night: it asks itself whether this night's look was made.
        "check-figures": {"task": "core.figures.jobs.check_figures_at_night", "schedule": 20 * 60.0},
    },
)
app.autodiscover_tasks()
