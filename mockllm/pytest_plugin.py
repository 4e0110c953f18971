"""The pytest plugin: fixtures `mockllm`, `mockllm_server`, `make_mockllm` and `mockllm_profile`, and
the marker `@pytest.mark.mockllm`.

pytest loads this file in every project where mockllm is installed, before coverage is measured. So
it imports nothing but pytest until it is used. All fixtures are plain: they serve sync tests and
those of asyncio, anyio and trio alike.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockllm.api import MockLLM

MARKER = (
    "mockllm(profile, *, seed, speed, strict, may_not_fire, incidents, known): run the test with the "
    "fixture mockllm, which begins with this profile (a name, a path or YAML). Of several markers "
    "the nearest that says something is heard. incidents: run it once for each incident of a "
    "bundle, a category or a list; known: {id: reason} of those that are expected to fail."
)
INI: tuple[tuple[str, str, Any, Any], ...] = (
    ("mockllm_profile", "the profile that the fixture mockllm begins with", "string", "default"),
    ("mockllm_profiles", "folders with profiles of your own", "paths", []),
    ("mockllm_env", "whose clients' variables are set: openai, anthropic, azure", "args", None),
    ("mockllm_strict", "fail tests on unmatched requests and unused answers", "bool", False),
    ("mockllm_autouse", "set the environment before tests are imported, and use the fixture "
     "mockllm in every test", "bool", False),
    ("mockllm_block_providers", "refuse connections to the real providers", "bool", False),
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings of a project, and two of a run."""
    for name, help_text, kind, default in INI:
        parser.addini(name, help_text, kind, default)
    group = parser.getgroup("mockllm")
    group.addoption("--mockllm-profile", metavar="PROFILE", help="instead of mockllm_profile")
    group.addoption(
        "--mockllm-speed",
        metavar="N",
        type=float,
        help="divide all waits, so 10 is ten times as fast",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; with `mockllm_autouse` start the server before tests are imported."""
    config.addinivalue_line("markers", MARKER)
    stack = config.stash[STACK] = ExitStack()
    if config.getini("mockllm_block_providers"):
        from mockllm.providers import fenced

        stack.enter_context(fenced())
    if config.getini("mockllm_autouse") and runs_tests(config):
        try:
            server = stack.enter_context(first_server(config, chosen_profile(config)))
        except Exception as error:
            raise pytest.UsageError(f"mockllm_autouse: {error}") from None
        config.stash[SERVER] = server
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in pointers(config, server).items():
            patch.setenv(name, value)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started, and put the environment back."""
    if STACK in config.stash:
        config.stash[STACK].close()


def runs_tests(config: pytest.Config) -> bool:
    """Whether this process runs tests: xdist's workers do, their controller does not."""
    return hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"


def chosen_profile(config: pytest.Config) -> str:
    """The profile of the project, or of this run; a path in the project's settings starts beside
    them, wherever pytest runs."""
    of_run: str | None = config.getoption("--mockllm-profile")
    if of_run is not None:
        return of_run
    profile: str = config.getini("mockllm_profile")
    beside = (config.inipath.parent if config.inipath else config.rootpath) / profile
    return str(beside) if is_file_name(profile) and beside.is_file() else profile


def first_server(config: pytest.Config, profile: str | Path) -> MockLLM:
    """The server of all tests, not yet started."""
    from mockllm.api import MockLLM

    speed = config.getoption("--mockllm-speed")
    folders = config.getini("mockllm_profiles")
    return MockLLM(profile, profiles=folders, speed=1.0 if speed is None else speed)


def pointers(config: pytest.Config, server: MockLLM) -> dict[str, str]:
    """The variables that point clients to a server."""
    from mockllm.environment import POINTERS, environment

    vendors = config.getini("mockllm_env")
    try:
        return environment(server.client_url, tuple(POINTERS if vendors is None else vendors))
    except ValueError as error:
        raise mistake(str(error), "mockllm_env") from None


# Fixtures


@pytest.fixture(scope="session")
def mockllm_profile(pytestconfig: pytest.Config) -> str | Path:
    """The profile that the fixture mockllm begins with: a name, a path or YAML. Override it, or set
    `mockllm_profile` in pytest's configuration."""
    return chosen_profile(pytestconfig)


@pytest.fixture(scope="session")
def mockllm_server(pytestconfig: pytest.Config, mockllm_profile: str | Path) -> Iterator[MockLLM]:
    """A mock LLM server for all tests, on a free port; one for each worker of xdist.

    It sets no environment and keeps what happened: the fixture mockllm is this same server, as new
    in every test. Override it to set the server up in another way:

        @pytest.fixture(scope="session")
        def mockllm_server():
            with MockLLM(profiles="tests/profiles") as server:
                yield server
    """
    started = pytestconfig.stash.get(SERVER, None)
    if started is not None:
        yield started
        return
    with clear_mistakes("the settings of mockllm"):
        server = first_server(pytestconfig, mockllm_profile)
    with server:
        yield server


@pytest.fixture
def mockllm(
    request: pytest.FixtureRequest, mockllm_server: MockLLM, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MockLLM]:
    """A mock LLM server, as new in every test; the environment variables of OpenAI's, Anthropic's
    and Azure's clients point to it.

    `mockllm.says("Hi")` tells what it answers, `mockllm.fail(503, first=2)`, `.stall("30s")`,
    `.use("NAME")` what goes wrong, `.calls` and `.assert_attempts(3)` what came. The marker
    `@pytest.mark.mockllm("NAME")` chooses the profile that it begins with. A fault that was asked
    for and never acted fails the test.
    """
    server, node = mockllm_server, request.node
    wish = wish_of(node)
    with ExitStack() as stack:
        with clear_mistakes(MARK):
            stack.enter_context(
                server.fresh(
                    wish.profile,
                    seed=wish.seed,
                    speed=wish.speed,
                    may_not_fire=wish.may_not_fire,
                )
            )
        for name, value in pointers(request.config, server).items():
            monkeypatch.setenv(name, value)
        witness = node.stash.setdefault(WITNESS, Witness(strict=wish.strict))
        witness.servers.append(server)
        yield server
        witness.note()
    if not server.running:  # a test may stop it; the next one finds it again
        server.start()


@pytest.fixture
def make_mockllm(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., MockLLM]]:
    """Makes more servers for one test, such as a second upstream: `make_mockllm("flaky")`.

    It takes what `MockLLM` takes, starts the server and stops it after the test. No variable points
    to it, so give its `openai_url` to the client; its host needs no proxy.
    """
    from mockllm.api import MockLLM

    wish = wish_of(request.node)
    witness = request.node.stash.setdefault(WITNESS, Witness(strict=wish.strict))
    with ExitStack() as stack:

        def make(profile: str | Path = "default", **options: Any) -> MockLLM:
            options.setdefault("profiles", request.config.getini("mockllm_profiles"))
            server = stack.enter_context(MockLLM(profile, **options))
            witness.servers.append(server)
            for name in ("NO_PROXY", "no_proxy"):
                monkeypatch.setenv(name, server.environment[name])
            return server

        yield make
        witness.note()


