"""Which models a change touches: those whose file, code, data file or deck it changes, by git."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from engine.model_io.code import PREFIX
from engine.settings.model import ModelSettings
from store.errors import Refused

GIT_WAIT_S = 60.0


def changed_files(checkout: Path, since: str) -> list[str]:
    """Return what differs from where a branch left `since`, by path below the checkout; what is not committed too.

    Raises:
        Refused: it is no repository, or git knows no such commit.
    """
    if since.startswith("-"):
        raise Refused(f"--since {since} is no commit", "name a branch, a tag or a commit")
    if _asked(checkout, "check-ignore", "-q", ".").returncode == 0:
        raise Refused("git ignores this folder: of no change in it is anything known", "leave --since out")
    base = _git(checkout, "merge-base", since, "HEAD").strip()
    told = _git(checkout, "diff", "--name-only", "-z", "--relative", base, "--", ".")
    fresh = _git(checkout, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    return sorted({path for path in (told + fresh).split("\0") if path})


def head(checkout: Path) -> str:
    """Return the commit of a checkout, "" where it is in no repository."""
    try:
        return _git(checkout, "rev-parse", "HEAD").strip()
    except Refused:
        return ""


def touched(models: Mapping[str, ModelSettings], files: Mapping[str, str], changed: list[str]) -> dict[str, str]:
    """Return the models that these changes touch, each with the first file that does.

    `files` are model files by the name of their model. Code touches every model that names a function, since modules
    may import each other; `deck.toml` touches all.
    """
    found = {}
    for name, settings in models.items():
        first = next((path for path in changed if _touches(settings, files.get(name, ""), path)), None)
        if first is not None:
            found[name] = first
    return found


def _touches(settings: ModelSettings, own: str, path: str) -> bool:
    if path in ("deck.toml", own):
        return True
    if path.endswith(".py"):
        return _names_code(settings.to_body())
    sources = [settings.data.source, *(str(join.source) for join in settings.data.joins)]
    return any(fnmatch(path, source.removeprefix("./")) for source in sources)


def _names_code(value: object) -> bool:
    if isinstance(value, str):
        return value.startswith(PREFIX)
    if isinstance(value, Mapping):
        return any(map(_names_code, value.values()))
    return isinstance(value, list | tuple) and any(map(_names_code, value))


def _git(checkout: Path, *words: str) -> str:
    done = _asked(checkout, *words)
    if done.returncode:
        said = next(iter(done.stderr.strip().splitlines()), "") or "it knows no such commit"
        raise Refused(f"git {words[0]}: {said}", "name a commit that is fetched (fetch-depth: 0), or leave --since out")
    return done.stdout


def _asked(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # git is found on the caller's path
            ["git", "-C", str(checkout), *words],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=GIT_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"git cannot be asked: {error}", "run it where git is, or without --since") from None
