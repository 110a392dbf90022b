"""The processes that a command starts on one's own machine."""

import subprocess

from demo.processes import start, worker


def test_on_another_port_the_links_of_mails_lead_there(settings, monkeypatch):
    started = []
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **how: started.append(how["env"].get("ESSOR_SITE_URL", ""))
    )
    settings.ESSOR_SITE_URL = "http://localhost:8000"
    start(worker(), 8104)
    settings.ESSOR_SITE_URL = "https://aides.example"
    monkeypatch.setenv("ESSOR_SITE_URL", settings.ESSOR_SITE_URL)
    start(worker(), 8104)
    assert started == ["http://localhost:8104", "https://aides.example"]