@pytest.fixture(autouse=True)
def _mockllm_of_marker(request: pytest.FixtureRequest) -> None:
    """The marker brings the fixture, before fixtures that may build a client."""
    wanted = request.config.getini("mockllm_autouse")
    if wanted or request.node.get_closest_marker("mockllm") is not None:
        request.getfixturevalue("mockllm")


@pytest.fixture
def _mockllm_incident(request: pytest.FixtureRequest) -> str:
    """The incident of a test that runs once for each."""
    incident: str = request.param
    return incident


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each incident that its marker names."""
    marks = [
        mark for mark in metafunc.definition.iter_markers("mockllm") if "incidents" in mark.kwargs
    ]
    if not marks:
        return
    wanted, known = marks[0].kwargs["incidents"], marks[0].kwargs.get("known", {})
    if not isinstance(known, dict):
        raise collect_error(f"known: expected {{incident: reason}}, got {known!r}")
    folders = tuple(Path(folder) for folder in metafunc.config.getini("mockllm_profiles"))
    names = incident_names(wanted, folders)
    strangers = sorted(set(known) - set(names))
    if strangers:
        raise collect_error(
            f"known: {', '.join(strangers)} is not among the incidents of {wanted!r}"
        )
    metafunc.fixturenames.append("_mockllm_incident")
    metafunc.parametrize(
        "_mockllm_incident",
        [
            pytest.param(name, marks=pytest.mark.xfail(reason=known[name], strict=True))
            if name in known
            else name
            for name in names
        ],
        ids=list(names),
        indirect=True,
    )


def collect_error(message: str) -> Exception:
    """What is told of a marker when tests are collected: the message alone."""
    return pytest.Collector.CollectError(f"{MARK}: {message}")


def incident_names(wanted: Any, folders: tuple[Path, ...]) -> tuple[str, ...]:
    """The incidents of a bundle or a category, or a list of them."""
    if isinstance(wanted, str):
        return incidents_of(wanted, folders)
    if isinstance(wanted, list | tuple) and all(isinstance(one, str) for one in wanted):
        return tuple(wanted)
    raise collect_error(
        f"incidents: expected a bundle, a category or a list of names, got {wanted!r}"
    )


@cache
def incidents_of(wanted: str, folders: tuple[Path, ...]) -> tuple[str, ...]:
    """The incidents of a bundle or a category, read once for all tests that name it."""
    from mockllm.profile.library import Library

    library = Library(folders)
    try:
        found = library.incidents(bundle=wanted)
    except LookupError as error:
        try:
            found = library.incidents(category=wanted)
        except LookupError as other:
            raise collect_error(f"incidents: {error.args[0]}; {other.args[0]}") from None
    return tuple(incident.name for incident in found)


# The marker


class Wish:
    """What the markers of a test say together."""

    # No dataclass, here and below: making one takes longer than all else in this file.
    def __init__(self, *, strict: bool) -> None:
        self.profile: str | Path | None = None
        self.seed: int | None = None
        self.speed: float | None = None
        self.strict = strict
        self.may_not_fire = False


KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "seed": (int, "a whole number"),
    "speed": ((int, float), "a number above 0"),
    "strict": (bool, "True or False"),
    "may_not_fire": (bool, "True or False"),
}
TAKES = (*KINDS, "incidents", "known")


def wish_of(node: pytest.Item) -> Wish:
    """What the markers say; of two that say the same the nearer one is heard."""
    wish = Wish(strict=node.config.getini("mockllm_strict"))
    for marker in reversed(list(node.iter_markers("mockllm"))):
        unknown = [key for key in marker.kwargs if key not in TAKES]
        if unknown:
            raise mistake(f"unknown argument '{unknown[0]}'; expected {', '.join(TAKES)}")
        if len(marker.args) > 1 or not all(isinstance(one, str | Path) for one in marker.args):
            given = ", ".join(repr(value) for value in marker.args)
            raise mistake(f"expected one profile, by name, path or YAML, got {given}")
        if not marker.args and not marker.kwargs:
            raise mistake("expected one profile, by name, path or YAML, got nothing")
        if marker.args:
            wish.profile = found_path(marker.args[0], node)
        for key in KINDS.keys() & marker.kwargs.keys():
            value, (kind, words) = marker.kwargs[key], KINDS[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise mistake(f"{key}: expected {words}, got {value!r}")
            setattr(wish, key, value)
    callspec = getattr(node, "callspec", None)
    incident = callspec.params.get("_mockllm_incident") if callspec is not None else None
    if incident is not None:
        wish.profile = incident
    return wish


def found_path(profile: str | Path, node: pytest.Item) -> str | Path:
    """A relative path starts beside the test's file, if there is such a file."""
    if isinstance(profile, Path) or is_file_name(profile):
        beside = node.path.parent / profile
        return beside if beside.is_file() else Path(profile)
    return profile


