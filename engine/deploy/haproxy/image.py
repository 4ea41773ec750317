"""The gateway's image: HAProxy and the interpreter of its relay, unpacked from Debian packages into one layer.

No maintainer script runs and no build: the packages come by apt (which verifies them against the signed index), their
versions and hashes are kept beside the layer and in a label, and equal packages give an equal image id.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.errors import Unavailable, WorkFailed

USER = 10002
PACKAGES = (
    *("haproxy", "libc6", "libcap2", "libcrypt1", "libgcc-s1", "libgcrypt20", "libgpg-error0", "liblua5.3-0"),
    *("liblz4-1", "liblzma5", "libopentracing-c-wrapper0", "libopentracing1", "libpcre2-8-0", "libssl3"),
    *("libstdc++6", "libsystemd0", "libzstd1", "zlib1g"),
    *("python3.11-minimal", "libpython3.11-minimal", "libexpat1"),  # for the relay of its commands
)
VOLUME = "/gateway"  # where an instance's files lie; the image has the empty folder, so that a new volume is the user's

_EPOCH = 1_700_000_000
_FORM = 2  # of the cache
_LEFT_OUT = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "etc",
    "var",
    "usr/lib/systemd",
)
_LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
_PASSWD = f"root:x:0:0:root:/root:/usr/sbin/nologin\ngateway:x:{USER}:{USER}::/:/usr/sbin/nologin\n"
_DOWNLOAD_S = 120
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def ensure_image(client: Any, cache: Path) -> str:
    """Return the id of the gateway's image on an engine, made from `cache` and loaded where the engine lacks it.

    Raises:
        Unavailable: the packages are neither in the cache nor to be had.
        WorkFailed: the engine did not take the image.
    """
    layer, made_of = _layer(cache)
    config = _config(made_of["layer"], made_of["packages"])
    image_id = f"sha256:{hashlib.sha256(config).hexdigest()}"
    import docker

    try:
        client.images.get(image_id)
    except docker.errors.ImageNotFound:
        with _archive(layer, config, f"modeldeck/gateway:{image_id[7:19]}").open("rb") as whole:
            try:
                client.images.load(whole)
            except (docker.errors.ImageLoadError, docker.errors.APIError) as error:
                raise WorkFailed(f"the engine did not take the gateway's image: {error}", "see its log") from error
    return image_id


def form() -> str:
    """Return 16 digits that name of which packages, and how, this modeldeck makes the gateway's layer."""
    return hashlib.sha256(json.dumps([PACKAGES, _LEFT_OUT, _PASSWD, _FORM]).encode()).hexdigest()[:16]


def kept_layer(cache: Path) -> tuple[Path, Path] | None:
    """Return the files of the layer and of what it was made of, None where it was not made yet."""
    layer, packages = _files(cache)
    return (layer, packages) if layer.is_file() and packages.is_file() else None


def keep_layer(cache: Path, came: Path, packages: bytes) -> None:
    """Take a layer over that another deck made; `packages` says of what, as it stands beside one made here."""
    layer, beside = _files(cache)
    layer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    came.replace(layer)
    fresh = beside.with_suffix(".fresh")
    fresh.write_bytes(packages)
    fresh.replace(beside)


def _files(cache: Path) -> tuple[Path, Path]:
    folder = cache / f"gateway-{form()}"
    return folder / "layer.tar", folder / "packages.json"


def _layer(cache: Path) -> tuple[Path, dict[str, Any]]:
    """Return the layer, and its sha256 with those of the packages it was made of; made once per list of packages."""
    layer, packages = _files(cache)
    folder = layer.parent
    if not packages.exists():
        debs = folder / "packages"
        debs.mkdir(parents=True, exist_ok=True)
        files = _download(debs)
        fresh = folder / "layer.fresh"
        _write_layer(fresh, files)
        fresh.replace(layer)
        made_of = {"layer": _sha256(layer), "packages": {file.name: _sha256(file) for file in files}}
        packages.with_suffix(".fresh").write_text(json.dumps(made_of, indent=1))
        packages.with_suffix(".fresh").replace(packages)
    return layer, json.loads(packages.read_text())


