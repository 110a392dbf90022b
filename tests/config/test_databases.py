"""What a process remembers of one database is not told of another."""

from config.databases import cache_prefix


def test_the_cache_of_a_copy_of_the_database_is_another():
    database = {"HOST": "/run/one", "PORT": "5432", "NAME": "essor"}
    copies = [database | {"NAME": "essor_copy"}, database | {"HOST": "/run/two"}, database | {"PORT": "5433"}]
    assert len({cache_prefix(each) for each in (database, *copies)}) == 4
    # The owner's commands and the application are in one database.
    assert cache_prefix(database | {"USER": "essor"}) == cache_prefix(database | {"USER": "essor_app"})
