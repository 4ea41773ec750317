"""A base made here from Debian packages by mmdebstrap: without a registry, and the same bytes each time."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.deploy.images.base import Base, Say, keep_base, kept_base
from engine.deploy.images.layers import EPOCH, adopt_layer, key_of
from engine.deploy.images.places import layer_folder
from engine.workspace import Workspace
from store.errors import WorkFailed
from store.storage import writing_to

SUITE = "bookworm"
MINOR = "3.11"
USER = 10001

# libstdc++6 is what wheels of numeric libraries need beside what they bring along
_PACKAGES = (
    "python3,python3-minimal,base-files,base-passwd,dash,coreutils,ca-certificates,libc-bin,netbase,libstdc++6,tzdata"
)
_LEFT_OUT = ("doc", "man", "locale", "info", "lintian", "bug", "zoneinfo/right", "zoneinfo/posix")
_PYTHON = f"usr/lib/python{MINOR}"
_LIBRARIES = "usr/lib/*-linux-gnu"
# what serving never opens: character sets of iconv, the packager itself, Python's manual and tests, what Python has for
# terminals, turtles and databases of old, and the libraries that only these need
_REMOVED = " ".join(
    (
        f"{_LIBRARIES}/gconv usr/bin/dpkg* usr/bin/openssl usr/bin/localedef usr/bin/mawk bin/tar usr/sbin/tarcat",
        "usr/bin/deb* usr/libexec/dpkg usr/share/dpkg etc/debconf.conf etc/cron.daily etc/logrotate.d",
        "usr/share/perl5 usr/share/debconf usr/share/gcc var/lib/dpkg var/lib/apt var/cache var/log/* etc/ssl/private",
        *(f"{_PYTHON}/{name}" for name in ("pydoc_data", "test", "lib2to3", "curses", "turtle.py", "turtledemo")),
        *(f"{_PYTHON}/{name}" for name in ("idlelib", "tkinter", "ensurepip")),
        *(f"{_PYTHON}/lib-dynload/{name}" for name in ("_test*", "_xx*", "xx*", "_ctypes_test*", "_curses*")),
        *(f"{_PYTHON}/lib-dynload/{name}" for name in ("readline*", "_dbm*", "nis*")),
        *(f"{_LIBRARIES}/{name}" for name in ("engines-3", "ossl-modules", "krb5", "libkrb5*", "libk5crypto*")),
        *(f"{_LIBRARIES}/{name}" for name in ("libgssapi*", "libdb-5*", "libtirpc*", "libnsl.so.2*", "libexpatw*")),
        *(f"{_LIBRARIES}/{name}" for name in ("libformw*", "libmenuw*", "libpanelw*")),
        *(f"lib/*-linux-gnu/{name}" for name in ("libreadline*", "libhistory*", "libncursesw*", "libtirpc*")),
    )
)
# The variant runs no maintainer scripts, so their few results are written here. Modules are compiled without times.
_HOOK = f"""#!/bin/sh
set -e
cd "$1"
(cd var/cache/apt/archives && sha256sum *.deb) > "$MODELDECK_PACKAGES"
printf 'root:x:0:0:root:/root:/usr/sbin/nologin\\nmodel:x:{USER}:{USER}::/tmp:/usr/sbin/nologin\\n' > etc/passwd
printf 'root:x:0:\\nmodel:x:{USER}:\\n' > etc/group
mkdir -p tmp
chmod 1777 tmp
rm -rf {_REMOVED}
chroot . python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python{MINOR} >/dev/null 2>&1 || true
chroot . /sbin/ldconfig
rm -rf var/cache/ldconfig/aux-cache sbin/ldconfig usr/sbin/ldconfig
"""
_STAGES = {
    "running apt-get update": (0.05, "asking Debian which packages are current"),
    "downloading packages": (0.15, "downloading packages"),
    "extracting archives": (0.4, "unpacking packages"),
    "running --extract-hook": (0.5, "compiling the standard library"),
    "creating tarball": (0.9, "writing the layer"),
}


def why_not() -> str:
    """Return why no base can be made here, empty where one can."""
    return "" if shutil.which("mmdebstrap") else "mmdebstrap is not installed"


def base(workspace: Workspace, say: Say) -> Base:
    """Return the newest base made here, made if there is none; packages stay as they were then.

    Raises:
        WorkFailed: it cannot be made.
    """
    return newest(workspace) or build(workspace, say)


def newest(workspace: Workspace) -> Base | None:
    """Return the newest base made here, None where there is none whole."""
    return kept_base(workspace, _key())


def build(workspace: Workspace, say: Say) -> Base:
    """Make the base anew from the packages that are current, and keep it as the newest.

    Unchanged packages give unchanged bytes. Layers of older bases stay, since images stand on them.

    Raises:
        WorkFailed: mmdebstrap is absent, or ended with an error (its last line is told).
        StorageUnwritable: the disk is full or read-only.
    """
    absent = why_not()
    if absent:
        raise WorkFailed(absent, "as root: apt-get install mmdebstrap")
    folder = layer_folder(workspace)
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".base-", dir=folder) as scratch:
            place = Path(scratch)
            place.chmod(0o755)
            _bootstrap(place, say)
            packages = _packages((place / "packages").read_text("utf-8"))
            layer = adopt_layer(folder, place / "base.tar")
    python = packages["python3.11-minimal"]["version"].partition("-")[0]
    contents = {"suite": SUITE, "made_with": "mmdebstrap", "packages": packages}
    return make_newest(workspace, Base(f"debian-{SUITE}", python, (layer,), (), contents))


def make_newest(workspace: Workspace, base: Base) -> Base:
    """Keep a base as the newest made here; its layers lie in the layer folder already."""
    return keep_base(workspace, _key(), base)


def files_of(workspace: Workspace, packages: Sequence[str], names: Sequence[str]) -> dict[str, bytes]:
    """Return shared objects of Debian's packages by the names they are asked for as.

    Raises:
        WorkFailed: mmdebstrap ended with an error, or the packages do not hold one of them.
        StorageUnwritable: the disk is full or read-only.
    """
    folder = layer_folder(workspace)
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".libraries-", dir=folder) as scratch:
            tar = Path(scratch) / "packages.tar"
            Path(scratch).chmod(0o755)
            command = ["mmdebstrap", "--variant=extract", f"--include={','.join(packages)}"]
            _run([*command, SUITE, str(tar)], Path(scratch), {}, lambda _fraction, _text: None)
            with tarfile.open(tar) as source:
                found = {name: body for name in names if (body := _object(source, name)) is not None}
    absent = [name for name in names if name not in found]
    if absent:
        raise WorkFailed(f"{', '.join(packages)} of Debian {SUITE} does not hold {', '.join(absent)}")
    return found


def _object(source: tarfile.TarFile, name: str) -> bytes | None:
    """Return a file of an archive by its base name, its links followed."""
    for member in source:
        if member.name.rpartition("/")[2] == name:
            opened = source.extractfile(member)
            return None if opened is None else opened.read()
    return None


def _key() -> str:
    return key_of(["debian", SUITE, _PACKAGES, _LEFT_OUT, _HOOK, EPOCH, platform.machine()])


def _bootstrap(place: Path, say: Say) -> None:
    hook = place / "hook"
    hook.write_text(_HOOK, encoding="utf-8")
    hook.chmod(0o755)
    command = ["mmdebstrap", "--variant=extract", f"--include={_PACKAGES}", f"--extract-hook={hook}"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _LEFT_OUT]
    command += [SUITE, str(place / "base.tar")]
    _run(command, place, {"MODELDECK_PACKAGES": str(place / "packages")}, say)


def _run(command: list[str], place: Path, environment: dict[str, str], say: Say) -> None:
    """Run mmdebstrap in a folder of its own, and tell how far it is.

    Raises:
        WorkFailed: it ended with an error; its last line is told.
    """
    fixed = {"SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8", **environment}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **fixed, "TMPDIR": str(place)},
    ) as process:
        assert process.stderr is not None
        last = ""
        for line in process.stderr:
            last = line.strip() if line.startswith("E: ") or not last.startswith("E: ") else last
            for words, (fraction, text) in _STAGES.items():
                if words in line:
                    say(fraction, text)
    if process.returncode:
        raise WorkFailed(
            f"no base could be made from Debian packages: {last.removeprefix('E: ') or 'mmdebstrap failed'}",
            "it needs root and a Debian mirror; where neither is, load python:3.11-slim into the engine",
        )


def _packages(listing: str) -> dict[str, dict[str, Any]]:
    """Read `sha256  name_version_arch.deb` lines."""
    found = {}
    for line in listing.splitlines():
        digest, _, file = line.partition("  ")
        name, version, _ = urllib.parse.unquote(file).split("_", 2)
        found[name] = {"version": version, "sha256": digest}
    return found
