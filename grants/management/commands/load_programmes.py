"""Load the programmes of ``grants/programmes`` (or of another folder): a new version for each file that changed."""

import json
from pathlib import Path

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from core.management.base import EssorCommand
from core.text import listed
from grants.rules.definition import FolderError
from grants.rules.json_schema import programme_schema
from grants.services.programmes import PROGRAMMES_FOLDER, load_folder


class Command(EssorCommand):
    help = "Load the programmes written in YAML files. A file that did not change makes no new version."

    def add_arguments(self, parser):
        parser.add_argument("folder", nargs="?", type=Path, default=PROGRAMMES_FOLDER, help="folder of the YAML files")
        parser.add_argument("--check", action="store_true", help="read and check the files, load nothing")
        parser.add_argument("--schema", action="store_true", help="print the JSON schema of a file, for editors")

    def handle(self, *args, folder: Path, check: bool, schema: bool, **options):
        if schema:
            self.stdout.write(json.dumps(programme_schema(), indent=2))
            return
        if not folder.is_dir():
            raise CommandError(
                _("%(folder)s: no such folder. Give the folder that holds the YAML files.") % {"folder": folder}
            )
        try:
            loaded = load_folder(folder, check_only=check)
        except FolderError as error:
            for line in str(error).splitlines():
                self.stderr.write(line)
            raise CommandError(
                _("Nothing was loaded: correct %(files)s and run the command again.")
                % {"files": listed(item.source for item in error.errors)}
            ) from error
        for item in loaded:
            self.stdout.write(str(item))
