"""The pytest plugin, seen from outside: small test suites that pytest runs with it.

The plugin comes in through its entry point, as it does for users.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from xml.etree import ElementTree

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
    assert "@pytest.mark.mockllm(profile, *, seed, speed, strict, may_not_fire, " in markers
    fixtures = run(pytester, "", "--fixtures").stdout
    fixtures.fnmatch_lines(
        [
            "mockllm_profile [[]session scope[]] -- *",
            "mockllm_server [[]session scope[]] -- *",
            "    A mock LLM server for all tests*",
            "mockllm -- *",
            "    A mock LLM server, as new in every test*",
            "make_mockllm -- *",
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
        ("'default', sede=7", "unknown argument 'sede'; expected seed, speed, strict, *"),
        ("'default', seed='7'", "seed: expected a whole number, got '7'"),
        ("'default', seed=True", "seed: expected a whole number, got True"),
        ("'default', speed='10'", "speed: expected a number above 0, got '10'"),
        ("'default', speed=0", "speed: expected a number above 0, got 0"),
        ("'default', strict='no'", "strict: expected True or False, got 'no'"),
        ("may_not_fire=1", "may_not_fire: expected True or False, got 1"),
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
            "E *ValueError: mockllm.add({'fial': 503}): expected a fault *; did you mean 'fail'?",
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
    """A failed test shows its calls: what came, what was sent and when, what fired and did not."""
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
    result.stdout.fnmatch_lines(
        [
            REPORT,
            "profile default at http://127.0.0.1:*",
            "#1 at *  POST /v1/chat/completions m stream  -> 503, done",
            "   0.000 request · 0.000 head 503 <- fail: 503 at request *",
            "   did not fire: close: fin at after content 99 (*)",
            "#2 at *  POST /v1/chat/completions m stream  -> 200, done",
            "   0.000 request · 0.000 head 200 · 0.000 role · 0.000 60 content *",
            "   did not fire: fail: 503 at request (call 2 of the session, first: 1); *",
            "#3 at *  POST /v2/chat/completions*  -> 404, done",
            "   refused: Invalid URL (POST /v2/chat/completions)*",
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
            "#1 at * POST * -> 200, done",
            "*ERROR at teardown of test_late*",
            REPORT,
            "#2 at * POST * -> 200, done",
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
    """A test that stopped the server and failed still shows its calls."""
    result = run(
        pytester,
        """
        from talk import status

        def test_it(mockllm):
            status()
            mockllm.stop()
            assert False
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([REPORT, "profile default at *", "#1 at * -> 200, done"])


# Faults that were asked for


