"""What is built and installed: the files in the wheel, and the commands of an environment."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from mockllm import __version__
from tests.parts.installed import need

pytestmark = pytest.mark.parts("build")

TOP = Path(__file__).parents[1]
GUARD = 300
"""Seconds after which a command is given up."""
COMMANDS = ["mockllm", "mockllm-server"]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command and take what it says."""
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run_well(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed; returns its output."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(folder: Path, *requirements: str | Path) -> Path:
    """A fresh environment with these installed; returns the folder of its commands."""
    venv.create(folder, with_pip=False)
    install(folder / "bin", *requirements)
    return folder / "bin"


def install(programs: Path, *arguments: str | Path) -> None:
    """Install into an environment that has no pip of its own."""
    pip = [need("build"), "-m", "pip", "--python", str(programs / "python")]
    run_well(*pip, "install", "-q", "--disable-pip-version-check", *arguments, cwd=programs)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run_well(need("build"), "-m", "build", "--no-isolation", "--outdir", folder, TOP, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheel."""
    return environment(tmp_path_factory.mktemp("environment"), wheel)


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the checkout."""
    return environment(tmp_path_factory.mktemp("editable"), "-e", TOP)


def sources(folder: str, pattern: str) -> set[str]:
    """The files of the checkout, as they are called in the package."""
    prefix = "" if folder == "mockllm" else "mockllm/"
    return {
        prefix + path.relative_to(TOP).as_posix()
        for path in (TOP / folder).rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_everything_that_is_needed(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    profiles, shapes = sources("profiles", "*.yaml"), sources("mockllm", "*.yaml")
    assert "mockllm/profiles/stall-mid-stream.yaml" in profiles
    assert "mockllm/shapes/envoy.yaml" in shapes
    info = f"mockllm_server-{__version__}.dist-info"
    licenses = {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"}
    wanted = profiles | shapes | sources("mockllm", "*.py") | {"mockllm/py.typed"} | licenses
    assert wanted <= names, wanted - names
    assert {name.partition("/")[0] for name in names} == {"mockllm", info}


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"mockllm_server-{__version__}.dist-info"
    metadata = archive.read(f"{info}/METADATA").decode()
    assert "\nName: mockllm-server\n" in metadata
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    entry_points = archive.read(f"{info}/entry_points.txt").decode()
    assert "[pytest11]\nmockllm = mockllm.pytest_plugin" in entry_points


def test_the_sdist_has_what_a_build_needs_and_the_tests(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "profiles/default.yaml"}
    wanted |= {"mockllm/entry.py", "tests/test_packaging.py", "Dockerfile"}
    assert wanted <= names, wanted - names


@pytest.mark.parametrize("command", COMMANDS)
def test_both_commands_work_anywhere(installed: Path, tmp_path: Path, command: str) -> None:
    said = run_well(installed / command, "--version", cwd=tmp_path)
    assert __version__ in said
    names = [
        line.split()[0] for line in run_well(installed / command, "list", cwd=tmp_path).splitlines()
    ]
    assert {path.stem for path in (TOP / "profiles").glob("*.yaml")} <= set(names)


def test_an_editable_install_finds_the_profiles(editable: Path, tmp_path: Path) -> None:
    said = run_well(editable / "mockllm", "show", "stall-mid-stream", cwd=tmp_path)
    assert said.startswith(f"# {TOP / 'profiles' / 'stall-mid-stream.yaml'}\n")


def other_wheel(folder: Path) -> Path:
    """A wheel of another distribution that is named mockllm, and whose package is too."""
    info = "mockllm-9.9.dist-info"
    files = {
        "mockllm/__init__.py": b'"""Another package."""\n',
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: mockllm\nVersion: 9.9\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = folder / "mockllm-9.9-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_another_package_of_the_name_installed_over_it_is_refused_in_one_line(
    wheel: Path, tmp_path: Path
) -> None:
    programs = environment(tmp_path / "environment", "--no-deps", wheel)
    install(programs, "--no-deps", "--no-index", other_wheel(tmp_path))
    for command in COMMANDS:
        done = run(programs / command, "list", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
        assert "another package named mockllm (9.9) is installed over this one" in done.stderr
        assert "pip install mockllm-server" in done.stderr
