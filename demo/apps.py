from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "demo"
    label = "demo"
    verbose_name = _("Demonstration")

    def ready(self):
        from core.engine.labels import own_database
        from core.presentation import register_actors

        own_database("command demo")
        register_actors({"command demo": _("demonstration"), "command run": _("start of Essor on this machine")})
