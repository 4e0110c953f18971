"""`replay` in a profile: the same bytes, times and endings, matching, and faults on recordings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.cassettes.cassette import Exchange, Piece, Recording, Request, merged
from mockllm.cassettes.redacting import reads_without_secrets
from mockllm.cassettes.response import LAST, chunk
from mockllm.engine.engine import Engine
from mockllm.engine.plan import Conditions, Plan
from mockllm.profile.library import Library
from mockllm.profile.problems import ProfileError
from mockllm.timeline.events import Extra, Frame
from tests.cassettes.build import cassette_text, exchange, played, relayed
from tests.engine.build import Clock, ask, engine

FOLDER = Path(__file__).parents[2] / "profiles"
EVERYDAY = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ELSEWHERE = {
    "slow-reader-oom",  # more at one time than the fake transport takes
}
INCIDENTS = sorted({path.stem for path in FOLDER.glob("incidents/*/*.yaml")} - ELSEWHERE)
CHAT = "/v1/chat/completions"


def body(**fields: Any) -> bytes:
    """A chat request."""
    user = {"role": "user", "content": "Hi"}
    return json.dumps(
        {"model": "gpt-4o-mini", "stream": True, "messages": [user], **fields}
    ).encode()


def replaying(folder: Path, text: str, profile: str = "", paced: bool = True) -> Engine:
    """An engine that plays a cassette."""
    (folder / "c.yaml").write_text(text, "utf-8")
    script = "" if "script:" in profile else "script: {replay: c.yaml}\n"
    (folder / "p.yaml").write_text(f"mockllm: 1\n{script}{profile}\n", "utf-8")
    library = Library()
    loaded = library.load_path(folder / "p.yaml")
    return Engine(library, loaded, conditions=Conditions(paced=paced), now=Clock())


def as_written(plan: Plan) -> tuple[tuple[Piece, ...], str, int]:
    """What a plan puts on the socket, its head as a cassette has it."""
    pieces, ending, ended = played(plan.lowered.events)
    count = 0
    while count < len(pieces) and in_head(pieces[:count]):
        count += 1
    head, rest = pieces[:count], pieces[count:]
    return merged([*reads_without_secrets(head), *rest]), ending, ended


def in_head(pieces: Iterable[Piece]) -> bool:
    """Whether the final head is not whole yet."""
    whole = b"".join(piece.data for piece in pieces).split(b"\r\n\r\n")[:-1]
    return all(head.startswith(b"HTTP/1.1 1") for head in whole)


@pytest.mark.parametrize("name", EVERYDAY + INCIDENTS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_recording_of_mockllm_plays_the_same(name: str, stream: bool, tmp_path: Path) -> None:
    """What is recorded of mockllm under a profile is played with the same bytes, at the same times,
    to the same end."""
    library = Library()
    conditions = Conditions(paced=True)
    to = Engine(library, library.find(name), conditions=conditions, now=Clock())
    asked = [ask(to, body=body(stream=stream)) for _ in range(3)]
    plans = [plan for plan in asked if len(plan.lowered.events) < 5000]
    again = replaying(tmp_path, cassette_text(*map(exchange, plans)))
    for plan in plans:
        replay = ask(again, body=body(stream=stream))
        want, got = as_written(plan), as_written(replay)
        if want[1] == "half":  # a proxy sees the end of what is sent, and closes
            want = (want[0], "fin", got[2])
        if want[1] == "done" and got[1] == "fin" and replay.carried_out:
            want = (want[0], "fin", want[2])  # the response closes its connection
        if got[1] == "held":
            got = (got[0], "held", want[2])
        assert got == want


FRAMINGS = {
    "close": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
    "none": b"",
}


@given(
    framing=st.sampled_from(sorted(FRAMINGS)),
    reads=st.lists(
        st.tuples(st.integers(10, 10**9), st.binary(min_size=1, max_size=50)), max_size=10
    ),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    ending=st.sampled_from(["complete", "fin", "rst", "open"]),
    more=st.integers(0, 10**9),
)
def test_any_timeline_plays_the_same(
    framing: str,
    reads: list[tuple[int, bytes]],
    cuts: list[int],
    ending: str,
    more: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Bytes of any kind, framed and torn in any way, at any times, are played as they came."""
    pieces = tuple(torn(framed(framing, reads, whole=ending == "complete"), cuts))
    recording = asyncio.run(relayed(pieces, ending, pieces[-1].at + more if pieces else more))
    kept = framing in ("chunked", "length") and ending == "complete"
    if framing == "close" and ending == "fin":
        ending = "complete"  # the end of the connection is the end of the body
    elif framing == "none" and ending == "complete":
        ending = "fin"  # what is no HTTP is never whole
    assert recording.ending == ending
    text = cassette_text(Exchange(Request("POST", CHAT, (), body()), recording))
    plan = ask(replaying(tmp_path_factory.mktemp("any"), text), body=body())
    got, how, ended = played(plan.lowered.events)
    assert got == pieces
    assert how == {"rst": "rst", "open": "held"}.get(ending, "done" if kept else "fin")
    assert ended == (-1 if ending == "open" else recording.ended)


