"""The pytest plugin: fixtures `mockllm` and `mockllm_server`, marker `@pytest.mark.mockllm`.

pytest loads this file in every project where mockllm is installed, before coverage is measured. So
it imports nothing but pytest until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mockllm.api import MockLLM


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for `--strict-markers` and `pytest --markers`."""
    config.addinivalue_line(
        "markers",
        "mockllm(profile): run the test with the fixture mockllm, which begins with this profile "
        "(a name, a path or YAML).",
    )


@pytest.fixture(scope="session")
def mockllm_server() -> Iterator[MockLLM]:
    """A mock LLM server for all tests, on a free port; one for each worker of xdist.

    It sets no environment and keeps what happened: the fixture mockllm is this same server, as new
    in every test. Override it to set the server up in another way, for example with your profiles:

        @pytest.fixture(scope="session")
        def mockllm_server():
            with MockLLM(profiles="tests/profiles") as server:
                yield server
    """
    from mockllm.api import MockLLM

    with MockLLM() as server:
        yield server


@pytest.fixture
def mockllm(
    request: pytest.FixtureRequest, mockllm_server: MockLLM, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MockLLM]:
    """A mock LLM server, as new in every test; OpenAI's environment variables point to it.

    `mockllm.use("NAME")`, `.fail(503, first=2)` and `.add({…})` make it fail; `.calls` and
    `.assert_attempts(3)` tell what came; `.url` and `.openai_url` tell where it is. The marker
    `@pytest.mark.mockllm("NAME")` chooses the profile that it begins with.
    """
    from mockllm.profile.library import UnknownProfile
    from mockllm.profile.problems import ProfileError

    server, node = mockllm_server, request.node
    profile = marked_profile(node)
    with ExitStack() as stack:
        try:
            stack.enter_context(server.fresh(profile))
        except (UnknownProfile, ProfileError, OSError) as error:
            raise mistake(str(error)) from None
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        witness = node.stash[WITNESS] = Witness(server)
        yield server
        witness.note()
    if not server.running:  # a test may stop it; the next one finds it again
        server.start()


@pytest.fixture(autouse=True)
def _mockllm_of_marker(request: pytest.FixtureRequest) -> None:
    """The marker brings the fixture, before fixtures that may build a client."""
    if request.node.get_closest_marker("mockllm") is not None:
        request.getfixturevalue("mockllm")


def marked_profile(node: pytest.Item) -> str | Path | None:
    """The profile of the nearest marker; None without a marker."""
    marker = node.get_closest_marker("mockllm")
    if marker is None:
        return None
    for key in marker.kwargs:
        raise mistake(f"unknown argument '{key}'; the marker takes one profile and nothing else")
    if len(marker.args) != 1 or not isinstance(marker.args[0], str | Path):
        given = ", ".join(repr(value) for value in marker.args) or "nothing"
        raise mistake(f"expected one profile, by name, path or YAML, got {given}")
    profile: str | Path = marker.args[0]
    return profile


def mistake(message: str) -> BaseException:
    """What fails a test whose marker is wrong: the message alone, without a traceback."""
    return pytest.fail.Exception(f"@pytest.mark.mockllm: {message}", pytrace=False)


@dataclass
class Witness:
    """Tells what happened in one test, also when its server is another test's by then."""

    server: MockLLM
    noted: str | None = None
    told: bool = False

    def note(self) -> None:
        """Write down what happened so far; nothing after this is the test's."""
        self.noted = self.tell()

    def tell(self) -> str:
        """What happened."""
        if self.noted is not None:
            return self.noted
        return self.server.report() if self.server.running else "The test has stopped the server."


WITNESS = pytest.StashKey[Witness]()


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
