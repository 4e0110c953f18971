"""The profile that `mockllm new` writes: a small one that works, with every line explained."""

from __future__ import annotations

from pathlib import Path

from mockllm.profile.library import shipped

SCHEMA_LINE = "# yaml-language-server: $schema={schema}"
"""What editors read: with it they complete keys and mark mistakes."""

BODY = """\
# The line above lets editors complete this file; it points to the schema of the mockllm in use.
# Imitates: say here which failure this profile imitates, and where it was seen.
# A good client: say here what a client must do to survive it.
# Check it with `mockllm check {file}`, see what it does with `mockllm plan {file}`.
mockllm: 1                                  # the version of the language
about: The first call fails, the second stops in the middle.  # one sentence, for `mockllm list`
seed: 7                                     # where chance begins; without it 0, or --seed
models: [gpt-4o-mini, llama-3-8b]           # what /v1/models lists
strict: false                               # true: unknown models, and calls without a route, get 404
routes:                                     # the first route that matches a call is taken
  - name: streams                           # the route's name in the journal
    match: {{stream: true, model: "*"}}       # for whom; all conditions must hold
    script: {{words: 60}}                     # what a healthy server would say; also text, tool_calls, …
    pacing: {{ttft: 300ms, itl: 20ms}}        # how fast: the first token after 300 ms, then one each 20 ms
    faults:                                 # what goes wrong; without `first`, `nth`, … on every call
      - {{fail: 503, nth: 1}}                 # the first call of a session gets an error instead
      - {{stall: 2s, at: after content 5, nth: 2}}   # the second falls silent after five tokens
      - {{close: rst, at: after content 8, nth: 2}}  # … goes on, and is reset after eight
  - name: everything else                   # a route without match takes what is left
    faults:                                 # a list in the order of time
      - {{fail: {{status: 429, headers: {{retry-after: 1}}}}, first: 1}}  # an error with a header, once
expect:                                     # what a good client does; kept, not judged yet
  client: {{text: whole}}                     # its caller gets the whole text
  server: {{attempts: {{min: 2, max: 4}}}}      # after so many attempts
"""


def starter(file: str) -> str:
    """The profile's text; `file` is how its comments call it."""
    schema: Path = shipped() / "schema.json"
    return f"{SCHEMA_LINE.format(schema=schema)}\n{BODY.format(file=file)}"
