"""groupme-push from PyPI, with only its addresses changed (protocols/groupme.md 4.4)."""

from tests.clients import story
from tests.golden.jumpin.place import Place


@story.needs_pypi("groupme-push", "push")
def test_groupme_push_tells_its_story(place: Place) -> None:
    ada, bob, cleo = (place.account() for _ in range(3))
    given = {
        "url": place.url,
        "ada": ada.secret,
        "bob": bob.secret,
        "bob_id": str(bob.id),
        "cleo_id": str(cleo.id),
    }
    saw = story.tell(story.python("story_groupme_push.py", "push"), given)
    own, group = saw["subscribed"]
    assert own == f"/user/{bob.id}"
    assert group.startswith("/group/")
    assert saw.pop("subscribed again") == saw.pop("subscribed anew") == sorted([own, saw.pop("club")])
    assert saw == {
        "stranger": "GroupMe rejected the access token (HTTP 401)",
        "subscribed": [own, group],
        "groups": ["Pub"],
        "foreign": True,
        "message": "hello",
        "favorite": "hello",
        "own": "mine",
        "like": "mine",
        "dm": "psst",
        "added": "membership.announce.added",
        "membership": "membership.create",
        "added to another": "membership.announce.added",
        "deleted": ["message.deleted", "message.deleted"],
        "probed": own,
        "unsubscribed": group,
        "quiet": ["quiet", "after it"],
        "broke": [True, True],
        "another": True,
        "back": "are you back?",
        "unknown": "Unknown client",
        "anew": ["and now?", "and then?"],
        "stopped": True,
    }