UNFIRED = "a fault was asked for and never fired, so this test proves nothing about it:"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("mockllm.fail(503, first=1)", "mockllm.fail(503, first=1) never fired: no call reached *"),
        ("mockllm.add({'close': 'rst'})", "mockllm.add({'close': 'rst'}) never fired: no call *"),
        ("mockllm.use('overloaded')", "mockllm.use('overloaded') never fired: no call reached *"),
        ("mockllm.profile('faults: [reset]\\nmockllm: 1')", "mockllm.profile('inline') never *"),
        ("mockllm.on(model='x').cut()", "mockllm.on(model='x').cut() never fired: no call *"),
        (
            "mockllm.reset(after_content=99); status()",
            "*reset(after_content=99) never fired: *60 *",
        ),
        ("mockllm.fail(500, nth=3); status()", "*: call 1 of the session, nth: [[]3[]] (#1)"),
    ],
)
def test_a_fault_that_never_acted(pytester: pytest.Pytester, asked: str, told: str) -> None:
    """It fails the test, with what was written and why it did not act, and without our code."""
    result = run(pytester, f"from talk import status\n\ndef test_it(mockllm):\n    {asked}\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([UNFIRED, f"  {told}", "Send a call that reaches it, *"])
    result.stdout.no_fnmatch_line("*mockllm/*.py*")


def test_the_fault_of_a_marker_that_never_acted(pytester: pytest.Pytester) -> None:
    """A profile that a marker names has to act; one that a setting names need not."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.mockllm("overloaded")
        def test_unfired():
            pass

        @pytest.mark.mockllm("overloaded", may_not_fire=True)
        def test_allowed():
            pass

        @pytest.mark.mockllm("default")
        def test_nothing_to_fire():
            pass

        def test_setting(mockllm):
            pass
        """,
        "--mockllm-profile=overloaded",
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([UNFIRED, "  profile overloaded never fired: no call *"])


def test_what_is_not_judged(pytester: pytest.Pytester) -> None:
    """Whoever says so, acts, clears, skips or fails as expected is not told of faults."""
    result = run(
        pytester,
        """
        import unittest
        import pytest
        from talk import status

        def test_may(mockllm):
            mockllm.fail(503, may_not_fire=True)
            mockllm.use("overloaded", may_not_fire=True)

        def test_acted(mockllm):
            mockllm.fail(503, first=1)
            assert [status(), status()] == [503, 200]

        def test_one_of_several_acted(mockllm):
            mockllm.profile("{mockllm: 1, faults: [{fail: 503, nth: 9}, {fail: 418}]}")
            assert status() == 418

        def test_cleared(mockllm):
            mockllm.fail(503)
            mockllm.clear()

        def test_skipped(mockllm):
            mockllm.fail(503)
            pytest.skip()

        @pytest.mark.xfail(strict=True)
        def test_expected(mockllm):
            mockllm.fail(503)
            assert False

        class TestStored(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def store(self, mockllm):
                self.mockllm = mockllm

            def test_skipped(self):
                self.mockllm.fail(503)
                self.skipTest("so")

            @unittest.expectedFailure
            def test_expected(self):
                self.mockllm.fail(503)
                assert False
        """,
    )
    result.assert_outcomes(passed=4, skipped=2, xfailed=2)


def failures(result: pytest.RunResult) -> str:
    """What pytest prints before its summary, which has whole messages where CI is set."""
    return str(result.stdout).partition("short test summary info")[0]


def test_a_failing_test_shows_its_own_failure(pytester: pytest.Pytester) -> None:
    """What a test itself found wrong comes before what it asked for, in unittest too."""
    result = run(
        pytester,
        """
        import unittest
        import pytest

        def test_plain(mockllm):
            mockllm.fail(503)
            assert 1 == 2

        @pytest.mark.usefixtures("mockllm")
        class TestStored(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def store(self, mockllm):
                self.mockllm = mockllm

            def test_it(self):
                self.mockllm.fail(503)
                assert 3 == 4

            def test_unfired(self):
                self.mockllm.fail(503)
        """,
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["E *assert 1 == 2", "E *assert 3 == 4", UNFIRED])
    assert failures(result).count(UNFIRED) == 1


# The marker's arguments


def test_markers_stack_by_argument(pytester: pytest.Pytester) -> None:
    """Module, class and test each say a part; of two that say the same the nearest is heard."""
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        pytestmark = pytest.mark.mockllm("overloaded", seed=1, speed=2.0)

        def conditions(mockllm):
            found = mockllm._settings.conditions
            engine = mockllm._read(lambda service: service.engine.conditions)
            return engine.seed, engine.speed

        def test_module(mockllm):
            assert status() == 503
            assert conditions(mockllm) == (1, 2.0)

        @pytest.mark.mockllm(seed=2, may_not_fire=True)
        class TestClass:
            def test_class(self, mockllm):
                assert conditions(mockllm) == (2, 2.0)

            @pytest.mark.mockllm("default", speed=3)
            def test_test(self, mockllm):
                assert status() == 200
                assert conditions(mockllm) == (2, 3)
        """,
    )
    result.assert_outcomes(passed=3)


def test_seed_and_speed_are_those_of_one_test(pytester: pytest.Pytester) -> None:
    """The next test has those of the run again."""
    result = run(
        pytester,
        """
        import pytest

        def conditions(mockllm):
            engine = mockllm._read(lambda service: service.engine.conditions)
            return engine.seed, engine.speed

        @pytest.mark.mockllm(seed=5, speed=100)
        def test_own(mockllm):
            assert conditions(mockllm) == (5, 100)

        def test_next(mockllm):
            assert conditions(mockllm) == (None, 4.0)
        """,
        "--mockllm-speed=4",
    )
    result.assert_outcomes(passed=2)


STRICT = """
    import pytest
    from talk import status

    strict = pytest.mark.mockllm("{mockllm: 1, routes: [{name: a, match: {model: a}}]}" MORE)

    @strict
    def test_stray():
        assert status() == 200

    @strict
    def test_unused(mockllm):
        mockllm.on(model="m").says("one", "two")
        assert status() == 200

    @strict
    def test_used(mockllm):
        mockllm.says("one")
        assert status() == 200
"""


def test_strict(pytester: pytest.Pytester) -> None:
    """Calls that no route took and answers that no call got fail a test that is strict."""
    result = run(pytester, STRICT.replace("MORE", ", strict=True"))
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "calls came that nothing was said about:",
            "  #1 POST /v1/chat/completions: a: *",
            "answers were never asked for:",
            "  on(model='m').says: turn 1 was the last that came, of 2",
        ]
    )


def test_strict_for_all(pytester: pytest.Pytester) -> None:
    """A project may be strict as a whole; nobody is without a word."""
    run(pytester, STRICT.replace("MORE", "")).assert_outcomes(passed=3)
    result = run(pytester, STRICT.replace("MORE", ""), "-o", "mockllm_strict=true")
    result.assert_outcomes(passed=1, failed=2)
    relaxed = STRICT.replace("MORE", ", strict=False")
    run(pytester, relaxed, "-o", "mockllm_strict=true").assert_outcomes(passed=3)


def test_a_path_starts_beside_the_file(pytester: pytest.Pytester) -> None:
    """A relative path is looked for beside the test's file first, then where pytest runs."""
    folder = pytester.mkpydir("below")
    (folder / "mine.yaml").write_text("mockllm: 1\nfaults: [{fail: 501}]")
    Path("mine.yaml").write_text("mockllm: 1\nfaults: [{fail: 502}]")
    Path("here.yaml").write_text("mockllm: 1\nfaults: [{fail: 503}]")
    (folder / "test_below.py").write_text(
        "import pytest\n"
        "from talk import status\n"
        "@pytest.mark.mockllm('mine.yaml')\n"
        "def test_beside(): assert status() == 501\n"
        "@pytest.mark.mockllm('here.yaml')\n"
        "def test_here(): assert status() == 503\n"
    )
    pytester.runpytest_inprocess("below").assert_outcomes(passed=2)


# Incidents

INCIDENT = """
mockllm: 1
about: {about}
cite: https://example.org/1
bundles: [mine-2026.11]
faults: [{{fail: {{status: {status}}}, first: 1}}]
expect: {{client: {{error: typed}}}}
"""


@pytest.fixture
def incidents(pytester: pytest.Pytester) -> None:
    """A folder with three incidents."""
    folder = pytester.mkdir("own") / "incidents" / "grumpy"
    folder.mkdir(parents=True)
    for name, status in (("one", 501), ("two", 502), ("three", 503)):
        text = INCIDENT.format(about=f"{name}.", status=status)
        (folder / f"{name}.yaml").write_text(text)


OWN = ("-o", "mockllm_profiles=own", "-v")


@pytest.mark.parametrize("wanted", ["'mine'", "'mine-2026.11'", "'grumpy'"])
@pytest.mark.usefixtures("incidents")
def test_incidents(pytester: pytest.Pytester, wanted: str) -> None:
    """A bundle or a category is a test for each incident, under its id."""
    result = run(
        pytester,
        f"""
        import pytest
        from talk import chat

        @pytest.mark.mockllm(incidents={wanted})
        def test_it(mockllm):
            with mockllm.outcome() as got:
                got.text = chat()
            mockllm.assert_expected()
        """,
        *OWN,
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [f"test_it.py::test_it[[]{name}[]] PASSED*" for name in ("one", "three", "two")]
    )


@pytest.mark.usefixtures("incidents")
def test_known_incidents(pytester: pytest.Pytester) -> None:
    """Known ones are expected to fail, and say so when they do not; others fail as usual."""
    result = run(
        pytester,
        """
        import pytest
        from talk import status

        @pytest.mark.mockllm(incidents=["one", "two", "three"], known={"two": "so", "three": "no"})
        @pytest.mark.parametrize("twice", ["x"])
        def test_it(mockllm, twice):
            assert status() in (501, 503)
        """,
        *OWN,
    )
    result.assert_outcomes(passed=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)* no"])


@pytest.mark.usefixtures("incidents")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("incidents='corr'", "incidents: there is no bundle named 'corr'*no category*"),
        ("incidents='mine', known={'ten': 'x'}", "known: ten is not among the incidents of 'mine'"),
        ("incidents=7", "incidents: expected a bundle, a category or a list of names, got 7"),
        ("incidents=['one'], known=['one']", "known: expected {incident: reason}, got *"),
    ],
)
def test_incidents_that_cannot_be(pytester: pytest.Pytester, arguments: str, message: str) -> None:
    """A mistake is told when tests are collected, in one line."""
    result = run(
        pytester,
        f"import pytest\n@pytest.mark.mockllm({arguments})\ndef test_it(mockllm): pass\n",
        *OWN,
    )
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"*@pytest.mark.mockllm: {message}"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.no_fnmatch_line("*mockllm/*.py:*")


