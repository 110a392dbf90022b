"""People and a case for the tests of the engine."""

from decimal import Decimal

import pytest

from core.acting import acting_as
from core.models.user import User
from tests.core.sample.models import Case
from tests.factories.core import UserFactory


@pytest.fixture
def applicant(db) -> User:
    return UserFactory(applicant=True)


@pytest.fixture
def instructor(db) -> User:
    return UserFactory(instructor=True)


@pytest.fixture
def case(applicant: User) -> Case:
    with acting_as(applicant):
        return Case.objects.create(title="A kitchen garden", owner=applicant, asked=Decimal("800.00"))
