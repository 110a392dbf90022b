"""What every journey needs: a site that answers a browser, and its data kept until the end of the test."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.journeys.helpers import Journey

# Playwright's own loop runs in this thread; Django must not take its database calls for asynchronous ones.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def journey(page: Page, live_server, transactional_db: None) -> Iterator[Journey]:
    """A browser on the site: ``journey.sign_in(user)``, ``journey.see("name")``, ``journey.go("/")``."""
    walk = Journey(page, live_server.url)
    yield walk
    walk.assert_no_console_errors()