# Settings


def test_profile_of_the_project(pytester: pytest.Pytester) -> None:
    """The setting chooses the first profile, the option wins over it, the marker over both."""
    source = """
        import pytest
        from talk import status

        def test_it(mockllm):
            assert status() == CODE

        @pytest.mark.mockllm("default")
        def test_marker(mockllm):
            assert status() == 200
    """
    project = ("-o", "mockllm_profile=overloaded")
    run(pytester, source.replace("CODE", "503"), *project).assert_outcomes(passed=2)
    option = (*project, "--mockllm-profile={mockllm: 1, faults: [{fail: 418}]}")
    run(pytester, source.replace("CODE", "418"), *option).assert_outcomes(passed=2)


def test_profile_fixture(pytester: pytest.Pytester) -> None:
    """A project may override the fixture of the first profile."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def mockllm_profile():
            return "{mockllm: 1, faults: [{fail: 418}]}"
        """
    )
    source = "from talk import status\ndef test_it(mockllm): assert status() == 418"
    run(pytester, source).assert_outcomes(passed=1)


def test_a_path_of_the_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path in the settings starts beside them, wherever pytest runs."""
    Path("mine.yaml").write_text("mockllm: 1\nfaults: [{fail: 501}]")
    below = pytester.mkdir("below")
    ini = Path("tox.ini")
    ini.write_text(ini.read_text() + "\nmockllm_profile = mine.yaml\n")
    pytester.makepyfile(
        test_it="from talk import status\ndef test_it(mockllm): assert status() == 501"
    )
    monkeypatch.syspath_prepend(pytester.path)
    monkeypatch.chdir(below)
    pytester.runpytest_inprocess(str(pytester.path)).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("-omockllm_profile=flakey", "there is no profile named 'flakey'; did you mean flaky*"),
        ("--mockllm-profile=flakey", "there is no profile named 'flakey'; did you mean flaky*"),
        ("--mockllm-speed=0", "speed: expected a number above 0, got 0.0"),
        ("-omockllm_profiles=none", "profiles: expected a folder, got '*/none'"),
    ],
)
def test_a_setting_that_is_wrong(pytester: pytest.Pytester, option: str, message: str) -> None:
    """A profile, a speed or a folder that cannot be is told in one line."""
    result = run(pytester, "def test_it(mockllm): pass", option)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"the settings of mockllm: {message}"])
    result.stdout.no_fnmatch_line("*mockllm/*.py*")


def test_vendors(pytester: pytest.Pytester) -> None:
    """Only the variables of the clients that were named are set; a wrong name is told."""
    result = run(
        pytester,
        """
        import os

        def test_it(mockllm):
            assert os.environ["ANTHROPIC_BASE_URL"] == mockllm.url
            assert os.environ["OPENAI_BASE_URL"] == "https://real.example/v1"
        """,
        "-o",
        "mockllm_env=anthropic azure",
    )
    result.assert_outcomes(passed=1)
    wrong = run(pytester, "def test_it(mockllm): pass", "-o", "mockllm_env=opanai")
    wrong.assert_outcomes(errors=1)
    wrong.stdout.fnmatch_lines(["mockllm_env: expected openai, anthropic, azure, got 'opanai'"])


AUTOUSE = """
    import openai
    from talk import chat

    client = openai.OpenAI(max_retries=0)

    def ask():
        return client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hi"}]
        ).choices[0].message.content

    def test_without_a_fixture():
        assert ask().endswith("until the very end.")

    def test_with_it(mockllm):
        mockllm.says("Hello")
        assert ask() == "Hello"
        mockllm.assert_attempts(1)
