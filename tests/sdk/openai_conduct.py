"""What OpenAI's Python SDK makes of each everyday profile, without retries of its own."""

from __future__ import annotations

from tests.sdk.conduct import WHOLE, Conduct, Expected, both

UNAVAILABLE = Expected("nothing", error="InternalServerError", status=503, says="Error code: 503")
LIMITED = Expected("nothing", error="RateLimitError", status=429, says="Rate limit reached for")
SPENT = Expected(
    "nothing", error="RateLimitError", status=429, says="You exceeded your current quota"
)
WRONG_KEY = Expected(
    "nothing", error="AuthenticationError", status=401, says="Incorrect API key provided: "
)
GONE = Expected("nothing", error="NotFoundError", status=404, says="has been deprecated")
OUTGROWN = Expected("nothing", error="BadRequestError", status=400, says="context")
TIMEOUT = Expected("nothing", error="APITimeoutError", says="Request timed out.")
TOO_LONG = "This model's maximum context length is 8192 tokens."


def broken(error: str, says: str) -> Conduct:
    """A stream that ends with an exception after five words; a whole document is not touched."""
    return Conduct(stream=(Expected("five words", error=error, says=says),))


OPENAI: dict[str, Conduct] = {
    "default": both(WHOLE),
    "slow": both(WHOLE),
    "rate-limited": both(LIMITED, LIMITED, WHOLE),
    "overloaded": both(
        Expected("nothing", error="InternalServerError", status=503, says="currently overloaded")
    ),
    "upstream-unavailable": both(UNAVAILABLE),
    "hang-before-headers": both(TIMEOUT, timeout=0.3),
    "stall-mid-stream": Conduct(
        stream=(Expected("five words", error="APITimeoutError", says="Request timed out."),),
        timeout=1.0,
    ),
    "stall-then-resume": both(WHOLE),
    "reset-mid-stream": broken("APIConnectionError", "Connection error."),
    # The SDK ends in silence: only a caller that looks at the finish reason notices.
    "truncated-clean": Conduct(stream=(Expected("five words"),)),
    "truncated-dirty": broken("APIConnectionError", "Connection error."),
    # The SDK lets the error of its JSON parser through.
    "malformed-frame": broken("JSONDecodeError", "Unterminated string"),
    "error-in-stream": broken("APIError", "The server had an error processing your request."),
    "mixed-error-schemas": both(
        Expected("nothing", error="InternalServerError", status=500, says="Error code: 500"),
        Expected("nothing", error="InternalServerError", status=500, says=TOO_LONG),
        UNAVAILABLE,
        WHOLE,
    ),
    "flapping": both(UNAVAILABLE, UNAVAILABLE, WHOLE, WHOLE, UNAVAILABLE),
    "account-limits": both(WHOLE, WHOLE, WHOLE),
    "quota-exhausted": both(SPENT),
    "wrong-key": both(WRONG_KEY),
    "context-too-long": both(OUTGROWN),
    "content-filter": both(WHOLE),
    "retry-after-variants": both(*[LIMITED] * 7, WHOLE),
    "deprecated-model": both(GONE),
}
"""Profiles whose calls come to the same in every run. `cold-start` and `revoked-key` go by the
clock, `flaky` by chance: they have tests of their own."""

FLAKY = (
    Expected("nothing", error="InternalServerError", status=500, says="The server had an error"),
    Expected("nothing", error="InternalServerError", status=503, says="currently overloaded"),
    Expected("nothing", error="APIConnectionError", says="Connection error."),
)
