"""The pytest plugin, seen from outside: small test suites that pytest runs with it.

The plugin comes in through its entry point, as it does for users.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import openai
import pytest
import trio

from mockllm import MockLLM

GUARD = 60.0
"""Seconds after which a run that hangs is given up; never waited for in a test that passes."""

CHAT = '''
import json, os, socket, threading
from contextlib import contextmanager

import openai
import pytest

def chat(**more):
    """A chat through the environment alone; returns the text."""
    with openai.OpenAI(**{"max_retries": 0, **more}) as client:
        with client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hi"}], stream=True
        ) as stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

def status(**more):
    """200, or the status of the error."""
    try:
        chat(**more)
    except openai.APIStatusError as error:
        return error.status_code
    return 200

def stalled(server):
    """A connection with a stream that has begun."""
    host, port = server.url.removeprefix("http://").split(":")
    sock = socket.create_connection((host, int(port)), 20)
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]})
    sock.sendall(
        f"POST /v1/chat/completions HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}"
        .encode()
    )
    assert sock.recv(1)
    return sock
'''


@pytest.fixture(autouse=True, scope="module")
def libraries() -> None:
    """All that the runs use, imported already.

    pytester forgets what a run inside this process imports. It would be imported again in each, and
    OpenAI's SDK, which imports some of itself late, would have classes twice.
    """

    async def ask(server: MockLLM) -> None:
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key="any") as client:
            await client.models.list()

    with MockLLM() as server:
        asyncio.run(ask(server))
        trio.run(ask, server)
        with openai.OpenAI(base_url=server.openai_url, api_key="any") as client:
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "Hi"}], stream=True
            ).close()
        server.stop()
        with (
            openai.OpenAI(base_url="http://127.0.0.1:9", api_key="any", max_retries=0) as client,
            pytest.raises(openai.APIConnectionError),
        ):
            client.models.list()


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project as strict as can be, on a machine with a real key and a proxy."""
    pytester.makeini(
        """
        [pytest]
        addopts = --strict-markers --strict-config -p no:cacheprovider -p no:hypothesispytest
        filterwarnings = error
        """
    )
    pytester.makepyfile(talk=CHAT)
    monkeypatch.setenv("OPENAI_API_KEY", "a-real-key")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://real.example/v1")
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    monkeypatch.setenv("NO_PROXY", "intra.example")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")


def run(pytester: pytest.Pytester, source: str, *args: str) -> pytest.RunResult:
    """Run one test file."""
    pytester.makepyfile(test_it=source)
    return pytester.runpytest_inprocess(*args)


# The environment


def test_environment(pytester: pytest.Pytester) -> None:
    """OpenAI's variables point to the server during the test, and are as before after it."""
    result = run(
        pytester,
        """
        import os

        NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "NO_PROXY", "no_proxy")

        def test_during(mockllm):
            assert mockllm.url.startswith("http://127.0.0.1:")
            assert [os.environ.get(name) for name in NAMES] == [
                "mockllm-not-a-key",
                mockllm.openai_url,
                mockllm.openai_url,
                "intra.example,127.0.0.1",
                "intra.example,127.0.0.1",
            ]

        def test_after():
            assert [os.environ.get(name) for name in NAMES] == [
                "a-real-key", "https://real.example/v1", None, "intra.example", None
            ]
        """,
    )
    result.assert_outcomes(passed=2)


def test_the_sdk_needs_nothing_but_the_environment(pytester: pytest.Pytester) -> None:
    """OpenAI's SDK, made without arguments, talks to the server: past a proxy, with a retry."""
    result = run(
        pytester,
        """
        from talk import chat

        def test_it(mockllm):
            mockllm.fail(503, first=1, headers={"retry-after-ms": "1"})
            assert chat(max_retries=2).endswith("until the very end.")
            mockllm.assert_attempts(2)
            assert mockllm.calls[0].headers["authorization"] != "Bearer a-real-key"
        """,
    )
    result.assert_outcomes(passed=1)


# One server for many tests


