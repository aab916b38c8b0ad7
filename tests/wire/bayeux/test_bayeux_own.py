"""Events that each client hears on a channel of its own: one frame for all, with a blank that is filled in."""

from typing import Any

import msgspec
import pytest
from tests.wire.bayeux.booth import Booth, Guest

from hubbub.wire import frame
from hubbub.wire.bayeux import message
from hubbub.wire.bayeux.message import OWN_WIDTH, data_frame, filled, own_frame, own_name

NAME = "/user/" + "1" * 16
# Payloads whose headers are of each kind, and have 255s in them: next to the blank nothing else may look like it.
LENGTHS = [125, 126, 255, 256, 0x2FF, 0xFF00, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFF]


def own(channel: str, data: Any) -> dict[str, Any]:
    return {"channel": channel, "data": data}


class Street(Booth):
    """A house where all are in one group, some with a channel of their own."""

    def guest_on(self, channel: str = "") -> Guest:
        guest = self.guest()
        guest.subscribe("/all")
        guest.client.own = own_name(channel) if channel else b""
        return guest

    def call(self, data: object) -> None:
        """Tell everybody on their own channels."""
        self.group("/all").broadcast(own_frame(data))


class TestFrame:
    def test_as_wide_as_the_blank_it_is_a_frame_for_that_channel(self) -> None:
        assert len(own_name(NAME)) == OWN_WIDTH
        assert list(filled([own_frame({"a": 1})], own_name(NAME))) == [data_frame(NAME, {"a": 1})]

    @pytest.mark.parametrize("length", LENGTHS)
    @pytest.mark.parametrize("channel", [NAME, "/user/7"])
    def test_header_is_right_however_long_the_name_is(self, length: int, channel: str) -> None:
        around = len(frame.payload(data_frame(NAME, "")))
        data = "x" * (length - around)
        [one] = filled([own_frame(data)], own_name(channel))
        assert one[: -len(frame.payload(one))] == frame.text(bytes(length))[:-length]
        assert msgspec.json.decode(frame.payload(one)) == [own(channel, data)]

    def test_nothing_that_people_write_is_taken_for_the_blank(self) -> None:
        data = "\xff\xff\xff\xff \U0010ffff " + "\\u00ff" * 4
        assert own_frame(data).count(message.BLANK) == 1
        assert list(filled([data_frame("/a", data)], b"!")) == [data_frame("/a", data)]

    def test_too_long_a_name_is_refused(self) -> None:
        with pytest.raises(ValueError, match="too long"):
            own_name(NAME + "1")


class TestClients:
    def test_each_hears_it_on_the_channel_of_its_own(self) -> None:
        street = Street()
        guests = {channel: street.guest_on(channel) for channel in ("/user/1", "/user/22", NAME)}
        lines = {channel: guest.line() for channel, guest in guests.items()}
        street.call("one")
        street.call("two")
        street.loop.settle()
        for channel, line in lines.items():
            assert line.got() == [[own(channel, "one")], [own(channel, "two")]]

    def test_who_has_none_misses_it_and_nothing_else(self) -> None:
        street = Street()
        guest, other = street.guest_on(), street.guest_on("/user/1")
        line, other_line = guest.line(), other.line()
        street.tell("/all", 1)
        street.call(2)
        street.tell("/all", 3)
        street.loop.settle()
        assert line.got() == [[own("/all", 1)], [own("/all", 3)]]
        assert other_line.got() == [[own("/all", 1)], [own("/user/1", 2)], [own("/all", 3)]]
        line.wire.writes.clear()
        street.call(4)
        street.loop.settle()
        assert line.wire.writes == []
        assert guest.is_alive()

    def test_frames_stay_in_order_with_what_one_client_alone_is_sent(self) -> None:
        street = Street()
        guest = street.guest_on("/user/1")
        line = guest.line()
        street.call(1)
        guest.client.deliver("/x", 2)
        street.call(3)
        street.loop.settle()
        assert line.got() == [[own("/user/1", 1)], [own("/x", 2)], [own("/user/1", 3)]]

    def test_it_waits_for_who_polls(self) -> None:
        street = Street()
        guest = street.guest_on("/user/1")
        street.call(1)
        street.tell("/all", 2)
        street.loop.settle()
        assert guest.connect().body[1:] == [own("/user/1", 1), own("/all", 2)]
        poll = guest.connect()
        assert poll.waits()
        street.call(3)
        street.loop.settle()
        assert poll.body[1:] == [own("/user/1", 3)]

    def test_a_poll_is_not_answered_by_what_its_client_misses(self) -> None:
        street = Street()
        poll = street.guest_on().connect()
        street.call(1)
        street.loop.settle()
        assert poll.waits()
        street.tell("/all", 2)
        street.loop.settle()
        assert poll.body[1:] == [own("/all", 2)]

    def test_what_waits_is_counted_as_it_is_sent(self) -> None:
        street = Street()
        guest = street.guest_on("/user/1")
        street.call(1)
        street.loop.settle()
        assert guest.client.statistics()[:2] == (1, len(data_frame(NAME, 1)))

    def test_what_had_waited_goes_out_over_a_websocket(self) -> None:
        street = Street()
        guest = street.guest_on("/user/1")
        street.call(1)
        street.loop.settle()
        line = guest.line()
        line.read = 0
        assert [own("/user/1", 1)] in line.got()

    def test_the_last_of_it_goes_with_the_answer_to_who_leaves(self) -> None:
        street = Street()
        guest = street.guest_on("/user/1")
        poll = guest.connect()
        street.call(1)
        guest.client.close()
        street.loop.settle()
        assert poll.body[1:] == [own("/user/1", 1)]