def _download(folder: Path) -> list[Path]:
    before = "put the .deb files there, or give this host the way to a Debian mirror"
    try:
        done = subprocess.run(
            ["apt-get", "download", "--quiet", *PACKAGES],  # noqa: S607
            check=False,  # what is missing afterwards is told below, whatever apt called it
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"HAProxy's packages cannot be fetched into {folder}: {error}", before) from error
    files = sorted(folder.glob("*.deb"))
    missing = [name for name in PACKAGES if not any(file.name.startswith(f"{name}_") for file in files)]
    if missing:
        why = (done.stderr.strip().splitlines() or ["apt-get said nothing"])[-1]
        raise Unavailable(
            f"{missing[0]} and {len(missing) - 1} more packages cannot be fetched into {folder}: {why}", before
        )
    return files


def _write_layer(target: Path, packages: list[Path]) -> None:
    """Write the packages' files as one tar: sorted, owned by root, at one time, below /usr where both names exist."""
    kept: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    for package in packages:
        for info, content in _files_of(package):
            kept[info.name] = info, content
    for name, link in _LINKS.items():
        kept[name] = _info(name, tarfile.SYMTYPE, 0o777, link=link), b""
    for name, text in (("etc/passwd", _PASSWD), ("etc/group", f"root:x:0:\ngateway:x:{USER}:\n")):
        kept[name] = _info(name, tarfile.REGTYPE, 0o644, size=len(text)), text.encode()
    for name, mode, owner in (("tmp", 0o1777, 0), (VOLUME.strip("/"), 0o700, USER)):
        kept[name] = _info(name, tarfile.DIRTYPE, mode, owner=owner), b""
    folders = {str(above) for name in kept for above in Path(name).parents if str(above) != "."}
    for name in folders - set(kept):
        kept[name] = _info(name, tarfile.DIRTYPE, 0o755), b""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as out:
        for name in sorted(kept):
            info, content = kept[name]
            out.addfile(info, io.BytesIO(content) if info.isreg() else None)


def _files_of(package: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    whole = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True).stdout  # noqa: S607
    with tarfile.open(fileobj=io.BytesIO(whole)) as members:
        for member in members:
            name = member.name.removeprefix("./").strip("/")
            top, _, rest = name.partition("/")
            if top in _LINKS and rest:
                name = f"{_LINKS[top]}/{rest}"
            if member.isdir() or name.startswith(_LEFT_OUT):
                continue
            if member.isreg():
                content = members.extractfile(member).read()  # type: ignore[union-attr]
                yield _info(name, tarfile.REGTYPE, member.mode & 0o755, size=len(content)), content
            elif member.issym():
                yield _info(name, tarfile.SYMTYPE, 0o777, link=member.linkname), b""


def _info(name: str, kind: bytes, mode: int, *, size: int = 0, link: str = "", owner: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    info.uid = info.gid = owner
    info.mtime = _EPOCH
    return info


def _config(diff_id: str, packages: dict[str, str]) -> bytes:
    haproxy = next(name for name in packages if name.startswith("haproxy_")).split("_")[1]
    body = {
        "architecture": _MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "2023-11-14T22:13:20Z",
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/sbin:/usr/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"],
            "StopSignal": "SIGUSR1",
            "Labels": {
                "modeldeck.kind": "gateway",
                "modeldeck.haproxy": haproxy,
                "modeldeck.packages": " ".join(f"{name}@{digest}" for name, digest in sorted(packages.items())),
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": "modeldeck"}],
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _archive(layer: Path, config: bytes, tag: str) -> Path:
    """Write what `docker load` takes beside the layer, and return it."""
    name = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{name}.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    target = layer.with_name("image.tar")
    with tarfile.open(target, "w") as out:
        for inside, content in ((f"{name}.json", config), ("manifest.json", json.dumps(manifest).encode())):
            out.addfile(_info(inside, tarfile.REGTYPE, 0o644, size=len(content)), io.BytesIO(content))
        out.add(layer, "layer.tar")
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
