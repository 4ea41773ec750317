"""Code bundles: the same code is the same bundle, and no module hides another."""

from __future__ import annotations

import subprocess

import pytest

from engine.data.bundle import check_module_names, extract_bundle, git_origin, make_bundle
from engine.model_io.code import bundle_modules, code_files
from store.errors import CorruptArtifact, Refused

CODE = "def load():\n    return 1\n"


def git(root, *arguments):
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=anna", "-c", "user.email=anna@example.org", *arguments],
        check=True,
        capture_output=True,
    )


@pytest.fixture(name="bundle")
def bundle_of_now(deck):
    return lambda: make_bundle(deck.workspace, deck.artifacts)


def test_same_code_is_the_same_bundle_whatever_its_times(write, bundle):
    place = write("hotel.py", CODE)
    first = bundle()
    place.unlink()
    write("hotel.py", CODE)
    assert bundle() == first


@pytest.mark.parametrize(("name", "content"), [("hotel.py", "VALUE = 2\n"), ("more.py", ""), ("below/more.py", "")])
def test_any_change_of_code_is_another_bundle(write, bundle, name, content):
    write("hotel.py", CODE)
    first = bundle()
    write(name, content)
    assert bundle() != first


def test_bundle_holds_python_files_only(write, bundle, deck):
    for name in ("hotel.py", "below/parts.py", "pack/__init__.py", "pack/inner.py"):
        write(name, CODE)
    for name in ("rows.csv", ".hidden/a.py", "__pycache__/b.py", "node_modules/c.py", "env/pyvenv.cfg", "env/d.py"):
        write(name, "")
    (deck.workspace.root / "linked.py").symlink_to(deck.workspace.root / "hotel.py")
    found = [path.relative_to(deck.workspace.root).as_posix() for path in code_files(deck.workspace.root)]
    assert found == ["below/parts.py", "hotel.py", "pack/__init__.py", "pack/inner.py"]
    assert bundle_modules(deck.artifacts.read(bundle())) == ["below.parts", "hotel", "pack", "pack.inner"]


def test_extracted_bundle_keeps_the_code_of_its_time(write, bundle, deck):
    write("hotel.py", CODE)
    taken = bundle()
    folder = extract_bundle(deck, taken)
    write("hotel.py", "VALUE = 2\n")
    assert extract_bundle(deck, taken) == folder
    assert (folder / "hotel.py").read_text() == CODE


def test_damaged_bundle_is_not_extracted(write, bundle, deck):
    write("hotel.py", CODE)
    taken = bundle()
    place = deck.artifacts.path(taken)
    place.chmod(0o600)
    place.write_bytes(b"damaged")
    with pytest.raises(CorruptArtifact):
        extract_bundle(deck, taken)
    assert not list(deck.workspace.bundles.glob("*"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("engine.py", r"engine\.py hides modeldeck's own package 'engine': rename the file"),
        ("store/rows.py", r"store/rows\.py hides modeldeck's own package 'store'"),
        ("random.py", "hides the standard library's module 'random'"),
        ("json/parts.py", "hides the standard library's module 'json'"),
        ("numpy.py", "hides 'numpy' of the installed numpy"),
        ("sklearn/own.py", "hides 'sklearn' of the installed scikit-learn"),
    ],
)
def test_module_that_would_hide_another_is_refused(write, bundle, deck, name, told, says):
    write(name, CODE)
    with pytest.raises(Refused, check=says(told)):
        check_module_names(deck.workspace.root)
    with pytest.raises(Refused, check=says(told)):
        bundle()


def test_module_of_a_hidden_name_below_a_folder_is_fine(write, deck):
    write("hotel_parts/random.py", CODE)
    check_module_names(deck.workspace.root)


def test_code_outside_a_repository_has_no_origin(deck, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(deck.workspace.root.parent))
    origin = git_origin(deck.workspace.root)
    assert (origin.commit, origin.dirty) == (None, None)


def test_origin_tells_committed_code_from_changed_code(write, deck):
    root = deck.workspace.root
    write("hotel.py", CODE)
    write(".gitignore", ".modeldeck/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "First")
    clean = git_origin(root)
    assert clean.commit is not None
    assert (len(clean.commit), clean.dirty) == (40, False)
    write("hotel.py", "VALUE = 2\n")
    assert (git_origin(root).commit, git_origin(root).dirty) == (clean.commit, True)
