"""The estimate of tokens, against counts of cl100k that were taken once with tiktoken 0.14."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.scripts import tokens
from mockllm.scripts.tokens import (
    COSTS,
    KEPT,
    LONGEST,
    PART,
    SHORT,
    SLICE,
    SLICES,
    TEXTS,
    cost,
    count,
    count_tokens,
    rounded,
)

ENGLISH = """\
When a server stops in the middle of an answer, a careful client does not pretend that everything
went well. It notices that the final marker is missing, reports an error with the text it has got so
far, and leaves the decision to its caller. Unfortunately, many libraries were written on a sunny
afternoon against a service that never failed. They treat a closed connection as the ordinary end of
a stream, and the user sees half a sentence without any explanation. Others retry immediately, a
hundred times a second, and turn a short outage into a long one. "We didn't expect that," said the
engineer on call, "because it had worked in staging since 2023." The remedy isn't complicated: limit
the silence between two chunks, respect the pause that the server asks for, and test both regularly.
"""
CODE = '''\
from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Allows `rate` operations a second, with bursts of up to `capacity`."""

    rate: float
    capacity: int = 10
    _tokens: float = field(default=0.0, init=False)
    _updated_at: float = field(default=0.0, init=False)

    def try_acquire(self, now: float, amount: int = 1) -> bool:
        elapsed = max(0.0, now - self._updated_at)
        self._tokens = min(self.capacity, self._tokens + elapsed * self.rate)
        self._updated_at = now
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True


async def main() -> None:
    bucket = TokenBucket(rate=5.0)
    loop = asyncio.get_running_loop()
    for number in range(100):
        while not bucket.try_acquire(loop.time()):
            await asyncio.sleep(0.05)
        print(f"request {number:03d} sent")


if __name__ == "__main__":
    asyncio.run(main())