def test_each_test_begins_anew(pytester: pytest.Pytester) -> None:
    """All tests have one server; profile, faults, counts and calls of one do not reach the next."""
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        URLS = set()

        @pytest.mark.parametrize("number", range(3))
        def test_it(mockllm, mockllm_server, number):
            assert mockllm is mockllm_server
            URLS.add(mockllm.url)
            assert len(URLS) == 1
            assert mockllm.calls == ()
            assert status() == 200
            mockllm.use("overloaded")
            mockllm.fail(500, first=1)
            assert [status(), status()] == [500, 503]
            mockllm.assert_attempts(3)
        """,
    )
    result.assert_outcomes(passed=3)


def test_a_reset_within_a_test(pytester: pytest.Pytester) -> None:
    """A reset goes back to where the test began, which is the marker's profile."""
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        @pytest.mark.mockllm("overloaded")
        def test_it(mockllm):
            mockllm.use("default")
            assert status() == 200
            mockllm.clear()
            assert status() == 503
            mockllm.assert_attempts(1)
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_stopped_server_comes_back(pytester: pytest.Pytester) -> None:
    """A test may stop the server; the next one has it again, at the same place."""
    result = run(
        pytester,
        """
        import openai
        import pytest
        from talk import status

        URLS = []

        def test_down(mockllm):
            URLS.append(mockllm.url)
            mockllm.stop()
            with pytest.raises(openai.APIConnectionError):
                status()

        def test_up(mockllm):
            assert [mockllm.url] == URLS
            assert status() == 200
        """,
    )
    result.assert_outcomes(passed=2)


def test_a_server_of_ones_own(pytester: pytest.Pytester) -> None:
    """A project that overrides mockllm_server has its own folders of profiles."""
    pytester.mkdir("profiles").joinpath("mine.yaml").write_text("mockllm: 1\nfaults: [{fail: 501}]")
    pytester.makeconftest(
        """
        import pytest
        from mockllm import MockLLM

        @pytest.fixture(scope="session")
        def mockllm_server():
            with MockLLM(profiles="profiles") as server:
                yield server
        """
    )
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        @pytest.mark.mockllm("mine")
        def test_it():
            assert status() == 501
        """,
    )
    result.assert_outcomes(passed=1)


def test_held_streams_do_not_delay_the_end(pytester: pytest.Pytester) -> None:
    """Streams that hang, and threads that wait for them, end with the test, whichever way."""
    pytester.makepyfile(
        test_it="""
        import threading
        import pytest
        from talk import stalled

        THREADS = []

        def wait(sock):
            with sock:
                while sock.recv(65536):
                    pass

        @pytest.fixture
        def waiting(mockllm):
            mockllm.use("stall-mid-stream")
            threads = [threading.Thread(target=wait, args=(stalled(mockllm),)) for _ in range(3)]
            for thread in threads:
                thread.start()
            THREADS.extend(threads)

        def test_one(waiting):
            assert [thread.is_alive() for thread in THREADS] == [True] * 3

        def test_next(mockllm):
            for thread in THREADS:
                thread.join()

        def test_reset(mockllm, waiting):
            mockllm.clear()
            for thread in THREADS:
                thread.join()

        def test_last(waiting):
            pass
        """
    )
    result = pytester.runpytest_subprocess(timeout=GUARD)
    result.assert_outcomes(passed=4)


# The marker


def test_marker(pytester: pytest.Pytester) -> None:
    """A profile by name, path or YAML; the marker alone suffices."""
    Path("mine.yaml").write_text("mockllm: 1\nfaults: [{fail: 501}]")
    result = run(
        pytester,
        """
        from pathlib import Path
        import pytest
        from talk import status

        @pytest.mark.mockllm("overloaded")
        def test_name(mockllm):
            assert status() == 503

        @pytest.mark.mockllm("./mine.yaml")
        def test_path():
            assert status() == 501

        @pytest.mark.mockllm(Path("mine.yaml"))
        def test_path_object():
            assert status() == 501

        @pytest.mark.mockllm('''
            mockllm: 1
            faults: [{fail: 418}]
        ''')
        def test_yaml():
            assert status() == 418

        def test_none(mockllm):
            assert status() == 200
        """,
    )
    result.assert_outcomes(passed=5)


def test_the_nearest_marker_wins(pytester: pytest.Pytester) -> None:
    """The test's marker before the class's, the class's before the module's."""
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        def fail(code):
            return pytest.mark.mockllm(f"{{mockllm: 1, faults: [{{fail: {code}}}]}}")

        pytestmark = fail(501)

        def test_module():
            assert status() == 501

        @fail(502)
        class TestClass:
            def test_class(self):
                assert status() == 502

            @fail(503)
            def test_test(self):
                assert status() == 503

            @pytest.mark.parametrize("code", [pytest.param(504, marks=fail(504))])
            def test_parameter(self, code):
                assert status() == code
        """,
    )
    result.assert_outcomes(passed=4)


def test_the_marker_comes_before_other_fixtures(pytester: pytest.Pytester) -> None:
    """A client that another fixture builds has the environment already."""
    result = run(
        pytester,
        """
        import openai
        import pytest

        @pytest.fixture
        def client():
            with openai.OpenAI() as client:
                yield client

        @pytest.mark.mockllm("default")
        def test_it(client):
            assert str(client.base_url).startswith("http://127.0.0.1:")
        """,
    )
    result.assert_outcomes(passed=1)


