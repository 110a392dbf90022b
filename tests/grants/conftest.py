"""Who the tests of grants speak of: somebody signed in, an instructor, a head of service."""

import pytest

from core.roles import Role
from tests.factories.instruction import staff


@pytest.fixture
def signed_in(client):
    """Sign somebody in and give the client back."""

    def sign_in(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def instructor():
    return staff(Role.INSTRUCTOR)


@pytest.fixture
def head():
    return staff(Role.HEAD_OF_SERVICE)
