"""The books of an account (`account:` in a profile): who may in, and what each key has used.

A call is looked at in the order of a real server: the key, the request itself, the model, the
length of the context, what was paid for, requests at a time, requests and tokens a minute. The
first that is wrong is its answer; the call then meets neither routes nor faults, and nothing is
taken from the limits. What the wire itself refuses takes nothing either.

The key is asked for wherever something is made, and on every path below `/v1/`; not where servers
tell how they are. Limits count what is made (POST) alone. Tokens are counted when a call comes, as
OpenAI counts them: about those of the prompt, and `max_tokens` where the client names them. What
was paid for is counted when a call is over: the tokens of its prompt, and those that were sent.

Time is the script's own: at double speed a bucket fills twice as fast, and headers tell the same
as at any speed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mockllm.engine.account_words import Headers, Over, What, Words
from mockllm.engine.buckets import Bucket
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.profile.account import Account
from mockllm.timeline.valueclass import valueclass
from mockllm.wires.wire import Refused, Setting, Wire


@valueclass(frozen=True, slots=True)
class Arrival:
    """A call at the door of an account."""

    profile: str
    call: Call
    wire: Wire
    setting: Setting
    ticket: int
    """Under which its end is told."""
    now: float
    """Seconds on the script's own clock."""
    elapsed: float
    """Seconds since its start or reset."""
    today: float
    """Unix time."""


@valueclass(frozen=True, slots=True)
class Admission:
    """Whether a call may in, and what the head of its answer tells of the limits."""

    refusal: Refused | None = None
    headers: Headers = ()


OPEN = Admission()
"""Where there is no account."""


@dataclass(slots=True)
class Book:
    """What one key has left."""

    buckets: dict[What, Bucket]
    inflight: int = 0
    used: int = 0
    """Tokens that were paid for."""


class Ledger:
    """The books of all accounts, by profile and key."""

    def __init__(self) -> None:
        self._books: dict[tuple[str, str], Book] = {}
        self._inside: dict[int, tuple[Book, int]] = {}
        """By ticket, the calls that are being answered: their book, and the tokens of their prompt."""

    @property
    def used(self) -> bool:
        """Whether anything has been counted."""
        return bool(self._books)

    def clear(self) -> None:
        """Forget everything."""
        self._books.clear()

    def forget(self, profile: str) -> None:
        """Forget the books of one profile."""
        self._books = {key: book for key, book in self._books.items() if key[0] != profile}

    def admit(self, account: Account, arrival: Arrival) -> Admission:
        """Let a call in, and take what it uses from the limits; or say why not."""
        call = arrival.call
        words = Words(
            arrival.wire.shape(call, arrival.setting),
            call,
            call.model or arrival.setting.models[0],
        )
        refusal = key_refusal(account, arrival, words)
        if refusal is not None:
            return Admission(refusal)
        if call.method != "POST" or not is_sound(arrival):
            return Admission(None, self.told(account, arrival, words))
        prompt = arrival.wire.prompt_tokens(call)
        completion = arrival.wire.token_limit(call) or 0
        refusal = request_refusal(account, words, prompt, completion)
        headers: Headers = ()
        if refusal is None:
            book = self.book(account, arrival)
            refusal, headers = limit_refusal(account, book, words, prompt + completion)
            if refusal is None:
                book.inflight += 1
                self._inside[arrival.ticket] = (book, prompt)
        return Admission(refusal, self.told(account, arrival, words) + headers)

    def book(self, account: Account, arrival: Arrival) -> Book:
        """What a key has left now."""
        name = (arrival.profile, arrival.call.key or "")
        book = self._books.get(name)
        if book is None:
            limits: dict[What, int | None] = {"requests": account.rpm, "tokens": account.tpm}
            book = self._books[name] = Book(
                {
                    what: Bucket.full(limit, arrival.now)
                    for what, limit in limits.items()
                    if limit is not None
                }
            )
        book.buckets = {what: bucket.at(arrival.now) for what, bucket in book.buckets.items()}
        return book

    def told(self, account: Account, arrival: Arrival, words: Words) -> Headers:
        """What the head of an answer tells of the limits."""
        return words.limits(self.book(account, arrival).buckets, arrival.today)

    def leave(self, ticket: int, sent: int) -> None:
        """A call is over, and so many tokens were sent; calls that were not let in do nothing."""
        if ticket in self._inside:
            book, prompt = self._inside.pop(ticket)
            book.inflight -= 1
            book.used += prompt + sent


def is_sound(arrival: Arrival) -> bool:
    """Whether the wire has nothing against the request."""
    try:
        arrival.wire.check(arrival.call, arrival.setting)
    except Refused:
        return False
    return True


def key_refusal(account: Account, arrival: Arrival, words: Words) -> Refused | None:
    """Why the key opens nothing; None if it does, or none is asked for."""
    call = arrival.call
    if account.keys is None or not (call.method != "GET" or "/v1/" in call.path):
        return None
    match account.keys.problem(call.key, arrival.elapsed):
        case "missing":
            return Refused(words.missing_key(), why="account: no API key came")
        case "wrong":
            return Refused(words.wrong_key(), why="account: the API key is wrong or revoked")
        case None:
            return None


def request_refusal(account: Account, words: Words, prompt: int, completion: int) -> Refused | None:
    """Why the request itself cannot be answered: its model is gone, or it is too long."""
    if account.is_retired(words.call.model):
        return Refused(words.retired(), why=f"account: {words.call.model} is retired")
    context = account.context
    if context is None or prompt + completion <= context:
        return None
    return Refused(
        words.too_long(context, prompt, completion),
        why=f"account: {prompt} tokens of the prompt and {completion} of the answer are more than "
        f"context: {context}",
    )


def limit_refusal(
    account: Account, book: Book, words: Words, tokens: int
) -> tuple[Refused | None, Headers]:
    """Which limit is used up, and when to come back; if none is, the call takes its part."""

    def refused(spec: ErrorSpec, why: str) -> Refused:
        return Refused(spec, why=f"account: {why}")

    if account.quota is not None and book.used >= account.quota:
        why = f"{book.used} tokens are used, quota: {account.quota}"
        return refused(words.no_quota(), why), ()
    if account.concurrent is not None and book.inflight >= account.concurrent:
        why = f"{book.inflight} calls are being answered, concurrent: {account.concurrent}"
        return refused(words.crowded(), why), ()
    wanted: dict[What, int] = {"requests": 1, "tokens": tokens}
    for what, bucket in book.buckets.items():
        over = Over(what, bucket, wanted[what])
        if over.wait > 0:
            why = f"{what}: {over.requested} asked for, {bucket.remaining} of {bucket.limit} left"
            return refused(words.over(over), why), words.waits(over)
    book.buckets = {what: bucket.take(wanted[what]) for what, bucket in book.buckets.items()}
    return None, ()
