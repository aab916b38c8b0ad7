"""The welcome conversation: who welcomes, whom, how often; and whom one does not write to."""

from tests.core.house import House, Outcome

from hubbub.core.account import LogInBySecret
from hubbub.core.chat import DeleteMessageById, EditMessage, PostMessage
from hubbub.core.direct import OpenDirect, SendDirect
from hubbub.core.error import Code
from hubbub.core.event import ChannelsChanged, ConversationOpened, DirectPosted, MessagePosted, UserCreated, UserUpdated
from hubbub.core.model import User
from hubbub.core.reading import FetchMessages
from hubbub.core.user import BanUser, SearchUsers, SilenceUser
from hubbub.core.welcome import HOST, WELCOME, Welcome

GREETING = "Hello {name}! {name}, {x} and {"


def welcome(house: House, user: int, name: str = "House", **more: str) -> Outcome:
    return house.do(Welcome(**{"name": name, "greeting": GREETING, **more}), user)


def host(house: House) -> User:
    return house.user(house.state.by_token_id[HOST])


def test_somebody_is_welcomed(house: House) -> None:
    ada = house.person("Ada")
    outcome = welcome(house, ada, avatar="https://x/y.png")
    made = outcome.one(UserCreated).user
    assert (made.kind, made.token_id, made.shown, made.display_name) == ("system", HOST, False, "House")
    assert made.profile["avatar"] == {"url": "https://x/y.png"}
    room, message = outcome.result.room, outcome.one(DirectPosted).message
    assert outcome.result.new
    assert {member.user: member.hidden for member in outcome.one(ConversationOpened).members} == {
        ada: False,
        made.id: False,
    }
    assert (message.room, message.sender, message.extra) == (room.id, made.id, WELCOME)
    assert message.body == "Hello Ada! Ada, {x} and {"
    assert ada in {event.user for event in outcome.of(ChannelsChanged)}
    assert house.do(FetchMessages(room=room.id, before=99), ada).result[-1] == message


def test_once(house: House) -> None:
    ada = house.person("Ada")
    first = welcome(house, ada).result.room
    again = welcome(house, ada)
    assert (again.result.room, again.result.new, again.events) == (first, False, [])


def test_everybody_in_a_conversation_of_their_own(house: House) -> None:
    rooms = {welcome(house, house.person(name)).result.room.id for name in ("Ada", "Bob")}
    assert len(rooms) == 2
    assert len([user for user in house.state.users.values() if user.kind == "system"]) == 1


def test_the_house_is_called_as_the_settings_have_it_now(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    welcome(house, ada)
    assert welcome(house, bob, "Lizard", avatar="https://x/y.png").one(UserUpdated).user == host(house)
    assert host(house).profile == {"display_name": "Lizard", "avatar": {"url": "https://x/y.png"}}
    outcome = welcome(house, ada, "House")
    assert (outcome.result.new, host(house).profile) == (False, {"display_name": "House"})


def test_who_is_banned_meanwhile_is_not_answered(house: House) -> None:
    ada = house.person("Ada")
    welcome(house, ada)

    def meanwhile() -> None:
        house.ban(ada)

    house.cabinet.meanwhile = meanwhile
    assert house.refusal(Welcome(name="House", greeting="x"), ada) == Code.WORLD_DENIED


def test_who_may_not_come_in_is_not_welcomed(house: House) -> None:
    ada = house.person("Ada")
    house.do(BanUser(user=ada), house.owner())
    assert house.refusal(Welcome(name="House", greeting="x"), ada) == Code.WORLD_DENIED
    assert house.refusal(Welcome(name="House", greeting="x")) == Code.UNAUTHENTICATED


def test_who_is_silenced_is_welcomed_and_says_nothing(house: House) -> None:
    ada = house.person("Ada")
    house.do(SilenceUser(user=ada), house.owner())
    room = welcome(house, ada).result.room
    assert house.refusal(PostMessage(room=room.id, body="hi"), ada) == Code.CHAT_DENIED


def test_one_may_answer_and_nobody_takes_the_greeting_away(house: House) -> None:
    ada, owner = house.person("Ada"), house.owner()
    outcome = welcome(house, ada)
    room, message = outcome.result.room, outcome.one(DirectPosted).message
    assert house.do(PostMessage(room=room.id, body="thank you"), ada).one(MessagePosted).message.body == "thank you"
    assert house.refusal(DeleteMessageById(room=room.id, message=message.id), ada) == Code.CHAT_DENIED
    assert house.refusal(EditMessage(room=room.id, number=message.number, body="x"), ada) == Code.CHAT_DENIED
    assert house.refusal(FetchMessages(room=room.id, before=99), owner) == Code.CHAT_DENIED


def test_nobody_writes_to_the_house_or_finds_it(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    welcome(house, ada)
    known = host(house).id
    assert house.refusal(OpenDirect(users=(known,)), bob) == Code.CHAT_DENIED
    assert house.refusal(OpenDirect(users=(known, ada)), bob) == Code.CHAT_DENIED
    assert house.refusal(SendDirect(user=known, body="hi"), bob) == Code.PRIVATE_DENIED
    assert house.do(SearchUsers(term="House"), bob).result.users == ()


def test_nobody_logs_in_as_the_house(house: House) -> None:
    welcome(house, house.person("Ada"))
    assert house.log_in(client_id=HOST)[0].result.id != host(house).id
    assert house.refusal(LogInBySecret(user=host(house).id, name="House", legacy=True)) == Code.PASSWORD_WRONG
    assert house.refusal(LogInBySecret(user=host(house).id, name="House", secret="", access="")) == Code.PASSWORD_WRONG