def framed(framing: str, reads: list[tuple[int, bytes]], *, whole: bool) -> Iterator[Piece]:
    """A response of these bytes; without `whole` its end is missing."""
    length = sum(len(data) for _, data in reads)
    at, head = 0, FRAMINGS[framing]
    if framing == "length":
        head %= length if whole else length + 1
    yield Piece(at, head)
    for wait, data in reads:
        at += wait
        yield Piece(at, chunk(data) if framing == "chunked" else data)
    if framing == "chunked" and whole:
        yield Piece(at, LAST)


def torn(pieces: Iterable[Piece], cuts: list[int]) -> Iterator[Piece]:
    """The same bytes in more reads: what is behind a cut comes a microsecond later."""
    start = 0
    for piece in merged(pieces):
        end = start + len(piece.data)
        inside = [cut - start for cut in sorted({*cuts}) if start < cut < end]
        for at, (a, b) in enumerate(pairwise([0, *inside, len(piece.data)])):
            yield Piece(piece.at + at, piece.data[a:b])
        start = end


def healthy(**fields: Any) -> Exchange:
    """A healthy exchange of mockllm."""
    return exchange(ask(engine(paced=True), body=body(**fields)))


def text_of(plan: Plan) -> str:
    """The text of a plan's script."""
    assert plan.script is not None, plan.refused
    return plan.script.text


def test_a_fault_on_a_recording(tmp_path: Path) -> None:
    """The stream of that day, but reset behind frame 4: the same bytes up to there."""
    one = healthy()
    whole = b"".join(piece.data for piece in one.recording.pieces)
    again = replaying(tmp_path, cassette_text(one), "faults: [{close: rst, at: after content 3}]")
    pieces, ending, ended = played(ask(again, body=body()).lowered.events)
    sent = b"".join(piece.data for piece in pieces)
    assert ending == "rst"
    assert whole.startswith(sent)
    assert sent.count(b"data: ") == 4
    assert ended == one.recording.pieces[2].at


def test_an_edit_of_a_recording(tmp_path: Path) -> None:
    """A fault that changes a frame changes that frame alone."""
    edit = "faults: [{edit: {drop: true}, at: content 2}]"
    again = replaying(tmp_path, cassette_text(healthy()), edit)
    plan = ask(again, body=body())
    frames = [step.event for step in plan.steps if isinstance(step.event, Frame)]
    assert len(frames) == 62
    assert text_of(plan).startswith("This is a test")


def test_a_fault_that_does_not_act_changes_nothing(tmp_path: Path) -> None:
    """Where the fault is spent, what came is played as it came."""
    one = healthy()
    again = replaying(tmp_path, cassette_text(one), "faults: [{close: rst, first: 1}]")
    ask(again, body=body())
    pieces, _, _ = played(ask(again, body=body()).lowered.events)
    assert pieces == one.recording.pieces


def test_the_journal_knows_the_frames(tmp_path: Path) -> None:
    """What was sent of an exact recording is known frame by frame."""
    plan = ask(replaying(tmp_path, cassette_text(healthy())), body=body())
    begins = [plan.lowered.origin[i] for i in range(len(plan.lowered.events))]
    assert begins == sorted(begins)
    last = plan.steps[begins[-1]].event
    assert isinstance(last, Frame)
    assert last.kinds == ("content",)  # it comes together with the end
    assert text_of(plan).endswith("the very end.")


def test_the_pacing_of_the_route(tmp_path: Path) -> None:
    """With `timing: route` the recorded frames come as the route paces them."""
    profile = "script: {replay: c.yaml, timing: route}\npacing: {ttft: 1s, itl: 100ms}"
    plan = ask(replaying(tmp_path, cassette_text(healthy()), profile), body=body())
    pieces, _, ended = played(plan.lowered.events)
    assert pieces[0].at == 1_000_000
    assert ended == pytest.approx(1_000_000 + 59 * 100_000, abs=1)


def test_speed(tmp_path: Path) -> None:
    """`speed` divides the recorded times."""
    one = healthy()
    again = replaying(tmp_path, cassette_text(one), "script: {replay: c.yaml, speed: 10.0}")
    assert played(ask(again, body=body()).lowered.events)[2] == round(one.recording.ended / 10)


def test_unpaced(tmp_path: Path) -> None:
    """A server that takes no time for healthy answers takes none for recorded ones."""
    again = replaying(tmp_path, cassette_text(healthy()), paced=False)
    assert played(ask(again, body=body()).lowered.events)[2] == 0


def said(word: str) -> Exchange:
    """An exchange whose answer is a word; all have the same request."""
    return exchange(ask(engine(f"script: {{text: {word}}}"), body=body()))


def test_order_and_repeats(tmp_path: Path) -> None:
    """Equal requests get the exchanges in their order, and the last one again and again."""
    again = replaying(tmp_path, cassette_text(said("one"), said("two")))
    assert [text_of(ask(again, body=body())) for _ in range(3)] == ["one", "two", "two"]


