"""Users: profiles, search, blocks, and what moderators may do about whom (protocols/venueless.md 1.7)."""

from typing import Any

import pytest
from tests.core.house import WORLD, House

from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    Audited,
    GrantGiven,
    GrantTaken,
    PasswordSet,
    SessionsRevoked,
    UserBanned,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserReactivated,
    UserUnblocked,
    UserUpdated,
)
from hubbub.core.user import (
    MAX_BLOCKS,
    MAX_FETCH,
    BanUser,
    BlockUser,
    CheckOnline,
    CreateKiosk,
    CreateUser,
    DeleteUser,
    FetchUsers,
    FetchUsersByPretalx,
    GrantRole,
    ListBlocked,
    ListUsers,
    ReactivateUser,
    SearchUsers,
    SilenceUser,
    TakeRole,
    UnblockUser,
    UpdateProfile,
    UpdateUser,
    VerifyUser,
)

VERBS: list[Any] = [BanUser, SilenceUser, ReactivateUser, DeleteUser]


def names(found: Any) -> list[str]:
    return [user.display_name for user in (found.users if hasattr(found, "users") else found)]


# The own profile


def test_what_is_given_is_replaced_whole(house: House) -> None:
    ada = house.person(profile={"display_name": "Ada", "greeted": True}, pretalx_id="X")
    session = house.connect(ada)
    outcome = house.do(UpdateProfile(profile={"display_name": "Ada L."}), ada, session=session)
    assert outcome.result.profile == {"display_name": "Ada L."}
    assert outcome.one(UserUpdated).session == session
    outcome = house.do(UpdateProfile(client_state={"a": 1}), ada)
    assert (outcome.result.profile, outcome.result.client_state) == ({"display_name": "Ada L."}, {"a": 1})
    assert outcome.result.pretalx_id == "X"


def test_a_name_is_one_line_of_what_can_be_seen(house: House) -> None:
    ada = house.person()
    changed = house.do(UpdateProfile(profile={"display_name": " A\x00d\na\u202e "}), ada).result
    assert changed.display_name == "Ada\u202e"
    assert len(house.do(UpdateProfile(profile={"display_name": "x" * 500}), ada).result.display_name) == 150


@pytest.mark.parametrize("field", ["profile", "client_state"])
def test_a_profile_has_a_size(house: House, field: str) -> None:
    command = UpdateProfile(**{field: {"a": "x" * 50_000}})
    assert house.refusal(command, house.person("Ada")) == Code.INVALID


def test_who_may_not_see_the_world_has_no_profile(house: House) -> None:
    assert house.refusal(UpdateProfile(profile={}), house.person(kind="bot")) == Code.WORLD_DENIED


# Looking up


def test_users_are_fetched_by_id_the_deleted_too(house: House) -> None:
    ada, gone = house.person("Ada"), house.person("Gone", deleted=True)
    found = house.do(FetchUsers(users=(gone, 12345, ada)), ada).result
    assert [user.id for user in found] == [gone, ada]


def test_a_fetch_has_a_size(house: House) -> None:
    users = tuple(house.person(f"P{count}") for count in range(MAX_FETCH + 1))
    assert len(house.do(FetchUsers(users=users), users[0]).result) == MAX_FETCH == 100


def test_persons_are_fetched_by_their_id_in_the_timetable(house: House) -> None:
    ada = house.person("Ada", pretalx_id="P1")
    house.person("Screen", pretalx_id="P2", kind="kiosk")
    house.person("None")
    assert names(house.do(FetchUsersByPretalx(ids=("P1", "P2", "P3")), ada).result) == ["Ada"]


def test_listing_users(house: House) -> None:
    wanda, ada = house.person("Wanda", "warden"), house.person("Ada")
    house.person("Gone", deleted=True)
    house.person("Screen", kind="kiosk")
    house.do(BanUser(user=ada), wanda)
    assert names(house.do(ListUsers(), wanda).result) == ["Wanda", "Ada"]
    assert names(house.do(ListUsers(include_banned=False), wanda).result) == ["Wanda"]
    assert names(house.do(ListUsers(kind="kiosk"), wanda).result) == ["Screen"]
    assert house.refusal(ListUsers(), house.person("Bob")) == Code.WORLD_DENIED


