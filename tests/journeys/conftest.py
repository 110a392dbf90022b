"""What every journey needs: a site that answers a browser, and its data kept until the end of the test."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.cast import Cast
from tests.journeys.helpers import Journey

# Playwright's own loop runs in this thread; Django must not take its database calls for asynchronous ones.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# A busy machine takes its time; a page that is right is not waited for.
expect.set_options(timeout=20_000)


@pytest.fixture
def journey(page: Page, live_server, transactional_db: None) -> Iterator[Journey]:
    """A browser on the site: ``journey.sign_in(user)``, ``journey.see("name")``, ``journey.go("/")``."""
    walk = Journey(page, live_server.url)
    yield walk
    walk.assert_no_console_errors()


@pytest.fixture
def cast(new_context, live_server, transactional_db: None, settings) -> Iterator[Cast]:
    """Several people, each at a window: ``cast.enter(user)``, ``cast.newcomer("Nadia")``."""
    settings.ESSOR_SITE_URL = live_server.url  # the links of the mails lead to the site of the test
    people = Cast(new_context, live_server.url)
    yield people
    people.assert_no_errors()
