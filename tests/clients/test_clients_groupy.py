"""GroupyAPI from PyPI, with only its base addresses changed (protocols/groupme.md 4.1)."""

from io import BytesIO

from PIL import Image
from tests.clients import story
from tests.golden.jumpin.place import Place


def png() -> bytes:
    target = BytesIO()
    Image.new("RGB", (3, 2), "red").save(target, "PNG")
    return target.getvalue()


@story.needs_pypi("GroupyAPI", "python")
def test_groupy_tells_its_story(place: Place) -> None:
    ada, bob, cleo = (place.account() for _ in range(3))
    given = {
        "url": place.url,
        "ada": ada.secret,
        "bob": bob.secret,
        "bob_id": str(bob.id),
        "cleo_id": str(cleo.id),
        "png": png().hex(),
    }
    saw = story.tell(story.python("story_groupy.py", "python"), given)
    image = saw.pop("image")
    assert image.startswith(place.url)
    assert saw == {
        "me": str(ada.id),
        "no groups": 0,
        "group": ["Bar", "Beer", True, 1],
        "pages": [5, 13],
        "omitted": None,
        "joined": True,
        "added": [["Cleo"], 1],
        "nickname": "Countess",
        "members": ["Countess", bob.name],
        "removed": 404,
        "attachment": [True, "image"],
        "history": [52, "line 44", 1],
        "after": [True, "line 44"],
        "since": ["line 44", "line 43"],
        "nothing before": 0,
        "twice": 409,
        "empty": 400,
        "odd": [["location", "mentions"], "Pub"],
        "liked": ["hello"],
        "liked by": [str(bob.id)],
        "for me": ["hello"],
        "mine": ["hello"],
        "unliked": 0,
        "gallery": [True],
        "direct": ["psst", True],
        "chat": ["what?", "psst"],
        "chat liked": 1,
        "blocked": [False, True, True, True, False],
        "bot": ["beep", "Robo", "bot", 1],
        "no bot": [0, 404],
        "owners": True,
        "former": ["Bar"],
        "back": "Bar",
        "destroyed": 404,
    }