def test_searching_users() -> None:
    fields = [{"id": "f1", "searchable": True}, {"id": "f2"}, "rubbish"]
    house = House(profile_fields=fields, trait_badges_map={"crew": "Crew"})
    bob = house.person("bob", profile={"display_name": "bob", "fields": {"f1": "Bakes", "f2": "Zeppelin"}})
    house.person("Ada", "crew")
    house.person(profile={})
    house.person("Bo Hidden", shown=False)
    house.person("Bo Gone", deleted=True)
    house.person("Bo Screen", kind="kiosk")
    banned = house.person("Bo Banned")
    house.do(BanUser(user=banned), house.person("X", "warden"))

    def search(term: str, **fields: Any) -> list[str]:
        return names(house.do(SearchUsers(term=term, **fields), bob).result)

    assert search("") == ["Ada", "bob", "X"]
    assert search("BO") == ["bob"]
    assert search("bakes") == ["bob"]
    assert search("zeppelin") == []
    assert search("bo", include_banned=True) == ["Bo Banned", "bob"]
    assert search("", badge="Crew") == ["Ada"]
    assert search("", badge="None") == []


def test_pages_of_a_search() -> None:
    house = House(user_list={"page_size": 2, "search_min_chars": 3})
    for count in range(4):
        house.person(f"User {count}")
    asker = house.person("Asker")

    def page(number: int, term: str = "user") -> tuple[list[str], bool]:
        found = house.do(SearchUsers(term=term, page=number), asker).result
        return names(found), found.last

    assert page(1) == (["User 0", "User 1"], False)
    assert page(2) == (["User 2", "User 3"], True)
    assert page(3) == page(0) == page(-1) == page(1, "us") == ([], True)


@pytest.mark.parametrize("settings", [{"page_size": 0}, {"page_size": -1}, {"page_size": "x"}, "rubbish", None])
def test_a_page_size_that_is_none(settings: Any) -> None:
    """Once a size of 0 gave empty pages without end."""
    house = House(user_list=settings)
    ada = house.person("Ada")
    found = house.do(SearchUsers(term="ada"), ada).result
    assert (names(found), found.last) == (["Ada"], True)


