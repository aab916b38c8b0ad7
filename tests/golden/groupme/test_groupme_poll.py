"""Polls (protocols/groupme.md 2.7): the same ones in every dialect (docs/decisions/0010)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.golden.groupme.person import Json, Person
from tests.golden.jumpin.place import Place
from tests.golden.venueless.world import Client

from hubbub.core.direct import SendDirect
from hubbub.core.joining import AddMembers, NewMember
from hubbub.core.login import LogIn
from hubbub.core.poll import MAX_CONTENT, MAX_OPTION, MAX_OPTIONS
from hubbub.core.user import GrantRole
from hubbub.dialects.venueless.id import Kind
from hubbub.dialects.venueless.id import render as render_uuid

HOUR = timedelta(hours=1)
KEYS = {
    *("id", "subject", "owner_id", "conversation_id", "created_at", "last_modified", "expiration", "status", "type"),
    *("visibility", "options"),
}


@pytest.fixture
def group(ada: Person, bob: Person) -> str:
    """Give a group of Ada, who owns it, and Bob."""
    group = ada.make_group("Tea")
    ada.add(group, bob)
    return group


@pytest.fixture
def pair(ada: Person, bob: Person) -> str:
    """Give the conversation of Ada and Bob."""
    ada.place.do(SendDirect(user=bob.number, body="hello"), user=ada.number)
    return f"{min(ada.number, bob.number)}+{max(ada.number, bob.number)}"


def now(person: Person) -> datetime:
    return person.place.ask(person.place.clock)


def wanted(person: Person, **fields: Json) -> Json:
    """Write a poll as a client sends it."""
    expiration = int((now(person) + timedelta(days=2)).timestamp())
    body = {"subject": "Tea?", "options": [{"title": "Green"}, {"title": "Black"}, {"title": "None"}]}
    return {**body, "expiration": expiration, "type": "single", "visibility": "public", **fields}


def make(person: Person, where: str, **fields: Json) -> Json:
    """Make a poll, and give its data."""
    return person.post(f"/v3/poll/{where}", wanted(person, **fields))["poll"]["data"]


def shown(person: Person, poll: Json) -> Json:
    return person.get(f"/v3/poll/{poll['conversation_id']}/{poll['id']}")["poll"]


def path_of(poll: Json, *more: str) -> str:
    return "/".join(["/v3/poll", poll["conversation_id"], poll["id"], *more])


# Making and looking


def test_a_poll_is_made_and_said(ada: Person, bob: Person, group: str) -> None:
    body = wanted(ada)
    answer = ada.ask("POST", f"/v3/poll/{group}", json=body)
    assert (answer.status, answer.meta) == (201, {"code": 20100})
    data, message = answer.response["poll"]["data"], answer.response["message"]
    assert answer.response["poll"].keys() == {"data"}
    at = int(now(ada).timestamp())
    assert data == {
        "id": data["id"],
        "subject": "Tea?",
        "owner_id": ada.id,
        "conversation_id": group,
        "created_at": at,
        "last_modified": at,
        "expiration": body["expiration"],
        "status": "active",
        "type": "single",
        "visibility": "public",
        "options": [{"id": "1", "title": "Green"}, {"id": "2", "title": "Black"}, {"id": "3", "title": "None"}],
    }
    assert data.keys() == KEYS
    assert (message["group_id"], message["sender_id"], message["system"]) == (group, ada.id, False)
    assert message["attachments"] == [{"type": "poll", "poll_id": data["id"]}]
    assert message["text"] == "Created new poll 'Tea?'"
    assert message["event"] == {
        "type": "poll.created",
        "data": {
            "conversation": {"id": group},
            "poll": {"id": data["id"], "subject": "Tea?"},
            "user": {"id": ada.id, "nickname": "Ada"},
        },
    }
    assert bob.ask("GET", path_of(data)) == (200, {"poll": {"data": data}}, {"code": 20000})


def test_polls_are_listed_the_newest_first(ada: Person, bob: Person, group: str) -> None:
    assert ada.get(f"/v3/poll/{group}") == {"polls": [], "continuation_token": None}
    first, second = make(ada, group), make(bob, group, subject="Milk?", type="multi")
    bob.post(path_of(first, "2"))
    listed = bob.ask("GET", f"/v3/poll/{group}")
    assert listed.meta == {"code": 20000}
    assert [one["data"]["id"] for one in listed.response["polls"]] == [second["id"], first["id"]]
    assert [one.get("user_votes") for one in listed.response["polls"]] == [None, ["2"]]


def test_what_is_left_out_is_single_and_public(ada: Person, group: str) -> None:
    poll = make(ada, group, type=None, visibility=None)
    assert (poll["type"], poll["visibility"]) == ("single", "public")


def test_two_people_have_polls_in_their_conversation(ada: Person, bob: Person, pair: str) -> None:
    made = ada.post(f"/v3/poll/{pair}", wanted(ada))
    poll, message = made["poll"]["data"], made["message"]
    assert poll["conversation_id"] == message["conversation_id"] == pair
    assert message["event"]["data"]["conversation"] == {"id": pair}
    assert "system" not in message
    low, high = pair.split("+")
    for name in (pair, f"{high}+{low}", f"{low}%2B{high}"):
        assert [one["data"]["id"] for one in bob.get(f"/v3/poll/{name}")["polls"]] == [poll["id"]]
    assert bob.post(path_of(poll, "1"))["poll"]["data"]["options"][0]["voter_ids"] == [bob.id]
    assert bob.refusal("POST", path_of(poll, "end"))[0] == 403
    assert ada.post(path_of(poll, "end"))["poll"]["data"]["status"] == "past"


# Voting


def test_a_vote_of_a_single_poll_moves(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group)
    answer = bob.ask("POST", path_of(poll, "1"))
    assert (answer.status, answer.meta) == (200, {"code": 20000})
    found = bob.post(path_of(poll, "2"))["poll"]
    assert (found["user_vote"], found["user_votes"]) == ("2", ["2"])
    black = {"id": "2", "title": "Black", "votes": 1, "voter_ids": [bob.id]}
    assert found["data"]["options"] == [{"id": "1", "title": "Green"}, black, {"id": "3", "title": "None"}]
    seen = shown(ada, poll)
    assert seen.keys() == {"data"}
    assert seen["data"]["options"][1] == black


def test_voting_the_same_again_is_voting_once(ada: Person, group: str) -> None:
    poll = make(ada, group)
    for _ in range(2):
        found = ada.post(path_of(poll, "1"))["poll"]
    assert found["data"]["options"][0]["votes"] == 1


def test_a_multi_poll_takes_several(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group, type="multi")
    found = bob.post(path_of(poll), {"votes": ["3", "1", 3]})["poll"]
    assert found["user_votes"] == ["1", "3"]
    assert "user_vote" not in found
    assert [one.get("votes") for one in found["data"]["options"]] == [1, None, 1]
    assert bob.post(path_of(poll) + "/", {"votes": ["2"]})["poll"]["user_votes"] == ["2"]
    assert bob.post(path_of(poll, "1"))["poll"]["user_votes"] == ["1"]


def test_no_votes_take_the_vote_back(ada: Person, group: str) -> None:
    poll = make(ada, group)
    ada.post(path_of(poll, "1"))
    found = ada.post(path_of(poll), {"votes": []})["poll"]
    assert found == {"data": poll}


def test_nobody_is_told_who_voted_in_an_anonymous_poll(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group, visibility="anonymous")
    bob.post(path_of(poll, "1"))
    for person in (ada, bob):
        assert shown(person, poll)["data"]["options"][0] == {"id": "1", "title": "Green", "votes": 1}


def test_a_vote_is_a_change(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group)
    ada.place.move(HOUR)
    later = bob.post(path_of(poll, "1"))["poll"]["data"]["last_modified"]
    assert later == poll["last_modified"] + 3600


def test_everybody_sees_how_it_stands_without_a_vote(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group)
    ada.post(path_of(poll, "2"))
    assert shown(bob, poll)["data"]["options"][1]["voter_ids"] == [ada.id]


# The end


def test_a_poll_is_ended(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group)
    bob.post(path_of(poll, "2"))
    ada.place.move(HOUR)
    assert bob.refusal("POST", path_of(poll, "end"))[0] == 403
    assert shown(bob, poll)["data"]["status"] == "active"
    for _ in range(2):
        ended = ada.post(path_of(poll, "end"))["poll"]["data"]
        assert (ended["status"], ended["expiration"]) == ("past", poll["created_at"] + 3600)
    assert ended["options"][1]["votes"] == 1
    status, errors = bob.refusal("POST", path_of(poll, "1"))
    assert (status, errors) == (403, ["This poll is not open."])
    assert shown(bob, poll)["user_vote"] == "2"


def test_a_poll_ends_by_itself(ada: Person, group: str) -> None:
    poll = make(ada, group)
    ada.place.move(timedelta(days=2))
    ended = shown(ada, poll)["data"]
    assert (ended["status"], ended["expiration"]) == ("past", poll["expiration"])
    assert ada.refusal("POST", path_of(poll, "1"))[0] == 403


def test_what_happens_to_a_poll_is_in_the_history(ada: Person, bob: Person, group: str) -> None:
    poll = make(ada, group)
    bob.post(path_of(poll, "1"))
    ada.place.move(timedelta(days=2) - HOUR)
    ada.place.move(HOUR)
    told = [message["event"] for message in bob.history(group) if "event" in message][:3]
    about = {"id": poll["id"], "subject": "Tea?"}
    conversation = {"id": group}
    green = {"id": "1", "title": "Green", "votes": 1, "voter_ids": [bob.id]}
    options = [green, {"id": "2", "title": "Black"}, {"id": "3", "title": "None"}]
    reminder = {**about, "expiration": poll["expiration"]}
    assert told[:2] == [
        {"type": "poll.finished", "data": {"conversation": conversation, "poll": about, "options": options}},
        {"type": "poll.reminder", "data": {"conversation": conversation, "poll": reminder}},
    ]
    assert told[2]["type"] == "poll.created"


# What makes no sense

TITLE = {"title": "x"}
WRONG: dict[str, Json] = {
    "no subject": {"subject": None},
    "empty subject": {"subject": "  "},
    "long subject": {"subject": "x" * (MAX_CONTENT + 1)},
    "subject is a number": {"subject": 7},
    "no options": {"options": None},
    "one option": {"options": [TITLE]},
    "a thousand options": {"options": [TITLE] * 1000},
    "one option too many": {"options": [TITLE] * (MAX_OPTIONS + 1)},
    "options are texts": {"options": ["x", "y"]},
    "options are an object": {"options": {"title": "x"}},
    "option without a title": {"options": [TITLE, {}]},
    "empty option": {"options": [TITLE, {"title": ""}]},
    "long option": {"options": [TITLE, {"title": "x" * (MAX_OPTION + 1)}]},
    "no expiration": {"expiration": None},
    "past expiration": {"expiration": 1_000_000_000},
    "negative expiration": {"expiration": -1},
    "expiration in milliseconds": {"expiration": 1_900_000_000_000},
    "expiration is huge": {"expiration": 10**18},
    "expiration is no whole number": {"expiration": 1_900_000_000.5},
    "expiration is a text": {"expiration": "tomorrow"},
    "expiration is true": {"expiration": True},
    "unknown type": {"type": "triple"},
    "unknown visibility": {"visibility": "secret"},
    "type is a list": {"type": ["single"]},
    "no null bytes": {"subject": "a\0b"},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_poll_that_makes_no_sense_is_refused(ada: Person, group: str, name: str) -> None:
    status, errors = ada.refusal("POST", f"/v3/poll/{group}", wanted(ada, **WRONG[name]))
    assert status == 400
    assert errors[0]
    assert ada.get(f"/v3/poll/{group}")["polls"] == []


def test_what_is_wrong_is_called_as_clients_call_it(ada: Person, group: str) -> None:
    _, errors = ada.refusal("POST", f"/v3/poll/{group}", wanted(ada, expiration=1_000_000_000))
    assert errors == ["expiration: an instant within the next 366 days"]
    _, errors = ada.refusal("POST", f"/v3/poll/{group}", wanted(ada, subject=""))
    assert errors == [f"subject: 1 to {MAX_CONTENT} characters"]


@pytest.mark.parametrize(
    ("votes", "status"),
    [
        (None, 400),
        ("1", 400),
        ({"1": 1}, 400),
        ([None], 400),
        ([1.5], 400),
        ([True], 400),
        ([[]], 400),
        (["1"] * (MAX_OPTIONS + 1), 400),
        (["1", "2"], 400),
        (["4"], 404),
        (["0"], 404),
        (["01"], 404),
        (["x"], 404),
        ([-1], 404),
        ([2**62], 404),
        ([""], 404),
    ],
    ids=[
        *("nothing", "text", "object", "null", "fraction", "true", "list", "many", "two of a single poll", "fourth"),
        *("zeroth", "with a zero", "word", "negative", "huge", "empty"),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused(ada: Person, group: str, votes: Json, status: int) -> None:
    poll = make(ada, group)
    assert ada.refusal("POST", path_of(poll), {"votes": votes})[0] == status
    assert shown(ada, poll) == {"data": poll}


@pytest.mark.parametrize("option", ["0", "4", "-1", "x", "1.0", "%00", "END"])
def test_an_option_that_is_not_there_is_refused(ada: Person, group: str, option: str) -> None:
    poll = make(ada, group)
    assert ada.refusal("POST", path_of(poll, option))[0] == 404
    assert shown(ada, poll) == {"data": poll}


def test_others_have_no_part_in_it(ada: Person, cleo: Person, group: str, pair: str) -> None:
    for where in (group, pair):
        poll = make(ada, where)
        assert cleo.refusal("POST", f"/v3/poll/{where}", wanted(cleo))[0] == 404
        assert cleo.refusal("GET", f"/v3/poll/{where}")[0] == 404
        assert cleo.refusal("GET", path_of(poll))[0] == 404
        assert cleo.refusal("POST", path_of(poll, "1"))[0] == 404
        assert cleo.refusal("POST", path_of(poll), {"votes": ["1"]})[0] == 404
        assert cleo.refusal("POST", path_of(poll, "end"))[0] == 404
        assert shown(ada, poll) == {"data": poll}


def test_a_poll_of_another_group_is_none_here(ada: Person, group: str) -> None:
    poll = {**make(ada, ada.make_group("Other")), "conversation_id": group}
    for method, path in (("GET", path_of(poll)), ("POST", path_of(poll, "1")), ("POST", path_of(poll, "end"))):
        assert ada.refusal(method, path) == (404, ["Poll not found"])


@pytest.mark.parametrize("text", ["0", "x", "9" * 30, "1+2", "+", "%2B", "\u0661"])
def test_a_conversation_that_is_not_there_has_no_polls(ada: Person, group: str, text: str) -> None:
    assert ada.refusal("GET", f"/v3/poll/{text}")[0] == 404
    assert ada.refusal("GET", f"/v3/poll/{group}/{text}")[0] == 404


def test_without_a_token_nothing_is_told(ada: Person, group: str) -> None:
    assert ada.refusal("GET", f"/v3/poll/{group}", signed=False) == (401, ["unauthorized"])


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["title", "votes", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(["subject", "options", "expiration", "type", "visibility", "votes"]), value=ODD)
def test_whatever_is_sent_is_answered(ada: Person, group: str, field: str, value: Json) -> None:
    poll = make(ada, group)
    body = {"votes": value} if field == "votes" else wanted(ada, **{field: value})
    answer = ada.ask("POST", path_of(poll) if field == "votes" else f"/v3/poll/{group}", json=body)
    assert answer.status < 500
    ada.post(path_of(poll, "end"))


# With Venueless


class Neighbour:
    """A moderator of the world with a client of Venueless, who belongs to a group."""

    def __init__(self, place: Place, owner: Person, group: str) -> None:
        secret = place.ask(lambda: place.state.world.config["JWT_secrets"][0])
        claims = {"iss": secret["issuer"], "aud": secret["audience"], "uid": f"mo of {group}", "traits": ["moderator"]}
        claims |= {"iat": datetime.now(UTC), "exp": datetime(2100, 1, 1, tzinfo=UTC)}
        token = jwt.encode(claims, secret["secret"], algorithm="HS256")
        self.number = place.run(place.application.community.call(place.state, LogIn(token=token))).id
        place.do(AddMembers(room=int(group), members=(NewMember(user=self.number),)), user=owner.number)
        self.client = Client(f"ws://127.0.0.1:{place.port}/ws/world/main/").authenticate({"token": token})
        self.room = render_uuid(int(group), Kind.ROOM)

    def do(self, command: str, **body: Any) -> Any:
        """Give a command, and what came of it, whatever is heard besides."""
        self.client.drain()
        self.client.send([command, 1, {"room": self.room, **body}])
        while (message := self.client.receive())[0] not in ("success", "error"):
            pass
        assert message[0] == "success", message
        return message[2]

    def make(self, **fields: Any) -> Json:
        options = [{"content": "Mate", "order": 2}, {"content": "Tea", "order": 1}]
        return self.do("poll.create", content="Tea or mate?", options=options, **{"state": "open", **fields})["poll"]


@pytest.fixture
def neighbour(ada: Person, group: str) -> Iterator[Callable[[], Neighbour]]:
    """Give a function that lets a neighbour in."""
    made: list[Neighbour] = []

    def make() -> Neighbour:
        made.append(Neighbour(ada.place, ada, group))
        return made[-1]

    yield make
    for one in made:
        one.client.close()


def test_a_poll_made_here_is_voted_on_there(ada: Person, group: str, neighbour: Callable[[], Neighbour]) -> None:
    mo, poll = neighbour(), make(ada, group)
    (seen,) = mo.do("poll.list")
    assert (seen["content"], seen["state"]) == ("Tea?", "open")
    assert [option["content"] for option in seen["options"]] == ["Green", "Black", "None"]
    mo.do("poll.vote", id=seen["id"], options=[seen["options"][1]["id"]])
    assert shown(ada, poll)["data"]["options"][1]["voter_ids"] == [str(mo.number)]
    ada.post(path_of(poll, "1"))
    (seen,) = mo.do("poll.list")
    assert [seen["results"][option["id"]] for option in seen["options"]] == [1, 1, 0]
    ada.post(path_of(poll, "end"))
    assert mo.do("poll.list")[0]["state"] == "closed"


def test_a_poll_made_there_is_voted_on_here(ada: Person, group: str, neighbour: Callable[[], Neighbour]) -> None:
    mo = neighbour()
    made = mo.make()
    (found,) = ada.get(f"/v3/poll/{group}")["polls"]
    poll = found["data"]
    assert (poll["subject"], poll["owner_id"], poll["visibility"]) == ("Tea or mate?", str(mo.number), "anonymous")
    assert poll["expiration"] == 2**31 - 1
    assert [option["title"] for option in poll["options"]] == ["Tea", "Mate"]
    assert ada.post(path_of(poll, "1"))["poll"]["data"]["options"][0] == {"id": "1", "title": "Tea", "votes": 1}
    assert mo.do("poll.list")[0]["results"] == {made["options"][0]["id"]: 1, made["options"][1]["id"]: 0}
    assert ada.refusal("POST", path_of(poll, "end"))[0] == 403
    mo.do("poll.update", id=made["id"], state="closed")
    ended = shown(ada, poll)["data"]
    assert (ended["status"], ended["expiration"]) == ("past", int(now(ada).timestamp()))


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_a_poll_that_only_venueless_has_is_none_here(
    ada: Person, group: str, neighbour: Callable[[], Neighbour], state: str
) -> None:
    mo = neighbour()
    ada.place.do(GrantRole(user=ada.number, role="moderator"))  # who sees them elsewhere
    made = mo.make(state=state)
    assert made["state"] == state
    poll = {"conversation_id": group, "id": str(next(iter(ada.place.state.polls[int(group)])))}
    assert ada.get(f"/v3/poll/{group}")["polls"] == []
    for method, path in (("GET", path_of(poll)), ("POST", path_of(poll, "1")), ("POST", path_of(poll, "end"))):
        assert ada.refusal(method, path) == (404, ["Poll not found"])
    mo.do("poll.update", id=made["id"], state="open")
    assert shown(ada, poll)["data"]["subject"] == "Tea or mate?"
