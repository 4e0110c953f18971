"""The failures that mockllm was made for, with the real parts: each module runs one.

`python -m tests.stories.NAME` runs it again and writes the picture and the table of its page in
`docs/stories`; `.ci/parts` must have installed the parts. The tests are in `tests/parts`.
"""
