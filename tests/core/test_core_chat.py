"""Conversation: belonging, speaking, and writing to each other directly (protocols/venueless.md 1.9)."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.core.house import WORLD, House
from tests.core.talk import Talk

from hubbub.core.chat import (
    MAX_BODY,
    MAX_MENTIONS,
    MAX_REACTIONS,
    DeleteMessage,
    EditMessage,
    JoinChat,
    LeaveChat,
    PostMessage,
    ReactToMessage,
    SubscribeChat,
    UnsubscribeChat,
)
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import (
    ChannelsChanged,
    ConversationOpened,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    MentionMissed,
    MessagePosted,
    MessageReacted,
    NotificationsCounted,
    RoomUpdated,
    Subscribed,
    Topic,
    UserBanned,
    UserNotified,
    UserUnread,
)
from hubbub.core.model import Ban, Message
from hubbub.core.room import EnterRoom, RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, BlockUser, DeleteUser, SilenceUser, UpdateProfile


@pytest.fixture
def talk(house: House) -> Talk:
    return Talk(house)


# Belonging


def test_joining_for_good(talk: Talk) -> None:
    house = talk.house
    outcome = talk.do(JoinChat(room=house.lounge), talk.ada)
    assert outcome.result.members == ()
    assert outcome.one(MemberJoined).member.user == talk.ada
    said = outcome.one(MessagePosted).message
    assert said.event == {"type": "member.joined", "user": talk.ada, "nickname": "Ada"}
    assert said.body == "Ada has joined the group"
    assert outcome.one(ChannelsChanged).session == talk.tabs[talk.ada]
    assert house.hears(Topic.CHAT, house.lounge) == {talk.tabs[talk.ada]}
    assert talk.conversations(talk.ada) == [house.lounge]
    second = talk.do(JoinChat(room=house.lounge), talk.bob)
    assert [user.id for user in second.result.members] == [talk.ada]


def test_joining_twice_is_joining_once(talk: Talk) -> None:
    talk.join(talk.ada)
    again = talk.do(JoinChat(room=talk.house.lounge), talk.ada)
    assert [type(event) for event in again.events] == [Subscribed]


@pytest.mark.parametrize("profile", [{}, {"display_name": ""}, {"display_name": 5}])
def test_who_joins_needs_a_name(house: House, profile: Any) -> None:
    nameless = house.person(profile=profile)
    assert house.refusal(JoinChat(room=house.lounge), nameless, session=1) == Code.PROFILE_MISSING


def test_who_may_not_join(talk: Talk) -> None:
    assert talk.refusal(JoinChat(room=talk.house.office), talk.ada) == Code.ROOM_DENIED


def test_leaving_for_good(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    outcome = talk.do(LeaveChat(room=talk.house.lounge), talk.ada)
    assert outcome.one(MemberLeft).member.user == talk.ada
    said = outcome.one(MessagePosted).message
    assert said.event == {"type": "member.left", "user": talk.ada, "nickname": "Ada"}
    assert said.body == "Ada has left the group."
    assert outcome.one(ChannelsChanged).user == talk.ada
    assert talk.conversations(talk.ada) == []
    assert talk.house.hears(Topic.CHAT, talk.house.lounge) == {talk.tabs[talk.bob]}
    assert talk.do(LeaveChat(room=talk.house.lounge), talk.ada).of(MemberLeft) == []


def test_where_people_come_and_go_nobody_says_so(talk: Talk) -> None:
    stage = talk.house.stage
    outcome = talk.do(JoinChat(room=stage), talk.ada)
    assert outcome.of(MessagePosted) + outcome.of(MemberJoined) == []
    assert outcome.result.members == ()
    assert talk.conversations(talk.ada) == []
    assert talk.say(talk.ada, room=stage).result.body == "Hi"
    left = talk.do(LeaveChat(room=stage), talk.ada)
    assert left.of(MessagePosted) == []
    assert left.one(ChannelsChanged).session == talk.tabs[talk.ada]
    assert talk.refusal(PostMessage(room=stage, body="Hi"), talk.ada) == Code.CHAT_DENIED


def test_volatile_belonging_ends_with_the_last_tab_that_listens(talk: Talk) -> None:
    house, ada = talk.house, talk.ada
    tabs = [talk.tabs[ada], house.connect(ada), house.connect(ada)]
    for tab in tabs[:2]:
        house.do(JoinChat(room=house.stage), ada, session=tab)
    house.do(SubscribeChat(room=house.stage), ada, session=tabs[2])
    house.log_out(ada, tabs[0])
    house.do(UnsubscribeChat(room=house.stage), ada, session=tabs[1])
    assert house.do(PostMessage(room=house.stage, body="Hi"), ada).result
    house.do(UnsubscribeChat(room=house.stage), ada, session=tabs[2])
    assert house.refusal(PostMessage(room=house.stage, body="Hi"), ada) == Code.CHAT_DENIED


def test_lasting_belonging_outlives_every_connection(talk: Talk) -> None:
    talk.join(talk.ada)
    talk.do(UnsubscribeChat(room=talk.house.lounge), talk.ada)
    talk.house.log_out(talk.ada, talk.tabs[talk.ada])
    assert talk.house.do(PostMessage(room=talk.house.lounge, body="Hi"), talk.ada).result


def test_nobody_belongs_for_a_while_without_a_connection(talk: Talk) -> None:
    """Once such belonging never ended."""
    talk.house.do(JoinChat(room=talk.house.stage), talk.ada)
    assert talk.house.state.presence.statistics()["volatile"] == 0


def test_only_moderators_choose_how_long_they_belong(talk: Talk) -> None:
    stage, lounge = talk.house.stage, talk.house.lounge
    talk.do(JoinChat(room=stage, volatile=False), talk.ada)
    talk.do(JoinChat(room=stage, volatile=False), talk.mo)
    assert set(talk.house.state.members[stage]) == {talk.mo}
    assert set(talk.house.state.presence.volatile[stage]) == {talk.ada}
    talk.do(JoinChat(room=lounge, volatile=True), talk.ada)
    talk.do(JoinChat(room=lounge, volatile=True), talk.mo)
    assert set(talk.house.state.members[lounge]) == {talk.ada}
    assert set(talk.house.state.presence.volatile[lounge]) == {talk.mo}


def test_who_belonged_for_a_while_may_belong_for_good(talk: Talk) -> None:
    stage = talk.house.stage
    talk.do(JoinChat(room=stage), talk.mo)
    talk.do(JoinChat(room=stage, volatile=False), talk.mo)
    assert talk.house.state.presence.volatile == {}
    talk.do(UnsubscribeChat(room=stage), talk.mo)
    assert talk.conversations(talk.mo) == [stage]


def test_listening_is_not_belonging(talk: Talk) -> None:
    lounge = talk.house.lounge
    talk.join(talk.bob)
    said = talk.say(talk.bob).result
    heard = talk.do(SubscribeChat(room=lounge), talk.ada).result
    assert (heard.next_number, heard.last_said) == (said.number + 1, said.number)
    assert [user.id for user in heard.members] == [talk.bob]
    assert talk.refusal(PostMessage(room=lounge, body="Hi"), talk.ada) == Code.CHAT_DENIED
    assert talk.refusal(SubscribeChat(room=talk.house.office), talk.ada) == Code.ROOM_DENIED


def test_rooms_that_everybody_belongs_to(talk: Talk) -> None:
    house = talk.house
    for room in (house.lounge, house.office, house.shed):
        house.do(UpdateRoom(room=room, settings=RoomSettings(force_join=True)), operator=True)
    nameless = house.person()
    session = house.connect(nameless)
    assert house.do(UpdateProfile(client_state={"a": 1}), nameless, session=session).of(MemberJoined) == []
    outcome = house.do(UpdateProfile(profile={"display_name": "New"}), nameless, session=session)
    assert [event.room for event in outcome.of(MemberJoined)] == [house.lounge]
    assert outcome.one(ChannelsChanged).session == 0
    assert house.do(UpdateProfile(profile={"display_name": "Newer"}), nameless).of(MemberJoined) == []


# Speaking


def test_something_is_said(talk: Talk) -> None:
    talk.join(talk.ada)
    extra = {"more": 1}
    outcome = talk.say(talk.ada, "Hello", extra=extra, attachments=({"url": "/a"},))
    message = outcome.result
    assert outcome.one(MessagePosted).message is message
    assert (message.sender, message.body, message.kind) == (talk.ada, "Hello", "text")
    assert (message.extra, message.attachments) == (extra, ({"url": "/a"},))
    assert message.number > 1
    assert message.seq == outcome.one(MessagePosted).seq


def test_numbers_rise_over_all_rooms(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    talk.join(talk.ada, room=talk.house.stage)
    direct = talk.direct(talk.ada, talk.bob)
    numbers = [talk.say(talk.ada, room=room).result.number for room in (talk.house.lounge, talk.house.stage, direct)]
    assert numbers == sorted(set(numbers))


def test_nothing_is_not_said(talk: Talk) -> None:
    talk.join(talk.ada)
    assert talk.refusal(PostMessage(room=talk.house.lounge, body=""), talk.ada) == Code.MESSAGE_EMPTY
    assert talk.say(talk.ada, "", attachments=({"url": "/a"},)).result
    number = talk.say(talk.ada).result.number
    assert talk.refusal(EditMessage(room=talk.house.lounge, number=number, body=""), talk.ada) == Code.MESSAGE_EMPTY


def test_too_much_is_not_said(talk: Talk) -> None:
    talk.join(talk.ada)
    assert talk.say(talk.ada, "x" * MAX_BODY).result
    lounge = talk.house.lounge
    assert talk.refusal(PostMessage(room=lounge, body="x" * (MAX_BODY + 1)), talk.ada) == Code.TOO_LARGE
    assert talk.refusal(PostMessage(room=lounge, attachments=({},) * 21), talk.ada) == Code.TOO_LARGE


def test_kinds_of_messages(talk: Talk) -> None:
    talk.join(talk.ada)
    direct = talk.direct(talk.ada, talk.bob)
    assert talk.refusal(PostMessage(room=talk.house.lounge, kind="call"), talk.ada) == Code.MESSAGE_KIND
    assert talk.say(talk.ada, "", room=direct, kind="call").result.kind == "call"
    for kind in ("system", "poll"):
        command = PostMessage(room=talk.house.lounge, kind=kind, body="Hi")
        assert talk.refusal(command, talk.ada) == Code.MESSAGE_KIND


def test_the_silenced_do_not_speak_and_the_others_belong_first(talk: Talk) -> None:
    lounge = talk.house.lounge
    assert talk.refusal(PostMessage(room=lounge, body="Hi"), talk.ada) == Code.CHAT_DENIED
    talk.join(talk.ada)
    talk.house.do(SilenceUser(user=talk.ada), talk.house.owner())
    assert talk.refusal(PostMessage(room=lounge, body="Hi"), talk.ada) == Code.ROOM_DENIED


# Once and only once


def test_the_same_nonce_gives_the_first_message_again(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    first = talk.say(talk.ada, "One", nonce="n")
    again = talk.say(talk.ada, "Two", nonce="n")
    assert again.result == first.result
    assert again.events == []
    assert talk.say(talk.bob, "Three", nonce="n").result.body == "Three"
    assert talk.say(talk.ada, "Four", nonce="m").result.body == "Four"


def test_a_nonce_outlives_a_restart(talk: Talk) -> None:
    talk.join(talk.ada)
    first = talk.say(talk.ada, nonce="n").result
    talk.house.state.nonces.clear()
    again = talk.say(talk.ada, nonce="n")
    assert (again.result, again.events) == (first, [])


def test_two_at_once_with_one_nonce(talk: Talk) -> None:
    """Once the second was told that the first could not be stored, though it was only on its way."""
    talk.join(talk.ada)
    lounge, firsts = talk.house.lounge, []
    command = PostMessage(room=lounge, body="Hi", nonce="n")
    talk.house.cabinet.meanwhile = lambda: firsts.append(talk.do(command, talk.ada).result)
    second = talk.do(command, talk.ada)
    assert [second.result] == firsts
    assert second.events == []
    assert len([message for message in talk.house.cabinet.said() if message.kind == "text"]) == 1


@pytest.mark.parametrize("nonce", ["", "x" * 129])
def test_nonces_that_are_none(talk: Talk, nonce: str) -> None:
    talk.join(talk.ada)
    assert talk.refusal(PostMessage(room=talk.house.lounge, body="Hi", nonce=nonce), talk.ada) == Code.INVALID


def test_who_is_banned_while_we_look_does_not_speak(talk: Talk) -> None:
    talk.join(talk.ada)
    house = talk.house
    ban = Ban(id=house.new_id(), world=WORLD, user=talk.ada, at=house.now)
    house.cabinet.meanwhile = lambda: house.happen(UserBanned(world=WORLD, ban=ban))
    command = PostMessage(room=house.lounge, body="Hi", nonce="n")
    assert talk.refusal(command, talk.ada) == Code.ROOM_DENIED


def test_who_is_deleted_while_we_look_does_not_speak(talk: Talk) -> None:
    """Once the user was who they had been before the wait."""
    talk.join(talk.ada)
    owner = talk.house.owner()
    number = talk.say(talk.ada).result.number
    talk.house.cabinet.meanwhile = lambda: talk.house.do(DeleteUser(user=talk.ada), owner) and None
    command = EditMessage(room=talk.house.lounge, number=number, body="Still here")
    assert talk.refusal(command, talk.ada) == Code.ROOM_DENIED


# Editing, deleting, reacting


@pytest.mark.parametrize(
    ("who", "edits", "deletes"), [("sender", True, True), ("other", False, False), ("moderator", False, True)]
)
def test_who_may_change_what_was_said(talk: Talk, who: str, edits: bool, deletes: bool) -> None:
    talk.join(talk.ada, talk.bob, talk.mo)
    user = {"sender": talk.ada, "other": talk.bob, "moderator": talk.mo}[who]
    lounge, number = talk.house.lounge, talk.say(talk.ada, "Old").result.number
    for command, allowed in (
        (EditMessage(room=lounge, number=number, body="New"), edits),
        (DeleteMessage(room=lounge, number=number), deletes),
    ):
        if allowed:
            assert talk.do(command, user).result.replaces == number
        else:
            assert talk.refusal(command, user) == Code.CHAT_DENIED


def test_a_moderator_who_does_not_belong_deletes_nothing(talk: Talk) -> None:
    talk.join(talk.ada)
    number = talk.say(talk.ada).result.number
    assert talk.refusal(DeleteMessage(room=talk.house.lounge, number=number), talk.mo) == Code.CHAT_DENIED


def test_an_edit_is_a_message_and_changes_the_first(talk: Talk) -> None:
    talk.join(talk.ada)
    first = talk.say(talk.ada, "Old", nonce="n").result
    talk.house.advance(timedelta(minutes=1))
    edit = talk.do(EditMessage(room=talk.house.lounge, number=first.number, body="New"), talk.ada)
    posted = edit.one(MessagePosted)
    assert posted.message is edit.result
    assert (edit.result.replaces, edit.result.body, edit.result.edited) == (first.number, "New", None)
    assert edit.result.number > first.number
    assert (posted.original.number, posted.original.body) == (first.number, "New")
    assert posted.original.edited == talk.house.now
    assert [message.body for message in talk.fetch(talk.ada)[-2:]] == ["New", "New"]


def test_what_is_deleted_leaves_its_place(talk: Talk) -> None:
    talk.join(talk.ada)
    number = talk.say(talk.ada, "Oops", extra={"a": 1}, attachments=({"url": "/a"},)).result.number
    original = talk.do(DeleteMessage(room=talk.house.lounge, number=number), talk.ada).one(MessagePosted).original
    assert (original.number, original.deleted) == (number, True)
    assert (original.body, original.attachments, original.extra) == ("", (), None)
    command = EditMessage(room=talk.house.lounge, number=number, body="Back")
    assert talk.refusal(command, talk.ada) == Code.CHAT_DENIED


def test_nobody_edits_or_deletes_what_the_system_said(talk: Talk) -> None:
    talk.join(talk.ada, talk.mo)
    lounge = talk.house.lounge
    number = next(one.number for one in talk.house.cabinet.said() if one.sender == talk.mo)
    assert talk.refusal(EditMessage(room=lounge, number=number, body="Hi"), talk.mo) == Code.CHAT_DENIED
    assert talk.refusal(DeleteMessage(room=lounge, number=number), talk.mo) == Code.CHAT_DENIED


def test_messages_of_elsewhere_are_unknown(talk: Talk) -> None:
    talk.join(talk.ada)
    talk.join(talk.ada, room=talk.house.stage)
    number = talk.say(talk.ada, room=talk.house.stage).result.number
    for other in (number, 0, -1, 999):
        for command in (
            EditMessage(room=talk.house.lounge, number=other, body="Hi"),
            DeleteMessage(room=talk.house.lounge, number=other),
            ReactToMessage(room=talk.house.lounge, number=other, reaction="👍"),
        ):
            assert talk.refusal(command, talk.ada) == Code.MESSAGE_UNKNOWN


def test_reactions_of_several_and_taking_one_back(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    lounge, number = talk.house.lounge, talk.say(talk.ada).result.number

    def react(user: int, sign: str, **fields: Any) -> Any:
        return talk.do(ReactToMessage(room=lounge, number=number, reaction=sign, **fields), user)

    assert react(talk.bob, "👍").one(MessageReacted).message.reactions == {"👍": (talk.bob,)}
    assert react(talk.ada, "👍").result.reactions == {"👍": (talk.bob, talk.ada)}
    assert react(talk.ada, "👍").events == []
    assert react(talk.ada, "🦄").result.reactions == {"👍": (talk.bob, talk.ada), "🦄": (talk.ada,)}
    assert react(talk.bob, "👍", delete=True).result.reactions == {"👍": (talk.ada,), "🦄": (talk.ada,)}
    assert react(talk.bob, "👍", delete=True).events == []
    assert react(talk.ada, "🦄", delete=True).result.reactions == {"👍": (talk.ada,)}


@pytest.mark.parametrize("sign", ["", "a", "👍👍", ":)", "👍 "])
def test_only_an_emoji_is_a_reaction(talk: Talk, sign: str) -> None:
    talk.join(talk.ada)
    number = talk.say(talk.ada).result.number
    command = ReactToMessage(room=talk.house.lounge, number=number, reaction=sign)
    assert talk.refusal(command, talk.ada) == Code.REACTION_UNKNOWN


def test_a_message_has_a_limit_of_reactions(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    lounge, number = talk.house.lounge, talk.say(talk.ada).result.number
    signs = [chr(0x1F400 + place) for place in range(MAX_REACTIONS + 1)]
    for sign in signs[:-1]:
        talk.do(ReactToMessage(room=lounge, number=number, reaction=sign), talk.ada)
    assert talk.refusal(ReactToMessage(room=lounge, number=number, reaction=signs[-1]), talk.ada) == Code.TOO_MANY
    assert talk.do(ReactToMessage(room=lounge, number=number, reaction=signs[0]), talk.bob).events


def test_who_only_listens_does_not_react(talk: Talk) -> None:
    talk.join(talk.ada)
    number = talk.say(talk.ada).result.number
    command = ReactToMessage(room=talk.house.lounge, number=number, reaction="👍")
    assert talk.refusal(command, talk.bob) == Code.CHAT_DENIED


def test_a_change_that_is_not_on_disk_yet_is_changed_further(talk: Talk) -> None:
    """Two react at once: the archive still has the message without either."""
    talk.join(talk.ada, talk.bob)
    lounge, number = talk.house.lounge, talk.say(talk.ada).result.number
    old = next(one for one in talk.house.cabinet.said() if one.number == number)
    key = (Message, (old.id,))
    for user in (talk.ada, talk.bob):
        talk.house.cabinet.records[key] = old
        outcome = talk.do(ReactToMessage(room=lounge, number=number, reaction="👍"), user)
    assert outcome.result.reactions == {"👍": (talk.ada, talk.bob)}


# Whom it reaches


def test_mentions_reach_those_who_belong(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    outcome = talk.say(talk.ada, mentions=(talk.bob, talk.mo, talk.bob, talk.ada, 12345))
    assert [event.user for event in outcome.of(UserNotified)] == [talk.bob]
    assert outcome.one(NotificationsCounted).state.notifications == (outcome.result.id,)
    missed = outcome.one(MentionMissed)
    assert (missed.user, missed.missed) == (talk.ada, (talk.mo,))
    assert missed.message is outcome.result
    again = talk.say(talk.ada, mentions=(talk.bob,))
    assert again.one(NotificationsCounted).state.notifications == (outcome.result.id, again.result.id)
    assert again.of(MentionMissed) == []


def test_in_a_volatile_room_mentions_reach_whoever_may_read(talk: Talk) -> None:
    talk.join(talk.ada, room=talk.house.stage)
    guest = talk.house.person("Guest", kind="anon")
    outcome = talk.say(talk.ada, room=talk.house.stage, mentions=(talk.bob, guest))
    assert outcome.one(UserNotified).user == talk.bob
    assert outcome.one(MentionMissed).missed == (guest,)


def test_who_mentions_everybody_mentions_nobody(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    many = (*range(1, MAX_MENTIONS), talk.bob)
    assert len(many) == 50
    assert talk.say(talk.ada, mentions=many).of(UserNotified) == []
    assert talk.say(talk.ada, mentions=many[1:]).one(UserNotified).user == talk.bob


def test_members_who_may_no_longer_read_are_told_nothing(talk: Talk) -> None:
    """Once a mention brought the message to a member of a room that was closed to them."""
    talk.join(talk.ada, talk.bob, talk.mo)
    room = talk.house.state.rooms[talk.house.lounge]
    talk.house.grant(talk.ada, "participant", room.id)
    closed = msgspec.structs.replace(room, trait_grants={})
    talk.house.happen(RoomUpdated(world=WORLD, room=room.id, config=closed))
    outcome = talk.say(talk.ada, mentions=(talk.bob, talk.mo))
    assert talk.told_unread(outcome) == {talk.mo}
    assert [event.user for event in outcome.of(UserNotified)] == [talk.mo]
    assert outcome.one(MentionMissed).missed == (talk.bob,)


# Direct conversations


def test_opening_a_direct_conversation(talk: Talk) -> None:
    outcome = talk.do(OpenDirect(users=(talk.bob,)), talk.ada)
    opened = outcome.one(ConversationOpened)
    room = outcome.result.room
    assert room == opened.config
    assert room.kind == "direct"
    assert {member.user: member.hidden for member in opened.members} == {talk.ada: False, talk.bob: True}
    said = [event.message.event for event in outcome.of(MessagePosted)]
    names = {talk.ada: "Ada", talk.bob: "Bob"}
    assert said == [{"type": "member.joined", "user": user, "nickname": name} for user, name in names.items()]
    assert [event.user for event in outcome.of(ChannelsChanged)] == [talk.ada]
    assert outcome.of(UserUnread) + outcome.of(UserNotified) == []
    assert talk.house.hears(Topic.CHAT, room.id) == {talk.tabs[talk.ada]}
    assert talk.house.state.ordered_rooms() and room not in talk.house.state.ordered_rooms()


def test_the_other_sees_it_with_the_first_message(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob)
    assert (talk.conversations(talk.ada), talk.conversations(talk.bob)) == ([direct], [])
    outcome = talk.say(talk.ada, room=direct)
    assert outcome.one(ChannelsChanged).user == talk.bob
    assert outcome.one(MemberUpdated).member.user == talk.bob
    assert talk.told_unread(outcome) == {talk.bob}
    assert outcome.one(UserNotified).user == talk.bob
    assert talk.conversations(talk.bob) == [direct]


def test_not_hiding_it(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob, hide=False)
    assert talk.conversations(talk.bob) == [direct]


def test_the_same_people_have_one_conversation(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob)
    assert talk.direct(talk.bob, talk.ada) == direct
    assert talk.direct(talk.ada, talk.bob, talk.ada) == direct
    assert talk.conversations(talk.bob) == [direct]
    three = talk.direct(talk.ada, talk.bob, talk.mo)
    assert three != direct
    assert talk.direct(talk.mo, talk.ada, talk.bob) == three
    assert talk.direct(talk.ada, talk.mo) not in (direct, three)


def test_leaving_hides_until_somebody_speaks(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob, hide=False)
    outcome = talk.do(LeaveChat(room=direct), talk.bob)
    assert outcome.of(MessagePosted) == []
    assert outcome.one(ChannelsChanged).user == talk.bob
    assert talk.conversations(talk.bob) == []
    assert talk.house.hears(Topic.CHAT, direct) == {talk.tabs[talk.ada]}
    talk.say(talk.ada, room=direct)
    assert talk.conversations(talk.bob) == [direct]


def test_every_direct_message_is_news(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob, talk.mo)
    for count in (1, 2):
        outcome = talk.say(talk.ada, room=direct, mentions=(talk.bob,))
        assert talk.told_unread(outcome) == {talk.bob, talk.mo}
        assert sorted(event.user for event in outcome.of(UserNotified)) == sorted((talk.bob, talk.mo))
        assert {len(event.state.notifications) for event in outcome.of(NotificationsCounted)} == {count}


def test_a_direct_conversation_is_closed_to_others(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob)
    for command in (SubscribeChat(room=direct), JoinChat(room=direct), PostMessage(room=direct, body="Hi")):
        assert talk.refusal(command, talk.mo) == Code.CHAT_DENIED


@pytest.mark.parametrize("blocker", ["ada", "bob"])
def test_a_block_closes_both_directions(talk: Talk, blocker: str) -> None:
    direct = talk.direct(talk.ada, talk.bob)
    one, other = (talk.ada, talk.bob) if blocker == "ada" else (talk.bob, talk.ada)
    talk.do(BlockUser(user=other), one)
    for user in (one, other):
        assert talk.refusal(PostMessage(room=direct, body="Hi"), user) == Code.CHAT_DENIED
        peer = other if user == one else one
        assert talk.refusal(OpenDirect(users=(peer,)), user) == Code.CHAT_DENIED
        assert talk.refusal(OpenDirect(users=(peer, talk.mo)), user) == Code.CHAT_DENIED
    talk.join(talk.ada, talk.bob)
    assert talk.say(other).result, "in a room both may talk"


@pytest.mark.parametrize("whom", ["nobody", "unknown", "self", "deleted", "kiosk", "anon"])
def test_whom_one_cannot_write_to(talk: Talk, whom: str) -> None:
    house = talk.house
    users = {
        "nobody": (),
        "unknown": (talk.bob, 12345),
        "self": (talk.ada,),
        "deleted": (house.person("Gone", deleted=True),),
        "kiosk": (house.person("Screen", kind="kiosk"),),
        "anon": (house.person("Guest", kind="anon"),),
    }[whom]
    assert talk.refusal(OpenDirect(users=users), talk.ada) == Code.CHAT_DENIED


def test_writing_directly_is_a_permission(talk: Talk) -> None:
    talk.house.state.world.trait_grants["talker"] = ["chatty"]
    loner = talk.house.person("Loner")
    assert talk.refusal(OpenDirect(users=(talk.bob,)), loner) == Code.WORLD_DENIED
    direct = talk.direct(talk.house.person("Chatty", "chatty"), loner)
    assert talk.say(loner, room=direct).result, "who is written to may answer"


def test_a_banned_member_is_told_nothing(talk: Talk) -> None:
    direct = talk.direct(talk.ada, talk.bob, talk.mo)
    talk.house.do(BanUser(user=talk.bob), talk.house.owner())
    outcome = talk.say(talk.ada, room=direct)
    assert talk.told_unread(outcome) == {talk.mo}
    assert [event.user for event in outcome.of(UserNotified)] == [talk.mo]


def test_entering_a_room_is_not_listening_to_it(talk: Talk) -> None:
    house = talk.house
    house.do(EnterRoom(room=house.stage), talk.ada, session=talk.tabs[talk.ada])
    assert house.hears(Topic.CHAT, house.stage) == set()
    assert not house.state.participates(talk.ada, house.state.rooms[house.stage])
