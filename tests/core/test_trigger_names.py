"""The names of triggers that are kept are those that django-pgtrigger would list, and it refuses the same with them."""

import pgtrigger
import pytest
from pgtrigger import registry

from core.engine.trigger_names import KeptNames, Library
from core.models import Event, User


def a_trigger(name: str, func: str = "RETURN NEW;") -> pgtrigger.Trigger:
    return pgtrigger.Trigger(name=name, operation=pgtrigger.Update, when=pgtrigger.Before, func=func)


@pytest.fixture
def kept(monkeypatch):
    """A registry of its own, which knows what the true one knows."""
    names = KeptNames(dict(registry._registry.data))
    monkeypatch.setattr(registry, "_registry", names)
    for model in (Event, User):
        monkeypatch.setattr(model._meta, "triggers", list(getattr(model._meta, "triggers", [])), raising=False)
        attributes = dict(model._meta.original_attrs)
        monkeypatch.setattr(model._meta, "original_attrs", attributes)
    return names


def assert_is_what_the_library_lists(names: KeptNames) -> None:
    assert names.by_db_table == Library.by_db_table.fget(names)
    assert names.pg_function_names == Library.pg_function_names.fget(names)


def test_every_trigger_of_the_product_is_kept():
    names = registry._registry
    assert isinstance(names, KeptNames) and len(names) > 500
    assert_is_what_the_library_lists(names)


def test_what_comes_and_goes_is_kept(kept):
    trigger = a_trigger("comes_and_goes")
    trigger.register(User)
    assert kept.by_db_table[User._meta.db_table, "comes_and_goes"] is trigger
    assert_is_what_the_library_lists(kept)
    trigger.register(User)  # again: nothing new
    assert_is_what_the_library_lists(kept)
    trigger.unregister(User)
    assert (User._meta.db_table, "comes_and_goes") not in kept.by_db_table
    assert_is_what_the_library_lists(kept)


def test_a_name_that_a_table_has_is_refused(kept):
    a_trigger("one_name").register(User)
    with pytest.raises(KeyError, match="already used"):
        a_trigger("one_name", "RETURN OLD;").register(User)
    a_trigger("one_name").register(Event)  # of another table
    assert_is_what_the_library_lists(kept)


def test_a_name_of_a_function_that_another_has_is_refused(kept, monkeypatch):
    first, second = a_trigger("first_name"), a_trigger("second_name")
    first.register(User)
    monkeypatch.setattr(second, "get_pgid", lambda _model: first.get_pgid(User))
    with pytest.raises(KeyError, match="already in use"):
        second.register(Event)
    assert_is_what_the_library_lists(kept)