def test_the_marker_is_known(pytester: pytest.Pytester) -> None:
    """`pytest --markers` and `pytest --fixtures` tell what there is."""
    markers = run(pytester, "", "--markers").stdout.str()
    assert "@pytest.mark.mockllm(profile): run the test with the fixture mockllm" in markers
    fixtures = run(pytester, "", "--fixtures").stdout
    fixtures.fnmatch_lines(
        [
            "mockllm_server [[]session scope[]] -- *",
            "    A mock LLM server for all tests*",
            "mockllm -- *",
            "    A mock LLM server, as new in every test*",
        ]
    )


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("'flakey'", "there is no profile named 'flakey'; did you mean flaky*"),
        ("'no/such.yaml'", "*No such file or directory: 'no/such.yaml'"),
        ("'faults: [{fail: 503}]'", "inline:1:1: expected the key 'mockllm', got nothing"),
        (
            r"'mockllm: 1\nfaults:\n  - {stall: 30}'",
            "inline:3:13: faults[[]0[]].stall: expected *",
        ),
        ("", "expected one profile, by name, path or YAML, got nothing"),
        ("'a', 'b'", "expected one profile, by name, path or YAML, got 'a', 'b'"),
        ("503", "expected one profile, by name, path or YAML, got 503"),
        (
            "'default', seed=7",
            "unknown argument 'seed'; the marker takes one profile and nothing else",
        ),
    ],
)
def test_a_marker_that_is_wrong(pytester: pytest.Pytester, marker: str, message: str) -> None:
    """A mistake fails that test alone, with what is wrong and without our code."""
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.mockllm({marker})
        def test_wrong(mockllm):
            pass

        def test_right(mockllm):
            mockllm.assert_attempts(0)
        """,
    )
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.mockllm: {message}"])
    result.stdout.no_fnmatch_line("*mockllm/*.py*")
    result.stdout.no_fnmatch_line("*During handling*")


def test_a_mistake_in_a_test(pytester: pytest.Pytester) -> None:
    """What a test does wrong with the fixture is shown at its own line, without our code."""
    result = run(
        pytester,
        """
        def test_use(mockllm):
            mockllm.use("flakey")

        def test_add(mockllm):
            mockllm.add({"fial": 503})

        def test_attempts(mockllm):
            mockllm.assert_attempts(3)

        def test_stopped(mockllm):
            mockllm.stop()
            mockllm.url
        """,
    )
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            ">*mockllm.use(*",
            "E *UnknownProfile: there is no profile named 'flakey'; did you mean flaky*",
            ">*mockllm.add(*",
            "E *ValueError: {'fial': 503}: expected a fault *; did you mean 'fail'?",
            ">*mockllm.assert_attempts(*",
            "E *AssertionError: expected 3 attempts, got 0; no client called http://127.0.0.1:*",
            ">*mockllm.url",
            "E *RuntimeError: this server is not running; *",
        ]
    )
    result.stdout.no_fnmatch_line("*mockllm/*.py*")


# What a failed test shows

REPORT = "*- mockllm -*"


def test_report(pytester: pytest.Pytester) -> None:
    """A failed test shows its calls, one in a line: what came, went out, fired and did not."""
    result = run(
        pytester,
        """
        from talk import status

        def test_before(mockllm):
            assert status() == 200

        def test_it(mockllm):
            mockllm.fail(503, first=1)
            mockllm.add({"close": "fin", "at": "after content 99"})
            status(), status()
            assert status(base_url=mockllm.url + "/v2") == 200
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    missing = "did not fire: close: fin (*)"
    spent = "did not fire: fail: 503 (call 2 of the session, first: 1)"
    result.stdout.fnmatch_lines(
        [
            REPORT,
            "profile default at http://127.0.0.1:*",
            f"  #1 POST /v1/chat/completions -> 503, done; fired: fail: 503; {missing}",
            f"  #2 POST /v1/chat/completions -> 200, done; {missing}; {spent}",
            "  #3 POST /v2/chat/completions -> 404, done; refused: Invalid URL *",
        ]
    )
    assert result.stdout.str().count("- mockllm -") == 1


def test_no_report_without_failure(pytester: pytest.Pytester) -> None:
    """Tests that pass or skip, or do not use the server, show nothing."""
    result = run(
        pytester,
        """
        import pytest

        def test_pass(mockllm):
            print("something")

        def test_skip(mockllm):
            pytest.skip()

        def test_other():
            assert False
        """,
        "-rA",
    )
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["something"])
    result.stdout.no_fnmatch_line(REPORT)