def test_who_is_online(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    tabs = [house.connect(ada), house.connect(ada)]
    assert house.do(CheckOnline(users=(ada, bob)), bob).result == {ada: True, bob: False}
    house.log_out(ada, tabs[0])
    assert house.do(CheckOnline(users=(ada,)), bob).result == {ada: True}
    house.log_out(ada, tabs[1])
    assert house.do(CheckOnline(users=(ada,)), bob).result == {ada: False}


# Blocks


def test_blocking_and_taking_it_back(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    assert house.do(BlockUser(user=bob), ada).one(UserBlocked).block.target == bob
    assert house.do(BlockUser(user=bob), ada).events == []
    assert names(house.do(ListBlocked(), ada).result) == ["Bob"]
    assert house.do(ListBlocked(), bob).result == []
    assert house.state.blocked(ada, bob)
    assert house.state.blocked(bob, ada)
    assert house.do(UnblockUser(user=ada), bob).events == []
    assert house.do(UnblockUser(user=bob), ada).one(UserUnblocked).block.user == ada
    assert not house.state.blocked(ada, bob)


@pytest.mark.parametrize("verb", [BlockUser, UnblockUser, *VERBS])
def test_nobody_does_it_to_themselves_or_to_nobody(house: House, verb: Any) -> None:
    owner = house.owner()
    assert house.refusal(verb(user=owner), owner) == Code.SELF_ACTION
    assert house.refusal(verb(user=12345), owner) == Code.USER_UNKNOWN
    assert house.refusal(verb(user=house.person("Gone", deleted=True)), owner) == Code.USER_UNKNOWN


def test_blocks_have_a_limit(house: House) -> None:
    ada = house.person("Ada")
    house.state.blocks[ada] = set(range(MAX_BLOCKS))
    with pytest.raises(HubbubError) as caught:
        house.do(BlockUser(user=house.person("One more")), ada)
    assert caught.value.code == Code.INVALID


# Moderation


def test_banning_lifts_a_silence_and_the_other_way_round(house: House) -> None:
    wanda, ada = house.person("Wanda", "warden"), house.person("Ada")
    for command, kind in ((SilenceUser, "silenced"), (BanUser, "banned"), (SilenceUser, "silenced")):
        outcome = house.do(command(user=ada), wanda)
        assert house.state.moderation(ada, house.now) == kind
        assert len(house.state.bans[ada]) == 1
        assert outcome.one(UserBanned).ban.by == wanda
        assert outcome.one(SessionsRevoked).user == ada
        assert outcome.one(Audited).entry.data == {"object": ada}
    outcome = house.do(ReactivateUser(user=ada), wanda)
    assert outcome.one(UserReactivated).user == ada
    assert outcome.of(SessionsRevoked) == []
    assert house.state.moderation(ada, house.now) == ""
    assert house.do(ReactivateUser(user=ada), wanda).of(UserReactivated) == []


@pytest.mark.parametrize("verb", VERBS)
def test_who_may_moderate(house: House, verb: Any) -> None:
    ada = house.person("Ada")
    for user in (house.person("Bob"), house.person("Mo", "moderator")):
        assert house.refusal(verb(user=ada), user) == Code.WORLD_DENIED
    house.do(verb(user=ada), house.person("Wanda", "warden"))


@pytest.mark.parametrize("verb", [*VERBS, UpdateUser])
@pytest.mark.parametrize("actor", range(2, 5))
@pytest.mark.parametrize("target", range(5))
def test_nobody_acts_on_an_equal_or_higher_or_on_an_owner(house: House, verb: Any, actor: int, target: int) -> None:
    def of_rank(rank: int) -> int:
        made = [("Ada",), ("Mo", "moderator"), ("Wanda", "warden"), ("Admin", "admin")]
        return house.person(*made[rank]) if rank < 4 else house.owner()

    one, other = of_rank(actor), of_rank(target)
    if actor > target:
        house.do(verb(user=other), one)
    else:
        assert house.refusal(verb(user=other), one) == Code.WORLD_DENIED


def test_a_silenced_admin_is_still_out_of_a_warden_s_reach(house: House) -> None:
    """Once the silenced were ranked by the little that they may do."""
    admin, wanda = house.person("Admin", "admin"), house.person("Wanda", "warden")
    house.do(SilenceUser(user=admin), house.owner())
    for verb in VERBS:
        assert house.refusal(verb(user=admin), wanda) == Code.WORLD_DENIED


def test_what_they_are_goes_with_a_deleted_user(house: House) -> None:
    ada = house.person(
        "Ada", "staff", client_id="c", token_id="t", login="ada", pretalx_id="P", client_state={"secret": 1}
    )
    outcome = house.do(DeleteUser(user=ada), house.owner())
    gone = outcome.one(UserDeleted).user
    assert gone.deleted
    assert (gone.profile, gone.client_state, gone.traits) == ({}, {}, ())
    assert (gone.client_id, gone.token_id, gone.login, gone.pretalx_id) == (None, None, None, None)
    assert (house.state.by_client_id, house.state.by_token_id, house.state.by_login) == ({}, {}, {})
    assert outcome.one(SessionsRevoked).user == ada
    assert house.permissions(ada) == frozenset()


# Organisers


def test_an_organiser_changes_a_profile(house: House) -> None:
    admin, ada = house.person("Admin", "admin"), house.person("Ada", pretalx_id="P")
    outcome = house.do(UpdateUser(user=ada, profile={"display_name": "A"}, client_state={"no": 1}), admin, session=5)
    assert (outcome.result.display_name, outcome.result.pretalx_id, outcome.result.client_state) == ("A", "P", {})
    assert outcome.one(UserUpdated).session == 0
    assert house.do(UpdateUser(user=ada, pretalx_id=None), admin).result.pretalx_id is None
    kiosk = house.person("Screen", kind="kiosk")
    assert house.do(UpdateUser(user=kiosk, client_state={"yes": 1}), admin).result.client_state == {"yes": 1}
    assert house.do(UpdateUser(user=admin, profile={}), admin).result.profile == {}
    assert house.refusal(UpdateUser(user=12345), admin) == Code.USER_UNKNOWN


def test_a_kiosk_is_not_shown_and_has_its_role(house: House) -> None:
    outcome = house.do(CreateKiosk(profile={"display_name": "Foyer"}), house.person("Admin", "admin"))
    kiosk = outcome.one(UserCreated).user
    assert (kiosk.kind, kiosk.shown, kiosk.display_name) == ("kiosk", False, "Foyer")
    assert "room:invite.anonymous" in house.permissions(kiosk.id, house.office)
    assert house.refusal(CreateKiosk(profile={}), house.person("Wanda", "warden")) == Code.WORLD_DENIED


def test_somebody_with_a_login_name(house: House) -> None:
    admin = house.person("Admin", "admin")
    outcome = house.do(CreateUser(login=" Ada ", password="$argon2id$"), admin)
    assert (outcome.result.login, outcome.result.display_name) == ("ada", "Ada")
    assert outcome.one(PasswordSet).credential.user == outcome.result.id
    assert house.do(CreateUser(login="Bob"), admin).of(PasswordSet) == []
    for login in ("ADA", "ada", "\uff21da", "", " ", "a\x00b", "a\u200bb", "x" * 151):
        assert house.refusal(CreateUser(login=login), admin) == Code.INVALID


def test_giving_and_taking_roles(house: House) -> None:
    admin, ada = house.person("Admin", "admin"), house.person("Ada")
    for room in (0, house.office):
        given = house.do(GrantRole(user=ada, role="moderator", room_id=room), admin)
        assert given.one(GrantGiven).grant.room == room
        assert house.do(GrantRole(user=ada, role="moderator", room_id=room), admin).events == []
    taken = house.do(TakeRole(user=ada, role="moderator"), admin)
    assert taken.one(GrantTaken).grant.role == "moderator"
    assert "room:chat.moderate" in house.permissions(ada, house.office)
    assert "room:chat.moderate" not in house.permissions(ada)
    assert house.do(TakeRole(user=ada, role="moderator"), admin).events == []
    assert house.refusal(GrantRole(user=ada, role="king"), admin) == Code.INVALID
    assert house.refusal(GrantRole(user=ada, role="viewer", room_id=5), admin) == Code.ROOM_UNKNOWN
    direct = house.do(OpenDirect(users=(admin,)), ada).result.room.id
    assert house.refusal(GrantRole(user=ada, role="viewer", room_id=direct), admin) == Code.ROOM_UNKNOWN


def test_only_owners_make_owners_and_nobody_unmakes_them(house: House) -> None:
    admin, owner, ada = house.person("Admin", "admin"), house.owner(), house.person("Ada")
    assert house.refusal(GrantRole(user=ada, role="owner"), admin) == Code.WORLD_DENIED
    house.do(GrantRole(user=ada, role="owner"), owner)
    for actor in (admin, owner):
        assert house.refusal(TakeRole(user=ada, role="owner"), actor) == Code.WORLD_DENIED
    house.do(TakeRole(user=ada, role="owner"), operator=True)
    assert house.state.granted_roles(ada, 0) == ()


@pytest.mark.parametrize("command", [GrantRole, TakeRole])
def test_roles_of_equals_are_out_of_reach(house: House, command: Any) -> None:
    admin, other = house.person("Admin", "admin"), house.person("Other", "admin")
    assert house.refusal(command(user=other, role="moderator"), admin) == Code.WORLD_DENIED
    assert house.do(command(user=admin, role="moderator"), admin).result is None
    assert house.state.world.id == WORLD


def test_who_manages_users_verifies_them_and_takes_it_back(house: House) -> None:
    warden, ada = house.person("Warden", "warden"), house.person("Ada")
    assert house.refusal(VerifyUser(user=ada), ada) == Code.WORLD_DENIED
    assert house.do(VerifyUser(user=ada), warden).one(UserUpdated).user.verified
    assert house.do(VerifyUser(user=ada), warden).events == []
    house.do(VerifyUser(user=ada, verified=False), warden)
    assert not house.user(ada).verified