"""


def test_autouse(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is built when tests are imported talks to the server, in every test."""
    result = run(pytester, AUTOUSE, "-o", "mockllm_autouse=true")
    result.assert_outcomes(passed=2)
    wrong = run(pytester, AUTOUSE, "-omockllm_autouse=true", "--mockllm-profile=flakey")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    wrong.stderr.fnmatch_lines(["ERROR: mockllm_autouse: there is no profile named 'flakey'*"])


def test_autouse_under_xdist(pytester: pytest.Pytester) -> None:
    """Workers have a server from the start; their controller has none."""
    pytester.makeconftest(
        """
        import threading

        def pytest_sessionfinish(session):
            names = [thread.name for thread in threading.enumerate()]
            worker = hasattr(session.config, "workerinput")
            assert ("mockllm" in names) == worker, names
        """
    )
    pytester.makepyfile(test_it=AUTOUSE)
    result = pytester.runpytest_subprocess("-n", "2", "-omockllm_autouse=true", timeout=GUARD)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK


def test_block_providers(pytester: pytest.Pytester) -> None:
    """A client with a fixed address of a provider is kept from calling it."""
    result = run(
        pytester,
        """
        import socket
        import openai
        import pytest

        def test_blocked():
            client = openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0)
            with client, pytest.raises(openai.APIConnectionError) as caught:
                client.models.list()
            errors = [caught.value]
            while errors[-1].__cause__ or errors[-1].__context__:
                errors.append(errors[-1].__cause__ or errors[-1].__context__)
            assert any("keeps this test from calling api.openai.com" in str(e) for e in errors)

        def test_others(mockllm):
            assert openai.OpenAI().models.list()
        """,
        "-omockllm_block_providers=true",
        "-Wignore::ResourceWarning",
    )
    result.assert_outcomes(passed=2)


