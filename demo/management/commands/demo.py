"""``manage.py demo``: a Region at work. Plays more than a year through the workflows, then writes the workbooks."""

import sys

from django.core.management import call_command
from django.db import transaction
from tqdm import tqdm

from core.management.base import EssorCommand
from demo.scenario import Scenario
from grants.models import Call


class Command(EssorCommand):
    help = (
        "Builds a Region with its people, programmes and calls, takes applications through their whole life with the "
        "code of the screens, runs a worker and writes the ESF+/ERDF workbooks. Safe to run again: what is there stays."
    )

    def handle(self, *args, **options):
        call_command("migrate", verbosity=0)
        call_command("load_programmes", verbosity=0)
        if Call.objects.exists():
            self.stdout.write("The Region is already there: nothing is built again.")
        else:
            self._play()

    def _play(self):
        with tqdm(total=0, file=sys.stderr, unit="case", disable=None) as bar:
            scenario = Scenario(lambda sentence: (bar.set_postfix_str(sentence[:40]), bar.update()))
            bar.total = scenario.steps
            with transaction.atomic():
                scenario.play()
