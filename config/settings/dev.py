"""A developer's machine and the demonstration: one command, no server to install."""

import os
import secrets

from config.settings.base import *
from config.settings.base import VAR_DIR, env


def _secret_key() -> str:
    """A key of this machine's own, made once and readable by its owner only."""
    path = VAR_DIR / "secret_key"
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"secret_key.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)  # the first process wins
        except FileExistsError:
            pass
        draft.unlink()
    return path.read_text()


DEBUG = env.bool("DEBUG", True)
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver", *env.list("ALLOWED_HOSTS", default=[])]

# Static files straight from the apps: no collectstatic, and an edit shows at once.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
