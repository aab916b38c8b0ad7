"""Ids out of addresses, addresses out of ids, and durations."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.media.youtube import (
    RESERVED,
    channel_link,
    find_id,
    is_id,
    make_media,
    read_duration,
    short_link,
    thumbnail,
    watch_link,
)

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ids = st.text(SIGNS, min_size=11, max_size=11).filter(lambda text: text not in RESERVED)
hosts = st.sampled_from(["", "www.", "m.", "music.", "gaming."])
FORMS = (
    "youtube.com/watch?v={}",
    "youtube.com/watch/{}",
    "youtube.com/watch?app=desktop&v={}",
    "youtube.com/shorts/{}",
    "youtube.com/embed/{}",
    "youtube.com/live/{}",
    "youtube.com/v/{}",
    "youtube-nocookie.com/embed/{}",
    "youtu.be/{}",
)
others = st.lists(
    st.sampled_from(["t=42", "t=1m2s", "list=PLFgquLnL59alCl_2TQvOiD5Vgm1hCaGSI", "index=3", "si=aBc", "feature=share"])
)


@given(ids, st.sampled_from(FORMS), hosts, st.sampled_from(["https://", "http://", "HTTPS://", "//", ""]), others)
def test_every_form_of_address_has_its_id(media_id: str, form: str, host: str, scheme: str, more: list[str]) -> None:
    address = scheme + host + form.format(media_id)
    if more:
        address += ("&" if "?" in address else "?") + "&".join(more)
    assert find_id(address) == media_id
    assert find_id(f"  {address}\n") == media_id


@given(ids)
def test_what_is_made_of_an_id_leads_back_to_it(media_id: str) -> None:
    assert is_id(media_id)
    for address in (media_id, short_link(media_id), watch_link(media_id)):
        assert find_id(address) == media_id
    assert f"/{media_id}/" in thumbnail(media_id)


@given(st.text(SIGNS, max_size=30).filter(lambda text: len(text) != 11), st.sampled_from(FORMS))
def test_what_is_too_long_or_too_short_is_no_id(text: str, form: str) -> None:
    assert not is_id(text)
    assert find_id(text) is None
    assert find_id("https://" + form.format(text)) is None


@given(st.text() | st.sampled_from(FORMS).flatmap(lambda form: st.text().map(form.format)))
@example("http://[")
@example("https://youtube.com/watch?" + "&".join(["v="] * 1000))
@example("https://youtube.com/watch?v=\ud800")
@example("youtu.be")
@example("https://youtube.com/attribution_link?u=/attribution_link?u=/watch?v=aqz-KE-bpKQ")
def test_nothing_else_ends_in_anything_but_nothing_or_an_id(text: str) -> None:
    found = find_id(text)
    assert found is None or is_id(found)


@pytest.mark.parametrize(
    "text",
    [
        "https://www.youtube.com/watch?v=aqz-KE-bpKQ?t=10",
        "https://youtu.be/aqz-KE-bpKQ&t=10",
        "https://youtu.be/aqz-KE-bpKQ/",
        "https://www.youtube.com/watch?list=PL1&amp;v=aqz-KE-bpKQ",
        "https://www.youtube.com./watch?v=aqz-KE-bpKQ#t=10",
        "https://www.youtube.com:443/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3Daqz-KE-bpKQ%26feature%3Dshare",
    ],
)
def test_addresses_that_people_paste(text: str) -> None:
    assert find_id(text) == "aqz-KE-bpKQ"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cats and dogs",
        "look at https://youtu.be/aqz-KE-bpKQ",
        "https://example.org/watch?v=aqz-KE-bpKQ",
        "https://youtube.com.example.org/watch?v=aqz-KE-bpKQ",
        "https://youtube.com@example.org/watch?v=aqz-KE-bpKQ",
        "https://notyoutube.com/watch?v=aqz-KE-bpKQ",
        "ftp://youtube.com/watch?v=aqz-KE-bpKQ",
        "javascript://youtube.com/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com/playlist?list=PLFgquLnL59a",
        "https://www.youtube.com/embed/videoseries?list=PL1",
        "https://www.youtube.com/embed/live_stream?channel=UC1",
        "https://www.youtube.com/@achannel",
        "https://www.youtube.com/user/elevenchars",
        "https://youtu.be/aqz-KE-bpKQ?" + "x" * 3000,
    ],
)
def test_what_is_no_address_of_a_video(text: str) -> None:
    assert find_id(text) is None


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_words_that_only_look_like_ids(word: str) -> None:
    assert len(word) == 11
    assert not is_id(word)
    assert find_id(word) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT3M33S", 213),
        ("PT1H", 3600),
        ("PT1H2M3S", 3723),
        ("P1DT1S", 86_401),
        ("P1W", 604_800),
        ("PT0M59S", 59),
        ("PT12.7S", 12),
        ("P0D", None),
        ("PT0S", None),
        ("P", None),
        ("PT", None),
        ("", None),
        ("P1Y", None),
        ("3:33", None),
        ("PT3M33S ", None),
        ("PT٣M", None),
        ("PT" + "9" * 5000 + "S", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert read_duration(text) == seconds


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert read_duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == (total or None)


def test_channels_have_addresses_by_id_and_by_handle() -> None:
    assert channel_link("UCuAXFkgsw1L7xaCfnd5JJOw") == "https://youtube.com/channel/UCuAXFkgsw1L7xaCfnd5JJOw"
    assert channel_link("@achannel") == "https://youtube.com/@achannel"
    assert channel_link("A Channel") == channel_link("@a/../b") == channel_link("") == ""


@given(st.text(), st.text())
@example("a\0b\ud800", "\r\x1b[0m")
def test_what_is_made_can_be_stored(title: str, description: str) -> None:
    media = make_media("aqz-KE-bpKQ", title=title, description=description)
    for text in (media.title, media.description):
        assert "\0" not in text
        text.encode()


def test_texts_are_bounded() -> None:
    media = make_media("aqz-KE-bpKQ", title="x" * 10_000, channel="x" * 10_000, description="x" * 100_000)
    assert (len(media.title), len(media.channel), len(media.description)) == (500, 200, 5000)


@pytest.mark.parametrize("still", ["", "http://i.ytimg.com/a.jpg", "javascript:alert(1)", "https://a/\n", "https://ä/"])
def test_a_picture_that_nobody_should_load_is_replaced(still: str) -> None:
    assert make_media("aqz-KE-bpKQ", title="", still=still).thumbnail == thumbnail("aqz-KE-bpKQ")