'''
JSON = """\
{"id": "ord_8f14e45fceea167a", "created": 1767225600, "status": "shipped", "total": 129.95,
 "currency": "EUR", "customer": {"name": "Erika Mustermann", "email": "erika@example.com",
 "address": {"street": "Heidestraße 17", "zip": "51147", "city": "Köln", "country": "DE"}},
 "items": [{"sku": "TSHIRT-M-BLUE", "quantity": 2, "price": 19.99, "tags": ["clothing", "sale"]},
 {"sku": "LAMP-0042", "quantity": 1, "price": 89.97, "tags": [], "warranty_months": 24}],
 "shipping": {"carrier": "DHL", "trackingNumber": "JJD000390007884561234", "delivered": false},
 "notes": null}
"""
SIMPLIFIED = """\
当服务器在回答的中途停止时，谨慎的客户端不会假装一切正常。它会发现最后的标记缺失，报告错误并附上目前收到的文本，
然后把决定权交给调用者。遗憾的是，许多程序库是针对从不出错的服务编写的。它们把关闭的连接当作数据流的正常结束，
用户只看到半句话，没有任何解释。还有一些程序每秒重试上百次，把短暂的故障变成长时间的中断。
解决办法并不复杂：限制两个数据块之间的等待时间，遵守服务器要求的间隔，并且定期测试这两种情况。
"""
TRADITIONAL = """\
當伺服器在回答的中途停止時，謹慎的用戶端不會假裝一切正常。它會發現最後的標記遺失，回報錯誤並附上目前收到的文字，
然後把決定權交給呼叫者。遺憾的是，許多程式庫是針對從不出錯的服務撰寫的。它們把關閉的連線當作資料流的正常結束，
使用者只看到半句話，沒有任何解釋。還有一些程式每秒重試上百次，把短暫的故障變成長時間的中斷。
"""
JAPANESE = """\
サーバーが回答の途中で止まったとき、慎重なクライアントはすべてが正常だったふりをしません。最後の印がないことに気づき、
そこまでに受け取ったテキストと一緒にエラーを報告して、判断を呼び出し側に任せます。残念ながら、多くのライブラリは
一度も失敗しないサービスを相手に書かれました。閉じられた接続をストリームの普通の終わりとして扱い、利用者は説明のない
文の半分だけを見ることになります。対策は難しくありません。二つのデータの間の沈黙を制限し、サーバーが求める待ち時間を
守り、その両方を定期的にテストすることです。
"""
KOREAN = """\
서버가 응답 도중에 멈추면 신중한 클라이언트는 모든 것이 정상인 척하지 않습니다. 마지막 표시가 없다는 것을 알아차리고,
지금까지 받은 텍스트와 함께 오류를 보고하며, 결정은 호출한 쪽에 맡깁니다. 안타깝게도 많은 라이브러리는 한 번도 실패하지
않는 서비스를 상대로 작성되었습니다. 닫힌 연결을 스트림의 정상적인 끝으로 처리하고, 사용자는 아무 설명 없이 문장의
절반만 보게 됩니다. 해결책은 복잡하지 않습니다. 두 데이터 사이의 침묵을 제한하고 서버가 요청한 대기 시간을 지키세요.
"""
COUNTS = [
    ("english", ENGLISH, 174),
    ("code", CODE, 258),
    ("json", JSON, 214),
    ("simplified Chinese", SIMPLIFIED, 221),
    ("traditional Chinese", TRADITIONAL, 222),
    ("japanese", JAPANESE, 274),
    ("korean", KOREAN, 241),
]


@pytest.mark.parametrize(("text", "real"), [pytest.param(t, n, id=name) for name, t, n in COUNTS])
def test_within_a_tenth(text: str, real: int) -> None:
    """English, code, JSON, Chinese, Japanese and Korean are within a tenth of cl100k's count."""
    assert count_tokens(text) == pytest.approx(real, rel=0.1)


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("a", 1), ("Hello", 1), ("Hello world", 2), ("don't", 2), ("12345", 2), ("\n\n", 1), ("你好", 2)],
)  # fmt: skip
def test_short_texts(text: str, count: int) -> None:
    """A word, a sign or three digits are a token."""
    assert count_tokens(text) == count


@given(st.text())
def test_parts_are_the_text(text: str) -> None:
    """Nothing of a text is left out, and everything costs something."""
    parts = PART.findall(text)
    assert "".join(parts) == text
    assert all(cost(part) > 0 for part in parts)


@given(
    st.lists(st.sampled_from(["a", " the", " word", " ", ",", "12", "camelCase", "字"])).map(
        "".join
    )
    | st.text()
)
def test_parts_that_come_again_cost_the_same(text: str) -> None:
    """Whatever is remembered of a part, and however often it comes: equal to the last bit."""
    parts = Counter(PART.findall(text))
    exactly = sum(cost(part) * number for part, number in parts.items())
    assert count(text) == exactly
    assert count_tokens(text) == count_tokens(text) == round(exactly)


def test_what_is_remembered_of_parts_is_bounded() -> None:
    """Neither many parts are kept nor long ones."""
    for number in range(KEPT + 10):
        count(f"{'x' * (number % 50)}字{'y' * (number // 50)}")
    assert 0 < len(COSTS) <= KEPT
    assert max(map(len, COSTS)) <= LONGEST


def test_only_short_texts_are_remembered() -> None:
    """A conversation's own, and not its documents."""
    rounded.cache_clear()
    for size in (SHORT, SHORT + 1):
        assert count_tokens("a " * (size // 2) + "." * (size % 2)) > 0
    assert rounded.cache_info().currsize == 1
    for number in range(TEXTS + 9):
        count_tokens(f"Hi {number}")
    assert rounded.cache_info().currsize == TEXTS


@pytest.mark.parametrize("long_size", [20_000, 400_000])
@pytest.mark.parametrize(
    "unit", ["a", " ", "\n", "=", " \n", "aB", "1", "'", "字", "é ", " 가", "😀"]
)
def test_a_text_costs_in_proportion_to_its_length(unit: str, long_size: int) -> None:
    """Ten times the text has ten times the tokens, however long its runs are."""
    short, long = count_tokens(unit * 2_000), count_tokens(unit * long_size)
    assert long == pytest.approx(long_size / 2_000 * short, rel=0.1)


@pytest.mark.parametrize(("text", "real"), [pytest.param(t, n, id=name) for name, t, n in COUNTS])
def test_a_long_prompt_within_a_tenth(text: str, real: int) -> None:
    """The slices of a long prompt stand for all of it."""
    times = 500_000 // len(text)
    assert count_tokens(text * times) == pytest.approx(real * times, rel=0.1)


def test_a_long_prompt_of_many_kinds() -> None:
    """Where English, code and Chinese follow each other in blocks, each is scaled for itself."""
    blocks = [text * times for times in range(1, 20) for _, text, _ in COUNTS]
    assert sum(map(len, blocks)) > 20 * SLICES * SLICE
    assert count_tokens(*blocks) == pytest.approx(sum(map(count_tokens, blocks)), rel=0.05)


def test_texts_of_a_prompt_are_counted_for_themselves() -> None:
    """Words of two messages do not become one."""
    assert count_tokens("Hello", "world") == count_tokens("Hello") + count_tokens("world")
    assert count_tokens() == 0


@pytest.mark.parametrize("texts", [[ENGLISH * 5_000], [ENGLISH] * 5_000, [SIMPLIFIED * 9_000]])
def test_only_slices_of_a_long_prompt_are_looked_at(
    texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the prompt and however many its messages, the work is the same."""

    class Watched:
        seen = 0

        def findall(self, text: str) -> list[str]:
            self.seen += len(text)
            return PART.findall(text)

    watched = Watched()
    monkeypatch.setattr(tokens, "PART", watched)
    assert count_tokens(*texts) > 500_000
    assert watched.seen == SLICES * SLICE
