"""The world: its configuration, its past, its replacement (protocols/venueless.md 1.8)."""

from typing import Any

import pytest
from tests.core.house import SECRET, House

from hubbub.core.chat import JoinChat, PostMessage
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import Audited, ScheduleUpdated, WorldReplaced, WorldUpdated
from hubbub.core.room import DeleteRoom, EnterRoom, InviteAnonymous, RoomSettings, UpdateRoom
from hubbub.core.world import (
    MAX_CONFIG,
    SETTINGS,
    GetWorldConfig,
    ImportedRoom,
    ListAudit,
    RefreshSchedule,
    ReplaceWorld,
    UpdateWorld,
    check_name,
    setting,
)

DOCUMENTED = {
    "theme",
    "bbb_defaults",
    "pretalx",
    "locale",
    "dateLocale",
    "videoPlayer",
    "timezone",
    "connection_limit",
    "profile_fields",
    "social_logins",
    "iframe_blockers",
    "track_exhibitor_views",
    "track_room_views",
    "track_world_views",
    "onsite_traits",
    "conftool_url",
    "conftool_password",
}


def wrong(house: House, user: int, **fields: Any) -> dict[str, Any]:
    with pytest.raises(HubbubError) as caught:
        house.do(UpdateWorld(**fields), user)
    assert caught.value.code == Code.CONFIG_INVALID
    return dict(caught.value.details or {})


def test_the_settings_of_the_document_are_known() -> None:
    assert set(SETTINGS) >= DOCUMENTED


def test_a_setting_is_its_default_until_it_is_set(house: House) -> None:
    assert setting(house.state.world, "locale") == "en"
    house.do(UpdateWorld(config={"locale": "de"}), house.owner())
    assert setting(house.state.world, "locale") == "de"


def test_settings_are_merged_by_key(house: House) -> None:
    owner = house.owner()
    house.do(UpdateWorld(config={"theme": {"a": 1}, "unheard of": 5}), owner)
    outcome = house.do(UpdateWorld(title="New", config={"timezone": "Europe/Berlin"}), owner)
    world = outcome.one(WorldUpdated).config
    assert outcome.result == world == house.do(GetWorldConfig(), owner).result
    assert world.title == "New"
    assert world.config == {
        "JWT_secrets": [SECRET],
        "theme": {"a": 1},
        "unheard of": 5,
        "timezone": "Europe/Berlin",
    }


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"theme": []}, "theme"),
        ({"locale": 5}, "locale"),
        ({"connection_limit": -1}, "connection_limit"),
        ({"connection_limit": 10_001}, "connection_limit"),
        ({"connection_limit": "2"}, "connection_limit"),
        ({"connection_limit": True}, "connection_limit"),
        ({"profile_fields": {}}, "profile_fields"),
        ({"profile_fields": ["x"]}, "profile_fields"),
        ({"trait_badges_map": {"a": 1}}, "trait_badges_map"),
        ({"track_room_views": "yes"}, "track_room_views"),
        ({"anything": "x" * MAX_CONFIG}, "config"),
        ({"JWT_secrets": []}, "JWT_secrets"),
        ({"vapid_private_key": "A" * 42 + "E"}, "vapid_private_key"),
        ({"vapid_private_key": None}, "vapid_private_key"),
    ],
)
def test_settings_that_make_no_sense(house: House, config: Any, field: str) -> None:
    assert list(wrong(house, house.person("Admin", "admin"), config={"locale": "de", **config})) == [field]
    assert "locale" not in house.state.world.config


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"domain": "x" * 251}, "domain"),
        ({"roles": {"viewer": ["room:view", "room:fly"]}}, "roles"),
    ],
)
def test_what_a_world_cannot_be(house: House, fields: Any, field: str) -> None:
    assert list(wrong(house, house.person("Admin", "admin"), **fields)) == [field]


def test_everything_that_is_wrong_is_said_at_once(house: House) -> None:
    assert set(wrong(house, house.owner(), title="", config={"locale": 1, "theme": 1})) == {"title", "locale", "theme"}


def test_secrets_are_for_those_who_hold_them_and_never_audited(house: House) -> None:
    owner, admin = house.owner(), house.person("Admin", "admin")
    command = UpdateWorld(config={"JWT_secrets": [], "conftool_password": "hush"}, secrets=True)
    assert house.refusal(command, admin) == Code.WORLD_DENIED
    entry = house.do(command, owner).one(Audited).entry
    assert (entry.type, entry.data["fields"]) == ("world.updated", ["JWT_secrets", "conftool_password"])
    assert "hush" not in str(entry)
    assert house.state.world.config["JWT_secrets"] == []


@pytest.mark.parametrize("key", ["", "rubbish", "A" * 43, 5, []])
def test_a_key_that_could_not_sign_is_refused(house: House, key: object) -> None:
    owner = house.owner()
    command = UpdateWorld(config={"vapid_private_key": key}, secrets=True)
    assert house.refusal(command, owner) == Code.CONFIG_INVALID
    good = "A" * 42 + "E"
    entry = house.do(UpdateWorld(config={"vapid_private_key": good}, secrets=True), owner).one(Audited).entry
    assert good not in str(entry)
    assert house.state.world.config["vapid_private_key"] == good


