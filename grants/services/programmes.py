"""Programmes from files to the database: idempotent, versioned by content."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.text import fold
from grants.models import Programme, ProgrammeVersion
from grants.rules.definition import DefinitionError, FolderError, Problem, fingerprint, read_definition
from grants.rules.schema import ProgrammeRules, parse_programme

PROGRAMMES_FOLDER = Path(__file__).resolve().parent.parent / "programmes"


@dataclass(frozen=True)
class Loaded:
    """What became of one file."""

    source: str
    code: str
    version: int | None
    is_new: bool

    def __str__(self):
        if self.version is None:
            return _("%(source)s: correct (%(code)s).") % {"source": self.source, "code": self.code}
        text = (
            _("%(source)s: %(code)s, version %(version)d loaded.")
            if self.is_new
            else _("%(source)s: %(code)s, version %(version)d, unchanged.")
        )
        return text % {"source": self.source, "code": self.code, "version": self.version}


def load_folder(folder: Path = PROGRAMMES_FOLDER, *, check_only: bool = False) -> list[Loaded]:
    """Check every file, then load them all or none.

    Raises:
        FolderError: with all the problems of all the files.
    """
    read: dict[str, dict] = {}
    errors: list[DefinitionError] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            read[path.name] = read_definition(path)
        except DefinitionError as error:
            errors.append(error)
    for source, definition in read.items():
        if problems := list(_taken(source, definition, read)):
            errors.append(DefinitionError(source, problems))
    if errors:
        raise FolderError(errors)
    if check_only:
        return [Loaded(source, definition["code"], None, False) for source, definition in read.items()]
    with transaction.atomic():
        return [load_definition(definition, source) for source, definition in read.items()]


def _taken(source: str, definition: dict, read: dict[str, dict]) -> Iterator[Problem]:
    """What another file of the folder, or a programme of the database, has already."""
    code, prefix = definition["code"], definition["number_prefix"]
    before = {name: other for name, other in read.items() if name < source}
    for name, other in before.items():
        if other["code"] == code:
            yield Problem("code", None, _("%(other)s has the same code: each programme has its own.") % {"other": name})
        elif other["number_prefix"] == prefix:
            yield Problem("number_prefix", None, _prefix_taken(prefix, name))
    owner = Programme.objects.filter(number_prefix=prefix).exclude(code=code).first()
    if owner is not None:
        yield Problem("number_prefix", None, _prefix_taken(prefix, str(owner)))


def _prefix_taken(prefix: str, owner: str) -> str:
    return _("the prefix “%(prefix)s” is taken by %(owner)s: two cases would bear the same number. Choose another.") % {
        "prefix": prefix,
        "owner": owner,
    }


def load_definition(definition: dict, source: str = "") -> Loaded:
    """Create or update the programme; add a version when its content differs from the latest one."""
    rules = parse_programme(definition)
    with override("fr"):
        programme, _created = Programme.objects.update_or_create(
            code=rules.code,
            defaults={
                "name": str(rules.name),
                "summary": str(rules.summary),
                "number_prefix": rules.number_prefix,
                "search_text": search_text_of(rules),
            },
        )
    sha256 = fingerprint(definition)
    latest = programme.versions.order_by("-number").first()
    if latest is not None and latest.sha256 == sha256:
        return Loaded(source, rules.code, latest.number, is_new=False)
    version = ProgrammeVersion.objects.create(
        programme=programme,
        number=(latest.number if latest else 0) + 1,
        definition=json.loads(json.dumps(definition, cls=DjangoJSONEncoder)),
        sha256=sha256,
    )
    return Loaded(source, rules.code, version.number, is_new=True)


def search_text_of(rules: ProgrammeRules) -> str:
    """What a search of the catalogue reads, in both languages."""
    catalogue = rules.catalogue
    texts = (rules.name, rules.summary, catalogue.what, catalogue.who, catalogue.how_much, catalogue.amount)
    return fold(" ".join([rules.code, *(f"{text.fr} {text.en}" for text in texts)]))
