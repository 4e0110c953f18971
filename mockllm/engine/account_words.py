"""What servers say to an account: the errors of keys, limits and models, and the headers of limits.

Sources, all documented: OpenAI's errors of 2023–2026 in public captures (missing and wrong keys,
limits, quota, deprecated models, the length of the context as it was said until 2025, which tells
the numbers, and as the Responses API says it since). Its formulas follow from them: a limit of
10000 tokens, 9044 used and 1644 requested give `Please try again in 4.128s`; a limit of 30000
requests with one taken is full again after `2ms`. Anthropic's errors of 2024–2026, and its headers
with times in RFC 3339 and tokens to the nearest thousand (docs.claude.com/en/api/rate-limits).
Azure's 429 of 2023–2026, which tells calls from tokens, and waits a day for what never fits.
`retry-after-ms` is what the SDKs of OpenAI and Azure read before `retry-after`. vLLM 0.24.0's words
for the context (observed); TGI 3.3.6's (documented).

Where a server's own words are not known, the shape's form has OpenAI's message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, inf
from typing import Literal

from mockllm.engine.buckets import Bucket
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.timeline.events import Head
from mockllm.wires.times import rfc3339

Headers = tuple[tuple[str, str], ...]
What = Literal["requests", "tokens"]

LIMITS_PAGE = "Visit https://platform.openai.com/account/rate-limits to learn more."
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank "
    "username) if you're accessing the API from your browser and are prompted for a username and "
    "password. You can obtain an API key from https://platform.openai.com/account/api-keys."
)
NO_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, read the docs: "
    "https://platform.openai.com/docs/guides/error-codes/api-errors."
)
CROWDED = "The server is at its limit of requests. Please try again later."
"""No capture tells what OpenAI says of too many requests at a time; the words are mockllm's."""
OPERATIONS = {
    "openai.completions": "Completions_Create",
    "openai.embeddings": "Embeddings_Create",
}
"""What Azure calls the paths; the others are `ChatCompletions_Create`."""
DAY = 86_400
"""Seconds that Azure names where no wait helps."""
SHOWN = (8, 4)
"""How much OpenAI shows of a key, at its start and its end."""


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that a call does not fit into."""

    what: What
    bucket: Bucket
    requested: int

    @property
    def wait(self) -> float:
        """Seconds until it fits; infinite where it never will."""
        return self.bucket.wait(self.requested)


@dataclass(frozen=True, slots=True)
class Words:
    """What the server of one shape says to one call."""

    shape: str
    call: Call
    model: str

    # Errors

    def missing_key(self) -> ErrorSpec:
        """No key came."""
        match self.shape:
            case "openai":
                return ErrorSpec(
                    status=401, message=NO_KEY, error_type="invalid_request_error", code=None
                )
            case "anthropic":
                return ErrorSpec(status=401, message="x-api-key header is required")
            case _:
                return ErrorSpec(status=401)

    def wrong_key(self) -> ErrorSpec:
        """The key is not known, or not any more."""
        if self.shape != "openai":
            return ErrorSpec(status=401)
        return ErrorSpec(
            status=401,
            message=f"Incorrect API key provided: {masked(self.call.key or '')}. You can find your "
            "API key at https://platform.openai.com/account/api-keys.",
        )

    def retired(self) -> ErrorSpec:
        """The model is no longer there."""
        if self.shape != "openai":
            return ErrorSpec(status=404)
        return ErrorSpec(
            status=404,
            message=f"The model `{self.model}` has been deprecated, learn more here: "
            "https://platform.openai.com/docs/deprecations",
        )

    def too_long(self, context: int, prompt: int, completion: int) -> ErrorSpec:
        """Prompt and answer do not fit into the context."""
        total = prompt + completion
        limit = f"This model's maximum context length is {context} tokens"
        match self.shape:
            case "anthropic" if prompt > context:
                message = f"prompt is too long: {prompt} tokens > {context} maximum"
                return ErrorSpec(status=400, message=message)
            case "anthropic":
                return ErrorSpec(
                    status=400,
                    message="input length and `max_tokens` exceed context limit: "
                    f"{prompt} + {completion} > {context}, decrease input length or `max_tokens` "
                    "and try again",
                )
            case "vllm" if completion > context:
                return ErrorSpec(
                    status=400,
                    message=f"max_tokens={completion} cannot be greater than max_model_len="
                    f"max_total_tokens={context}. Please request fewer output tokens. "
                    f"(parameter=max_tokens, value={completion})",
                    param="max_tokens",
                )
            case "vllm":
                # It counts no further than to the first token that is too many.
                least = min(prompt, max(context - completion + 1, 1))
                return ErrorSpec(
                    status=400,
                    message=f"{limit}. However, you requested {completion} output tokens and your "
                    f"prompt contains at least {least} input tokens, for a total of at least "
                    f"{least + completion} tokens. Please reduce the length of the input prompt or "
                    "the number of requested output tokens. "
                    f"(parameter=input_tokens, value={least})",
                    param="input_tokens",
                )
            case "tgi":
                return ErrorSpec(
                    status=422,
                    message=f"`inputs` tokens + `max_new_tokens` must be <= {context}. Given: "
                    f"{prompt} `inputs` tokens and {completion} `max_new_tokens`",
                )
            case "openai" if self.call.wire == "openai.responses":
                return ErrorSpec(status=400)
        if self.call.wire in OPERATIONS:
            message = (
                f"{limit}, however you requested {total} tokens ({prompt} in your prompt; "
                f"{completion} for the completion). Please reduce your prompt; or completion length."
            )
            fields: dict[str, str | None] = {"param": None, "code": None}
        elif completion:
            message = (
                f"{limit}. However, you requested {total} tokens ({prompt} in the messages, "
                f"{completion} in the completion). Please reduce the length of the messages or "
                "completion."
            )
            fields = {"param": "messages", "code": "context_length_exceeded"}
        else:
            message = (
                f"{limit}. However, your messages resulted in {prompt} tokens. Please reduce the "
                "length of the messages."
            )
            fields = {"param": "messages", "code": "context_length_exceeded"}
        if self.shape == "openai":
            return ErrorSpec(
                status=400, message=message, error_type="invalid_request_error", **fields
            )
        if self.shape == "azure":  # whose own 400 is the content filter's
            return ErrorSpec(
                status=400,
                shape="azure-model",
                message=message,
                error_type="invalid_request_error",
                **fields,
            )
        return ErrorSpec(status=400, message=message)

    def over(self, over: Over) -> ErrorSpec:
        """A limit a minute is used up."""
        limit, requested = over.bucket.limit, over.requested
        match self.shape:
            case "azure":
                return ErrorSpec(status=429, message=self.azure_over(over))
            case "anthropic":
                return ErrorSpec(status=429, message=self.anthropic_over(over))
        unit = "requests per min (RPM)" if over.what == "requests" else "tokens per min (TPM)"
        who = f"for {self.model} in organization org-mockllm on {unit}"
        if over.wait == inf:
            message = (
                f"Request too large {who}: Limit {limit}, Requested {requested}. The input or "
                f"output tokens must be reduced in order to run successfully. {LIMITS_PAGE}"
            )
        else:
            message = (
                f"Rate limit reached {who}: Limit {limit}, Used {limit - over.bucket.remaining}, "
                f"Requested {requested}. Please try again in "
                f"{duration(milliseconds(over.wait))}. {LIMITS_PAGE}"
            )
        if self.shape != "openai":
            return ErrorSpec(status=429, message=message)
        return ErrorSpec(
            status=429, message=message, error_type=over.what, code="rate_limit_exceeded"
        )

    def azure_over(self, over: Over) -> str:
        """Azure's words: which operation, of which version, and when to come back."""
        found = re.search(r"api-version=([\w.-]+)", self.call.query)
        version = found[1] if found else "2024-10-21"
        operation = OPERATIONS.get(self.call.wire or "", "ChatCompletions_Create")
        kind = "call" if over.what == "requests" else "token"
        seconds = whole_seconds(over.wait) or DAY
        return (
            f"Requests to the {operation} Operation under Azure OpenAI API version {version} have "
            f"exceeded {kind} rate limit of your current OpenAI S0 pricing tier. Please retry "
            f"after {seconds} second{'s' if seconds != 1 else ''}."
        )

    def anthropic_over(self, over: Over) -> str:
        """Anthropic's words: of 2025 for requests, of 2024 for tokens of prompt and answer."""
        if over.what == "requests":
            return (
                "This request would exceed your organization's rate limit of "
                f"{over.bucket.limit:,} requests per minute"
            )
        return (
            "Number of request tokens has exceeded your per-minute rate limit "
            "(https://docs.anthropic.com/en/api/rate-limits); see the response headers for current "
            "usage. Please reduce the prompt length or the maximum tokens requested, or try again "
            "later. You may also contact sales at https://www.anthropic.com/contact-sales to "
            "discuss your options for a rate limit increase."
        )

    def crowded(self) -> ErrorSpec:
        """Too many requests are being answered."""
        match self.shape:
            case "openai":
                return ErrorSpec(
                    status=429,
                    message=CROWDED,
                    error_type="requests",
                    code="rate_limit_exceeded",
                )
            case "anthropic":
                return ErrorSpec(
                    status=429,
                    message="Number of concurrent connections has exceeded your rate limit. Please "
                    "try again later or contact sales at https://www.anthropic.com/contact-sales "
                    "to discuss your options for a rate limit increase.",
                )
            case _:
                return ErrorSpec(status=429, message=CROWDED)

    def no_quota(self) -> ErrorSpec:
        """What was paid for is used up."""
        match self.shape:
            case "openai":
                return ErrorSpec(
                    status=429,
                    message=NO_QUOTA,
                    error_type="insufficient_quota",
                    code="insufficient_quota",
                )
            case "anthropic":
                return ErrorSpec(
                    status=400,
                    message="Your credit balance is too low to access the Anthropic API. Please go "
                    "to Plans & Billing to upgrade or purchase credits.",
                )
            case _:
                return ErrorSpec(status=429, message=NO_QUOTA)

    # Headers

    def limits(self, buckets: dict[What, Bucket], today: float) -> Headers:
        """What is left of each limit; `today` is now in Unix time.

        OpenAI's dialects say when a bucket is full again as a span, Anthropic's as a time, Azure's
        not at all.
        """
        made: list[tuple[str, str]] = []
        for what, bucket in buckets.items():
            left = str(bucket.remaining)
            match self.shape:
                case "anthropic":
                    name = f"anthropic-ratelimit-{what}"
                    if what == "tokens":
                        left = str(min(round(bucket.remaining, -3), bucket.limit))
                    made += [
                        (f"{name}-limit", str(bucket.limit)),
                        (f"{name}-remaining", left),
                        (f"{name}-reset", rfc3339(ceil(round(today + bucket.reset, 6)))),
                    ]
                case "azure":
                    made.append((f"x-ratelimit-remaining-{what}", left))
                case _:
                    made += [
                        (f"x-ratelimit-limit-{what}", str(bucket.limit)),
                        (f"x-ratelimit-remaining-{what}", left),
                        (f"x-ratelimit-reset-{what}", duration(round(bucket.reset * 1000))),
                    ]
        return tuple(made)

    def waits(self, over: Over) -> Headers:
        """When to come back; nothing where no wait helps, but a day at Azure's."""
        seconds = whole_seconds(over.wait)
        if seconds is None:
            return (("retry-after", str(DAY)),) if self.shape == "azure" else ()
        if self.shape == "anthropic":
            return (("retry-after", str(seconds)),)
        return (
            ("retry-after", str(seconds)),
            ("retry-after-ms", str(milliseconds(over.wait))),
        )


def masked(key: str) -> str:
    """A key as OpenAI shows it: eight letters, stars, four letters; one of twelve or less whole."""
    start, end = SHOWN
    hidden = len(key) - start - end
    return key if hidden <= 0 else key[:start] + "*" * hidden + key[-end:]


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, never too few."""
    return ceil(round(seconds * 1000, 6))


def whole_seconds(seconds: float) -> int | None:
    """Whole seconds, never too few; None where no time is enough."""
    return None if seconds == inf else ceil(round(seconds, 9))


def duration(ms: int) -> str:
    """Milliseconds as Go writes a duration, and OpenAI with it: `2ms`, `1.2s`, `6m0s`, `1h23m31s`."""
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def with_headers(head: Head, headers: Headers) -> Head:
    """The head with these headers: in the place of its own, or behind them."""
    values = dict(headers)
    own = {name.lower() for name, _ in head.headers}
    kept = tuple((name, values.get(name.lower(), value)) for name, value in head.headers)
    added = tuple(pair for pair in headers if pair[0] not in own)
    return Head(head.status, (*kept, *added), head.reason)
