"""An accounting year whose end is before its start is refused in words, on its page too."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from core.roles import Role
from reporting.models import AccountingYear
from tests.factories.instruction import staff

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("end", [date(2040, 6, 30), date(9, 6, 30), date(2041, 7, 1)])
def test_a_year_that_ends_before_it_starts_is_refused_on_its_end(client, end: date):
    with pytest.raises(ValidationError) as refusal:
        AccountingYear(starts_on=date(2041, 7, 1), ends_on=end).full_clean()
    assert set(refusal.value.message_dict) == {"ends_on"}
    client.force_login(staff(Role.ADMINISTRATOR), backend="django.contrib.auth.backends.ModelBackend")
    typed = {"starts_on": "2041-07-01", "ends_on": f"{end:%d/%m}/{end.year:04d}"}
    assert client.post(reverse("admin:reporting_accountingyear_add"), typed).status_code in {200, 403}
    assert not AccountingYear.objects.filter(starts_on=date(2041, 7, 1)).exists()