# More servers


def test_make_mockllm(pytester: pytest.Pytester) -> None:
    """More servers for one test: each with its own address, judged and reported, then stopped."""
    result = run(
        pytester,
        """
        from talk import status

        SERVERS = []

        def test_two(mockllm, make_mockllm):
            other = make_mockllm("{mockllm: 1, faults: [{fail: 418}]}")
            SERVERS.append(other)
            assert status() == 200
            assert status(base_url=other.openai_url) == 418
            mockllm.assert_attempts(1)
            other.assert_attempts(1)

        def test_gone():
            assert not SERVERS[0].running

        def test_alone(make_mockllm):
            make_mockllm().fail(503, first=1)

        def test_fails(make_mockllm):
            assert status(base_url=make_mockllm("default", seed=3).openai_url) == 1
        """,
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines([UNFIRED, "*test_fails*", REPORT, "#1 at * -> 200, done"])


def test_a_profile_with_a_listener(pytester: pytest.Pytester) -> None:
    """Where connections are what fails, the environment points to the listener."""
    result = run(
        pytester,
        """
        import openai
        import pytest

        PROFILE = '''
            mockllm: 1
            listeners:
              - {name: bad, faults: [{close: rst, at: connect, first: 1}]}
        '''

        @pytest.mark.mockllm(PROFILE)
        def test_it(mockllm):
            assert mockllm.client_url == mockllm.listeners["bad"]
            with openai.OpenAI(max_retries=1) as client:
                assert client.models.list()
            assert [one.fired for one in mockllm.connections] == [("close: rst",), ()]

        @pytest.mark.mockllm(PROFILE)
        def test_unfired(mockllm):
            pass

        def test_next(mockllm):
            assert mockllm.listeners == {}
            assert mockllm.client_url == mockllm.url
        """,
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([UNFIRED, "  profile inline never fired: *"])


# Results for machines


def test_junit(pytester: pytest.Pytester) -> None:
    """JUnit XML has the counts of each test that has a server, and of no other."""
    result = run(
        pytester,
        """
        from talk import chat

        def test_it(mockllm):
            mockllm.fail(503, first=1, headers={"retry-after-ms": "1"})
            chat(max_retries=2)

        def test_other():
            pass
        """,
        "--junitxml=out.xml",
        "-ojunit_family=xunit1",
    )
    result.assert_outcomes(passed=2)
    cases = ElementTree.parse("out.xml").getroot().findall(".//testcase")
    found = [
        {one.attrib["name"]: one.attrib["value"] for one in case.findall(".//property")}
        for case in cases
    ]
    assert found == [
        {"mockllm_calls": "2", "mockllm_attempts_after_first": "1", "mockllm_faults_fired": "1"},
        {},
    ]


def test_a_test_that_is_run_again(pytester: pytest.Pytester) -> None:
    """A plugin that runs a test twice gets a report of each run, not the first one's again."""
    pytester.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    result = run(
        pytester,
        """
        from talk import status

        RUNS = []

        def test_it(mockllm):
            RUNS.append(1)
            for _ in RUNS:
                status()
            assert len(mockllm.calls) == 0
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([REPORT, "#1 at *", REPORT, "#1 at *", "#2 at *"])


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
    result.stdout.fnmatch_lines([REPORT, "#1 at * POST /v1/chat/completions * -> 200, done"])
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
    result.stdout.fnmatch_lines([REPORT, "#2 at * POST /v1/chat/completions * -> 200, done"])


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

        @pytest.mark.anyio
        async def test_unfired(mockllm, anyio_backend):
            mockllm.reset()
        """,
    )
    result.assert_outcomes(passed=4, failed=2)
    assert failures(result).count("  mockllm.reset() never fired: no call reached") == 2
