"""Profiles made by hypothesis: every verb, value, anchor and frequency, right and wrong ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mockllm.shapes.shape import shapes

Document = dict[str, Any]

DURATION = st.sampled_from(
    ["0s", "1ms", "300ms", "1.5s", "1m30s", "250us", "7.123456789s", "0.1ms"]
)
SOME = st.sampled_from(["1ms", "300ms", "1.5s", "1m30s", "250us"])
LONG = DURATION | st.just("forever")
SIZE = st.sampled_from(["0B", "5B", "1000B", "1KiB", "3MiB"])
RATE = st.sampled_from(["1B/s", "1KiB/s", "1500B/s"])
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=8)
NUMBERS = st.integers(-1000, 1000)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
MAPPING = st.dictionaries(TEXT, JSON, max_size=2)
ERROR = {
    "status": st.integers(200, 999),
    "shape": st.sampled_from(sorted(shapes())),
    "message": TEXT,
    "error_type": TEXT,
    "code": st.none() | NUMBERS | TEXT,
    "param": TEXT,
}
REPLY = ERROR | {
    "headers": st.dictionaries(st.sampled_from(["x", "Retry-After"]), TEXT | NUMBERS, max_size=2),
    "body": TEXT,
    "content_type": st.just("text/html"),
}


def some(fields: dict[str, st.SearchStrategy[Any]], **needed: Any) -> st.SearchStrategy[Document]:
    """A mapping with some of the fields, and all that are needed."""
    return st.fixed_dictionaries(needed, optional=fields)


def one(key: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    """A mapping of one key."""
    return st.fixed_dictionaries({key: value})


REPEATED = some({}) | some({"for": LONG}, every=SOME)


def sent(key: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    """Something to send, once or again and again."""
    return st.tuples(one(key, value), REPEATED).map(lambda pair: pair[0] | pair[1])


WAIT = LONG | st.one_of(
    some({"for": LONG}, ping=SOME),
    one("drip", DURATION),
    one("bandwidth", RATE),
    one("uniform", st.tuples(DURATION, DURATION).map(list)),
    one("normal", some({}, mean=DURATION, deviation=DURATION)),
    one("lognormal", some({}, median=SOME, sigma=st.sampled_from([0.5, 1, 2.25]))),
)
SEND = st.one_of(
    sent("comment", TEXT),
    sent("raw", TEXT),
    sent("frame", MAPPING | one("delta", MAPPING) | some({}, event=st.just("ping"), json=JSON)),
    some({"done": st.booleans()}, error=st.just(True) | st.just("openai") | some(ERROR)),
    one("interim", st.sampled_from([100, 102, 103, 199])),
    st.just("error"),
)
PATH = st.sampled_from(["choices.0.delta", "choices.*", "n", "-1", "a.b.c", ""])
EDIT = st.one_of(
    st.just("drop"),
    one("drop", st.just(True)),
    one("duplicate", st.integers(2, 4)),
    one("patch", MAPPING),
    one("remove", PATH | st.lists(PATH, max_size=2)),
    one("set", st.dictionaries(PATH, JSON | one("size", SIZE), min_size=1, max_size=2)),
    one("truncate", st.integers(-9, 9)),
    one("replace", TEXT),
    one("interleave", st.just("tool")),
)
ENCODE = st.one_of(
    st.sampled_from(["no-space", "bom", "json-as-sse", "utf8-split"]),
    one("newline", st.sampled_from(["lf", "crlf", "cr", "mixed"])),
    one("multi-line", st.integers(2, 5)),
    one("id", TEXT | NUMBERS),
    one("event", TEXT),
    one("terminator", st.just(False)),
    one("split", some({"bytes": st.integers(1, 40), "gap": DURATION})),
    one("split", some({"gap": DURATION}, at=st.sampled_from(["after-cr", "before-blank-line"]))),
    one("merge", st.integers(2, 5)),
    one("gzip", st.sampled_from(["flushed", "unflushed"])),
    one("bandwidth", RATE),
    one("framing", st.sampled_from(["te+cl", "none", "twice"])),
    one("chunk-size", st.just("wrong")),
    one("content-length", st.sampled_from(["short", "long", "both"]) | st.integers(0, 99)),
)
CLOSE = st.sampled_from(["clean", "fin", "rst", "half"])
AT_ONCE = st.one_of(
    one("reply", st.just("envoy.no-healthy-upstream") | some(REPLY)),
    one("fail", st.integers(200, 999) | some(REPLY)),
)
VERB = st.one_of(
    one("wait", WAIT),
    one("send", SEND),
    one("edit", EDIT),
    one("encode", ENCODE),
    some({"announce": st.booleans()}, close=CLOSE),
    one("hang", LONG),
    one("stall", LONG),
    *(one(word, st.none() | st.just(True)) for word in ("reset", "cut", "truncate", "garble")),
    one("error", st.none() | st.just("openai") | some(ERROR)),
)
NUMBER = st.integers(1, 7) | st.integers(-3, -1)
SELECTOR = st.one_of(
    st.sampled_from(["role", "finish", "usage", "done", "error", "frame *", "content *", "tool *"]),
    st.builds("{} {}".format, st.sampled_from(["frame", "content", "tool", "reasoning"]), NUMBER),
    st.builds("{} {}..{}".format, st.sampled_from(["frame", "content"]), NUMBER, NUMBER | st.sampled_from(["*", "finish"])),
    st.builds("tool {} last".format, NUMBER),
    st.just("event ping"),
)  # fmt: skip
AT = st.one_of(
    st.sampled_from(["request", "head", "end", "body"]),
    SELECTOR,
    st.builds("{} {}".format, st.sampled_from(["before", "after"]), SELECTOR),
    st.builds("byte {}".format, st.integers(-150, 150)),
    st.builds("{} {}".format, st.sampled_from(["t", "server"]), DURATION),
)
OFTEN = some(
    {
        "first": st.integers(1, 3),
        "nth": st.integers(1, 3) | st.lists(st.integers(1, 3), min_size=1, max_size=2),
        "skip": st.integers(1, 2),
        "every": st.integers(2, 3),
        "during": st.just(["0s", "20s"]),
        "chance": st.sampled_from(["10%", "12.5%", "33.3%", "100%", "7%", "0.57%"]),
    }
)
SELDOM: st.SearchStrategy[Document] = st.just({}) | st.just({}) | st.just({}) | OFTEN


def joined(parts: tuple[Document, ...]) -> Document:
    """One mapping of several."""
    return {key: value for part in parts for key, value in part.items()}


FAULT = st.one_of(
    st.tuples(VERB, one("at", AT), SELDOM).map(joined),
    st.tuples(VERB | AT_ONCE, SELDOM).map(joined),
)
FAULTS = st.lists(FAULT, max_size=4)
SCRIPT = st.sampled_from(["text60", "cjk60", "tools2"]) | one("text", TEXT)
PACING = some({"ttft": DURATION, "itl": DURATION, "head": DURATION, "jitter": st.just("20%")})
ROUTE: dict[str, st.SearchStrategy[Any]] = {"script": SCRIPT, "pacing": PACING, "faults": FAULTS}
KEYS = some(
    {
        "accept": TEXT | st.lists(TEXT, max_size=2),
        "revoked": st.dictionaries(TEXT, DURATION, max_size=2),
    }
)
ACCOUNT = some(
    {
        **dict.fromkeys(("rpm", "tpm", "concurrent", "quota", "context"), NUMBERS),
        "keys": KEYS,
        "retired": TEXT | st.lists(TEXT, max_size=2),
    }
)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "about": TEXT,
    "seed": NUMBERS,
    "strict": st.booleans(),
    "account": ACCOUNT,
    "models": st.lists(TEXT, min_size=1, max_size=2),
}
PROFILE = some(PLAIN | ROUTE, mockllm=st.just(1)) | some(
    PLAIN,
    mockllm=st.just(1),
    routes=st.lists(some(ROUTE | {"name": TEXT, "match": some({"stream": st.booleans()})}), max_size=2),
)  # fmt: skip