def test_report_of_other_phases(pytester: pytest.Pytester) -> None:
    """A fixture that fails shows the calls too, also when the server is as new by then."""
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        @pytest.fixture
        def early(mockllm):
            status()
            assert False

        @pytest.fixture
        def late():
            yield
            assert False

        def test_early(early):
            pass

        def test_late(late, mockllm):
            status(), status()
        """,
    )
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_early*",
            REPORT,
            "  #1 POST * -> 200, done",
            "*ERROR at teardown of test_late*",
            REPORT,
            "  #2 POST * -> 200, done",
        ]
    )


def test_report_is_given_once(pytester: pytest.Pytester) -> None:
    """A test that fails, and whose fixture fails after it, has one report."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.fixture
        def late():
            yield
            assert False

        def test_it(late, mockllm):
            assert False
        """,
    )
    result.assert_outcomes(failed=1, errors=1)
    assert result.stdout.str().count("- mockllm -") == 1


def test_report_of_a_stopped_server(pytester: pytest.Pytester) -> None:
    """A test that stopped the server and failed is reported all the same."""
    result = run(pytester, "def test_it(mockllm):\n    mockllm.stop()\n    assert False")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([REPORT, "The test has stopped the server."])


# Everywhere


def test_nothing_is_imported_until_used(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project that has mockllm installed and does not use it pays for one small module."""
    pytester.makepyfile(
        test_it="""
        import sys

        def test_it():
            ours = sorted(name for name in sys.modules if name.startswith("mockllm"))
            assert ours == ["mockllm", "mockllm.pytest_plugin"]
            assert not {"aiohttp", "pydantic", "yaml", "faker", "click"} & set(sys.modules)
        """
    )
    # Without the plugins of others, which import what they like.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = pytester.runpytest_subprocess("-p", "mockllm.pytest_plugin", timeout=GUARD)
    result.assert_outcomes(passed=1)


def test_xdist(pytester: pytest.Pytester) -> None:
    """Each worker has a server of its own."""
    pytester.makepyfile(
        test_it="""
        import os
        import pytest
        from talk import status

        @pytest.mark.parametrize("number", range(8))
        def test_it(mockllm, number):
            mockllm.fail(503, first=1)
            assert [status(), status()] == [503, 200]
            mockllm.assert_attempts(2)
            with open(f"{os.environ['PYTEST_XDIST_WORKER']}.urls", "a") as file:
                print(mockllm.url, file=file)

        def test_fails(mockllm):
            assert status() == 503
        """
    )
    result = pytester.runpytest_subprocess("-n", "2", timeout=GUARD)
    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines([REPORT, "  #1 POST /v1/chat/completions -> 200, done"])
    urls = [set(path.read_text().split()) for path in pytester.path.glob("*.urls")]
    assert sum(len(one) for one in urls) == len(urls) == len(set.union(*urls))


def test_unittest(pytester: pytest.Pytester) -> None:
    """Classes of unittest use the fixture and the marker."""
    result = run(
        pytester,
        """
        import unittest
        import pytest
        from talk import status

        class TestStored(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def store(self, mockllm):
                self.mockllm = mockllm

            def test_it(self):
                self.mockllm.fail(503)
                assert status() == 503
                self.mockllm.assert_attempts(1)

            @pytest.mark.mockllm("overloaded")
            def test_marker(self):
                assert status() == 503

        @pytest.mark.usefixtures("mockllm")
        class TestUsed(unittest.TestCase):
            def setUp(self):
                assert status() == 200

            def test_it(self):
                assert status() == 200

            def test_fails(self):
                assert status() == 503

        @pytest.mark.mockllm("overloaded")
        class TestMarked(unittest.IsolatedAsyncioTestCase):
            async def test_it(self):
                assert status() == 503
        """,
    )
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines([REPORT, "  #2 POST /v1/chat/completions -> 200, done"])


def test_async(pytester: pytest.Pytester) -> None:
    """Tests in asyncio and trio use the same fixture, whoever runs their loop."""
    result = run(
        pytester,
        """
        import asyncio
        import openai
        import pytest
        import trio

        async def ask(mockllm):
            mockllm.fail(503, first=1)
            async with openai.AsyncOpenAI(max_retries=0) as client:
                with pytest.raises(openai.InternalServerError):
                    await client.models.list()
                assert [model.id async for model in client.models.list()]
            mockllm.assert_attempts(2)

        def test_asyncio(mockllm):
            asyncio.run(ask(mockllm))

        def test_trio(mockllm):
            trio.run(ask, mockllm)

        @pytest.mark.anyio
        async def test_anyio(mockllm, anyio_backend):
            await ask(mockllm)
        """,
    )
    result.assert_outcomes(passed=4)
