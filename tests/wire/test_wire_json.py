import json

from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire.json import mend


@given(st.text())
def test_whatever_is_written_stays_as_it_is(text: str) -> None:
    mended = json.loads(mend(json.dumps(text)))
    assert mended == text


def test_halves_of_pairs_are_replaced_and_whole_ones_stay() -> None:
    assert json.loads(mend(r'["\ud83d", "\ud83d\ude00", "\ude00\ud83d", "\\ud83d", "\\\\u0000"]')) == [
        "\ufffd",
        "😀",
        "\ufffd\ufffd",
        "\\ud83d",
        "\\\\u0000",
    ]