def is_file_name(profile: str) -> bool:
    """Whether a text names a file, and is no profile itself."""
    return "\n" not in profile and profile.endswith((".yaml", ".yml"))


@contextmanager
def clear_mistakes(where: str) -> Iterator[None]:
    """Bad profiles fail the test with their message alone, without a traceback."""
    from mockllm.profile.library import UnknownProfile
    from mockllm.profile.problems import ProfileError

    try:
        yield
    except (UnknownProfile, ProfileError, OSError, ValueError) as error:
        raise mistake(str(error), where) from None


MARK = "@pytest.mark.mockllm"


def mistake(message: str, where: str = MARK) -> BaseException:
    """What fails a test whose marker or setting is wrong: the message alone, no traceback."""
    return pytest.fail.Exception(f"{where}: {message}", pytrace=False)


# The report


class Witness:
    """Tells what happened in one test, also when its servers are another test's by then."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.servers: list[MockLLM] = []
        self.noted: str | None = None
        self.told = False

    def note(self) -> None:
        """Write down what happened so far; nothing after this is the test's."""
        self.noted = self.tell()

    def tell(self) -> str:
        """What happened."""
        if self.noted is not None:
            return self.noted
        return "\n".join(server.report() for server in self.servers)

    def check(self) -> None:
        """Fail if a fault that was asked for never acted, or if the strict mode finds something."""
        try:
            for server in self.servers:
                server.assert_fired()
                if self.strict:
                    server.assert_used()
        except AssertionError as error:
            # No line of the test did it, so there is nothing to show but the message.
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    def counts(self) -> dict[str, int]:
        """How much happened."""
        calls = [call for server in self.servers for call in server.calls]
        return {
            "mockllm_calls": len(calls),
            "mockllm_attempts_after_first": sum(call.attempt > 1 for call in calls),
            "mockllm_faults_fired": sum(len(call.fired) for call in calls),
        }


STACK = pytest.StashKey[ExitStack]()
SERVER = pytest.StashKey["MockLLM"]()
WITNESS = pytest.StashKey[Witness]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget what an earlier run of the same test saw, where a plugin runs it again."""
    if WITNESS in item.stash:
        del item.stash[WITNESS]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a test that has passed: did what it asked for happen? Its counts go to JUnit XML."""
    __tracebackhide__ = True
    try:
        result = yield
        witness = item.stash.get(WITNESS, None)
        if witness is not None:
            witness.check()
        return result
    finally:
        witness = item.stash.get(WITNESS, None)
        if witness is not None:
            item.user_properties += list(witness.counts().items())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the calls of a test that fails."""
    report = yield
    witness = item.stash.get(WITNESS, None)
    if report.failed and witness is not None and not (witness.told and report.when == "teardown"):
        witness.told = True
        # On the report and not on the item: only now it is known that the test has failed.
        report.sections.append(("mockllm", witness.tell()))
    return report