def test_the_form_of_a_body_does_not_count(tmp_path: Path) -> None:
    """The order of keys and white space make no other request; strict matching takes it too."""
    again = replaying(
        tmp_path, cassette_text(said("one")), "script: {replay: c.yaml, strict: true}"
    )
    turned = json.dumps(dict(reversed(json.loads(body()).items())), indent=1).encode()
    assert text_of(ask(again, body=turned)) == "one"


def test_another_body(tmp_path: Path) -> None:
    """Another body of the same model gets the exchange by its number; strict refuses it."""
    text = cassette_text(said("one"), said("two"))
    again = replaying(tmp_path, text)
    found = [text_of(ask(again, body=body(temperature=t))) for t in (0, 1, 2)]
    assert found == ["one", "two", "two"]
    strict = replaying(tmp_path, text, "script: {replay: c.yaml, strict: true}")
    plan = ask(strict, body=body(temperature=1, stream=False))
    assert plan.head is not None
    assert plan.head.status == 404
    assert plan.refused == (
        f"no exchange in c.yaml answers POST {CHAT} (line 6: stream was True, not False, "
        "temperature was absent, and is 1; LINE: stream was True, not False, "
        "temperature was absent, and is 1)"
    ).replace("LINE", f"line {text[: text.rindex(chr(10) + '---')].count(chr(10)) + 3}")


@pytest.mark.parametrize(("target", "model"), [("/v1/embeddings", "gpt-4o-mini"), (CHAT, "gpt-4o")])
def test_what_was_not_recorded(target: str, model: str, tmp_path: Path) -> None:
    """Another path gets the wire's own answer or refusal, another model a 404, with the reason."""
    again = replaying(tmp_path, cassette_text(said("one")))
    plan = ask(again, target, body=body(model=model, input="x"))
    assert plan.refused is not None
    assert "no exchange in c.yaml answers" in plan.refused


def test_a_path_that_nobody_serves(tmp_path: Path) -> None:
    """A recording answers on its own path, also where mockllm has no API."""
    recording = Recording(
        (Piece(5, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),), "complete", 5
    )
    text = cassette_text(Exchange(Request("GET", "/custom/thing"), recording))
    plan = ask(replaying(tmp_path, text), "/custom/thing", method="GET", body=b"")
    assert played(plan.lowered.events)[0] == recording.pieces
    assert plan.refused is None


@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/openai/deployments/m/chat/completions"])
def test_a_model_in_the_path(path: str, tmp_path: Path) -> None:
    """A body without a model is found also where the API reads the model from the path."""
    recording = Recording(
        (Piece(5, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),), "complete", 5
    )
    body = b'{"instances": [1], "messages": []}'
    text = cassette_text(Exchange(Request("POST", path, (), body), recording))
    strict = replaying(tmp_path, text, "script: {replay: c.yaml, strict: true}")
    plan = ask(strict, path, body=body)
    assert plan.call.model == "m"
    assert played(plan.lowered.events)[0] == recording.pieces


def test_http10_and_close(tmp_path: Path) -> None:
    """A client that wants no further request gets the end of the connection."""
    again = replaying(tmp_path, cassette_text(healthy()))
    plan = ask(again, body=body(), keep_alive=False)
    assert played(plan.lowered.events)[1] == "fin"


def test_comments_are_played(tmp_path: Path) -> None:
    """What is no frame stays where it was."""
    ping = "faults: [{send: {comment: hi}, at: after content 2}]"
    one = exchange(ask(engine(ping, paced=True), body=body()))
    again = replaying(tmp_path, cassette_text(one), "faults: [{wait: 1s, at: after content 4}]")
    plan = ask(again, body=body())
    kinds = [type(step.event) for step in plan.steps]
    assert Extra in kinds
    sent, _, _ = played(plan.lowered.events)
    assert b"".join(p.data for p in sent) == b"".join(p.data for p in one.recording.pieces)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{replay: ../c.yaml}", "expected a file in the profile's own folder, got '../c.yaml'"),
        ("{replay: /etc/passwd}", "expected a file in the profile's own folder"),
        ("{replay: none.yaml}", "expected a file that can be read, got 'none.yaml'"),
        ("{replay: 3}", "expected the name of a cassette beside the profile, got 3"),
        ("{replay: c.yaml, finish: stop}", "expected a replay alone, got a mapping with replay, finish"),
        ("{replay: c.yaml, timing: x}", "timing: expected"),
        ("{replay: bad.yaml}", "bad.yaml:1:19: expected a cassette of version 1, got 'version 9'"),
    ],
)  # fmt: skip
def test_what_is_refused(value: str, message: str, tmp_path: Path) -> None:
    """A cassette outside the folder, a missing or a wrong one, and words beside it."""
    (tmp_path / "bad.yaml").write_text("mockllm-cassette: 9\n...\n", "utf-8")
    with pytest.raises(ProfileError) as caught:
        replaying(tmp_path, cassette_text(said("one")), f"script: {value}")
    assert message in str(caught.value)