def test_a_timetable_that_moves_is_told(house: House) -> None:
    owner = house.owner()
    pretalx = {"domain": "https://p", "event": "e"}
    outcome = house.do(UpdateWorld(config={"pretalx": pretalx}), owner)
    assert outcome.one(ScheduleUpdated).config.config["pretalx"] == pretalx
    assert house.do(UpdateWorld(config={"pretalx": dict(pretalx)}), owner).of(ScheduleUpdated) == []
    again = house.do(RefreshSchedule(domain="https://q", event="e"), owner)
    assert again.one(ScheduleUpdated).config.config["pretalx"] == {"domain": "https://q", "event": "e"}
    assert house.refusal(RefreshSchedule(domain="", event=""), house.person("Admin", "admin")) == Code.WORLD_DENIED


@pytest.mark.parametrize("command", [GetWorldConfig(), UpdateWorld(), ListAudit()])
def test_the_world_is_the_organisers_business(house: House, command: Any) -> None:
    for user in (house.person("Ada"), house.person("Wanda", "warden")):
        assert house.refusal(command, user) == Code.WORLD_DENIED


def test_the_past_newest_first(house: House) -> None:
    owner = house.owner()
    house.do(UpdateRoom(room=house.stage, settings=RoomSettings(name="A")), owner)
    house.do(DeleteRoom(room=house.lounge), owner)
    entries = house.do(ListAudit(), owner).result
    assert [(entry.type, entry.user) for entry in entries] == [
        ("world.room.deleted", owner),
        ("world.room.updated", owner),
    ]


@pytest.mark.parametrize("name", ["main", "load-test", "a", "0", "a" * 64, "a_b"])
def test_names_of_worlds(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "_a", "A", "a b", "a/b", "a" * 65, "ä", "a\n", "."])
def test_names_that_no_world_has(name: str) -> None:
    with pytest.raises(HubbubError):
        check_name(name)


# Beginning anew


def replacement(*rooms: str, **fields: Any) -> ReplaceWorld:
    return ReplaceWorld(
        **{
            "title": "Anew",
            "roles": {"viewer": ["world:view", "room:view"]},
            "trait_grants": {"viewer": []},
            "config": {"JWT_secrets": [SECRET]},
            "rooms": tuple(ImportedRoom(import_id=one, settings=RoomSettings(name=one)) for one in rooms),
            **fields,
        }
    )


def test_rooms_keep_their_ids_by_their_import_id(house: House) -> None:
    first = house.do(replacement("a", "b"), operator=True).one(WorldReplaced).rooms
    ids = {room.import_id: room.id for room in first}
    house.do(DeleteRoom(room=ids["b"]), operator=True)
    outcome = house.do(replacement("c", "b", "a"), operator=True)
    rooms = house.state.ordered_rooms()
    assert [(room.import_id, room.sorting_priority, room.deleted) for room in rooms] == [
        ("c", 0, False),
        ("b", 1, False),
        ("a", 2, False),
    ]
    assert {room.import_id: room.id for room in rooms if room.import_id != "c"} == ids
    assert rooms[0].id not in ids.values()
    assert outcome.result.epoch == 3
    assert house.stage not in house.state.rooms


def test_everything_else_goes_and_whoever_was_there_is_nowhere(house: House) -> None:
    """Once a room that somebody of the old world was in could not be entered any more."""
    owner, ada = house.owner(), house.person("Ada", client_id="c", token_id="t", login="ada")
    tab = house.connect(ada)
    house.do(InviteAnonymous(room=house.stage), owner)
    house.do(replacement("a"), operator=True)
    (room,) = house.state.ordered_rooms()
    guest, session = house.log_in(client_id="g")
    house.do(EnterRoom(room=room.id), guest.result.id, session=session)
    house.do(replacement("a"), operator=True)
    for kept in (house.state.users, house.state.invites, house.state.by_client_id, house.state.by_token_id):
        assert not kept
    assert house.state.last_number == 0
    assert house.state.presence.places(session) == ([], [])
    assert house.state.presence.places(tab) == ([], [])
    newcomer, session = house.log_in(client_id="n")
    house.grant(newcomer.result.id, "watcher")
    house.do(UpdateWorld(roles={**house.state.world.roles, "watcher": ["room:viewers"]}), operator=True)
    assert len(house.do(EnterRoom(room=room.id), newcomer.result.id, session=session).result.viewers) == 1


def test_messages_are_numbered_from_1_again(house: House) -> None:
    ada = house.person("Ada")
    house.do(JoinChat(room=house.lounge), ada)
    assert house.do(PostMessage(room=house.lounge, body="Hi"), ada).result.number == 2
    chat = RoomSettings(
        name="Chat",
        modules=({"type": "chat.native", "config": {}},),
        trait_grants={"participant": []},
    )
    roles = {"participant": ["world:view", "room:chat.join", "room:chat.send"]}
    rooms = (ImportedRoom(import_id="chat", settings=chat),)
    house.do(replacement(rooms=rooms, roles=roles), operator=True)
    (room,) = house.state.ordered_rooms()
    bob = house.person("Bob")
    house.do(JoinChat(room=room.id), bob)
    said = house.do(PostMessage(room=room.id, body="Hi"), bob).result
    assert (said.number, said.seq) == (2, 3)


def test_only_the_operator_begins_anew(house: House) -> None:
    assert house.refusal(replacement("a"), house.owner()) == Code.WORLD_DENIED


@pytest.mark.parametrize(
    "fields",
    [
        {"config": {"theme": 1}},
        {"title": ""},
        {"rooms": (ImportedRoom(import_id="a", settings=RoomSettings(name="")),)},
    ],
)
def test_a_replacement_that_makes_no_sense_replaces_nothing(house: House, fields: Any) -> None:
    assert house.refusal(replacement(**fields), operator=True) == Code.CONFIG_INVALID
    assert house.state.world.epoch == 1
