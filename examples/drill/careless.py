"""A careless client: the kind of code that works on the first day.

It believes every status, joins whatever lines come, tries again at once and ten times, with no limit
on time, and reports success whatever happened.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request

ATTEMPTS = 10


def ask() -> str:
    """The text that came, of whatever it was."""
    body = {
        "model": os.environ["MOCKLLM_MODEL"],
        "stream": os.environ["MOCKLLM_STREAM"] == "1",
        "messages": [{"role": "user", "content": os.environ["MOCKLLM_MESSAGE"]}],
    }
    request = urllib.request.Request(
        f"{os.environ['OPENAI_BASE_URL']}/chat/completions",
        json.dumps(body).encode(),
        {
            "content-type": "application/json",
            "authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
        },
    )
    text = ""
    try:
        for line in urllib.request.urlopen(request):
            if line.startswith(b"data: {"):
                text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            elif line.startswith(b"{"):
                text += json.loads(line)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError:
        raise
    except Exception as error:
        print(error, file=sys.stderr)  # the rest will do
    return text


def main() -> None:
    """Ask until it works, or give an empty answer."""
    text = ""
    for _ in range(ATTEMPTS):
        try:
            text = ask()
            break
        except urllib.error.HTTPError as error:
            print(error, file=sys.stderr)
    print(json.dumps({"text": text}))


if __name__ == "__main__":
    main()
