from importlib import import_module

from django.apps import AppConfig


class SampleConfig(AppConfig):
    name = "tests.core.sample"
    label = "sample"

    def ready(self) -> None:
        import_module("tests.core.sample.jobs")
