"""node-groupme of npm, with only its base addresses changed (protocols/groupme.md 4.2)."""

from tests.clients import story
from tests.golden.jumpin.place import Place

EVENTS = {
    "group.name_change": "name,user",
    "group.topic_change": "topic,user",
    "group.avatar_change": "avatar_url,user",
    "group.theme_change": "theme_name,user",
    "group.like_icon_set": "like_icon,user",
    "group.office_mode_enabled": "user",
    "group.office_mode_disabled": "user",
    "group.type_change": "message_edit_period,type,user",
    "group.added_to_directory": "directory_name,user",
    "membership.nickname_changed": "name,user",
    "bot.add": "bot,user",
    "bot.del": "bot,user",
    "poll.created": "conversation,poll,user",
    "poll.finished": "conversation,options,poll",
    "calendar.event.created": "event,url,user",
    "calendar.event.user.not_going": "event,user",
    "group.role_change_admin": "member,role,user",
    "membership.notifications.removed": "removed_user,remover_user",
}
"""The events that Bob hears of, each with what its data has."""


@story.needs_npm("node-groupme")
def test_node_groupme_tells_its_story(place: Place) -> None:
    ada, bob, cleo = (place.account() for _ in range(3))
    given = {
        "url": place.url,
        "ada": ada.secret,
        "bob": bob.secret,
        "bob_id": str(bob.id),
        "cleo_id": str(cleo.id),
        "expiration": int(place.clock().timestamp()) + 3600,
    }
    saw = story.tell(story.node("story_node_groupme.js"), given)
    assert dict(saw.pop("hears_events")) == EVENTS
    assert saw == {
        "stranger": "unauthorized",
        "me": str(ada.id),
        # Groups
        "none": 0,
        "group": ["Pub", "Why?", True, 0, True],
        "changed": ["Bar", True, "Bar"],
        "pages": [5, 0],
        "all": 13,
        "some": True,
        "joined": "Bar",
        "unknown": "Group not found",
        "nameless": "name: 1 to 140 characters that can be seen",
        # Members
        "added": [["Cleo", "one"]],
        "members": sorted(["Cleo", ada.name, bob.name]),
        "removed": ["removed", sorted([ada.name, bob.name])],
        "removed_twice": "Membership not found",
        "nickname": "Countess",
        # Messages
        "said": ["line 0", True, False, []],
        "page": 20,
        "before": ["line 18", "line 19"],
        "since": ["line 23", "line 24"],
        "after": ["line 21", "line 22"],
        "nothing": [0, 0],
        "history": [31, True, True],
        "one": "line 3",
        "unknown_message": True,
        "empty": True,
        "liked": [str(ada.id)],
        "unliked": [],
        "deleted": [True, "This message was deleted"],
        # What else there is in a group
        "poll": ["Tea?", False, True, "1", True],
        "options": [["1", "Yes", 1, 1], ["2", "No", 0, None]],
        "polls": ["active"],
        "calendar": [["Party", 0, 1]],
        # Direct messages
        "no_chats": 0,
        "chat": [True, "psst", 1],
        "chat_pages": [["what?", "tell me"], ["tell me", "now"], ["now", "tell me"], 0],
        "chat_history": 4,
        "chat_one": "tell me",
        "chat_liked": 1,
        "chat_unknown": "User not found",
        "relationships": [str(bob.id)],
        # Going
        "same_owner": "400",
        "owner": True,
        "former": [["Bar", "former_group", 0]],
        "back": True,
        "not_yours": True,
        "destroyed": "Group not found",
        "waits": ["Club", True, 0],
        # What is heard
        "hears_added": True,
        "hears_adding": [["Cleo"], True, "Live"],
        "hears_message": "hello",
        "hears_emitted": ["hello", "Live", True],
        "hears_favorite": 1,
        "hears_like": "mine",
        "hears_direct": "psst",
        "hears_deleted": True,
        "hears_tombstone": "This message was deleted",
        "hears_typing": True,
        "hears_membership": "New",
        "hears_unknown": [],
    }
