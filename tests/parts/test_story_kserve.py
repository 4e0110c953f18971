"""KServe's shapes of errors: which endpoint says which, and what a transformer leaves of them."""

from __future__ import annotations

import pytest

from tests.stories.kserve import BAD, REPLIES, Run, Shape, run, shape_of

pytestmark = pytest.mark.parts("kserve")

SHAPES: dict[str, tuple[int, Shape]] = {
    "predict, broken JSON": (400, "error: text"),
    "predict, instances no list": (400, "error: text"),
    "predict, unknown model": (404, "error: text"),
    "infer, broken JSON": (422, "detail: list"),
    "infer, no inputs": (422, "detail: list"),
    "infer, wrong shape": (500, "error: text"),
    "infer, unknown data type": (400, "error: text"),
    "infer, unknown model": (404, "error: text"),
    "model, unknown": (404, "error: text"),
    "path, unknown": (404, "detail: text"),
}
SAYS = {
    "V1's error, a text": "HTTPStatusError : ValueError : This model's maximum context length is",
    "OpenAI's error, an object": "HTTPStatusError : {'code': '500', 'message': ",
    "FastAPI's detail": "HTTPStatusError : {'detail': [{'type': 'missing', ",
    "Envoy's plain text": "HTTPStatusError : , '503 Service Unavailable' for url ",
}
"""How the text begins that a transformer makes of each."""


@pytest.fixture(scope="module")
def happened() -> Run:
    """One run for all tests."""
    return run()


@pytest.mark.parametrize("what", BAD)
def test_an_endpoint_has_its_shape(happened: Run, what: str) -> None:
    """The real server answers so."""
    answer = happened.real[what]
    assert (answer.status, shape_of(answer.body)) == SHAPES[what]


@pytest.mark.parametrize("what", BAD)
def test_mockllm_says_the_same(happened: Run, what: str) -> None:
    """Status, headers in their order, and body; of an unknown path it also says the nearest."""
    mock, real = happened.mock[what], happened.real[what]
    if what == "path, unknown":
        assert (mock.status, shape_of(mock.body)) == (real.status, shape_of(real.body))
    else:
        assert mock == real


@pytest.mark.parametrize("what", REPLIES)
def test_a_transformer_makes_every_error_a_500_in_one_shape(happened: Run, what: str) -> None:
    """The predictor's status is in the text alone."""
    answer = happened.passed[what].answer
    assert (answer.status, shape_of(answer.body)) == (500, "error: text")
    assert answer.body.encode("latin-1").decode().replace('\\"', '"')[10:].startswith(SAYS[what])


def test_a_transformer_tries_once_and_passes_good_answers_on(happened: Run) -> None:
    """Each request reached the predictor once; the last was answered."""
    assert [call.status for call in happened.calls] == [500, 500, 422, 503, 200]
    assert happened.passed["a good answer"].answer.status == 200
