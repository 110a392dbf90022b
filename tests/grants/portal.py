"""What tests of the applicant's pages need: the text of a page, its addresses, what a browser posts for a step."""

import re

from django.urls import reverse

from grants.models import Application
from tests.factories.grants import (
    right_answers,
)


def plain(response) -> str:
    """The page's text with ordinary spaces."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"[\s\u00a0\u202f]+", " ", text).replace("&#x27;", "'")


def read(client, address: str) -> bytes:
    """The bytes of a document; its file is closed without ending the test's connection."""
    response = client.get(address)
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    for close in response._resource_closers:
        close()
    return content


def url(name: str, application: Application, *extra) -> str:
    return reverse(f"grants:{name}", args=[application.public_id, *extra])


def posted(application: Application, section: str, changes: dict | None = None) -> dict[str, str]:
    """What a browser sends for a step, with some answers changed."""
    data: dict = {}
    answers = right_answers(application) | (changes or {})
    for question in application.rules.section(section).questions:
        code = question.code
        if question.kind == "pieces":
            continue
        data |= {f"p-{code}": "1", f"v-{code}": str(application.answer_versions.get(code, {}).get("v", 0))}
        value = answers[code]
        if question.is_table:
            for number, row in enumerate(value):
                data |= {f"q-{code}-{number}-{column}": text for column, text in row.items()}
        elif isinstance(value, dict):
            data |= {f"q-{code}-{side}": text for side, text in value.items()}
        else:
            data[f"q-{code}"] = value
    return data
