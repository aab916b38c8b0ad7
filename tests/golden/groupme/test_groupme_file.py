"""Files of a group (protocols/groupme.md 2.7)."""

from pathlib import Path
from typing import Any

import pytest
from tests.golden.groupme.person import Person
from tests.golden.groupme.test_groupme_picture import stored

from hubbub.dialects.groupme.file import MAX_NAME, clean_name
from hubbub.transfer.manifest import PATH

CONTENT = b"<script>alert(1)</script>"


@pytest.fixture
def group(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def upload(who: Person, group: str, name: str = "a.html", content: bytes = CONTENT) -> str:
    answer = who.fetch("POST", f"/v1/{group}/files", content=content, params={"name": name})
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["status_url"]
    assert url.startswith(f"{who.place.url}/v1/{group}/uploadStatus?job=")
    status = who.fetch("GET", url.removeprefix(who.place.url))
    identity: str = status.json()["file_id"]
    assert (status.status_code, status.json()) == (200, {"status": "completed", "file_id": identity})
    return identity


def test_a_file_is_given_to_the_members(ada: Person, bob: Person, group: str) -> None:
    path = f"/v1/{group}/files/{upload(ada, group, name='résumé 1.html')}"
    form = {"access_token": bob.token, "omit-content-disposition": "false"}
    for answer in (
        bob.fetch("GET", path),
        bob.fetch("GET", path, signed=False, params={"access_token": bob.token, "_dl": "1"}),
        bob.fetch("POST", path, signed=False, data=form),
    ):
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, no-store"
        expected = "attachment; filename=\"r_sum__1.html\"; filename*=UTF-8''r%C3%A9sum%C3%A9%201.html"
        assert answer.headers["content-disposition"] == expected


def test_what_files_are(ada: Person, bob: Person, group: str) -> None:
    one, other = upload(ada, group, "a b.pdf"), upload(ada, group, "")
    answer = bob.fetch("POST", f"/v1/{group}/fileData", json={"file_ids": [one, "0" * 32, other, "../.."]})
    assert answer.json() == [
        {
            "file_id": one,
            "meta": 200,
            "file_data": {"file_name": "a b.pdf", "file_size": len(CONTENT), "mime_type": "application/pdf"},
        },
        {
            "file_id": other,
            "meta": 200,
            "file_data": {"file_name": "file", "file_size": len(CONTENT), "mime_type": "application/octet-stream"},
        },
    ]


@pytest.mark.parametrize("body", [{}, {"file_ids": 7}, {"file_ids": [7]}, {"file_ids": ["x"] * 101}, []], ids=str)
def test_what_files_are_is_asked_wrongly(ada: Person, group: str, body: Any) -> None:
    assert ada.refusal("POST", f"/v1/{group}/fileData", body)[0] == 400


def test_nobody_else_gets_it(ada: Person, bob: Person, cleo: Person, group: str) -> None:
    identity, other = upload(ada, group), cleo.make_group()
    before = stored(ada.place)
    for group_id, wrong in ((group, cleo), (other, cleo), (other, ada), ("0", ada), ("x", ada), (f"{ada.id}+1", ada)):
        assert wrong.refusal("GET", f"/v1/{group_id}/files/{identity}")[0] == 404
        assert wrong.refusal("GET", f"/v1/{group_id}/uploadStatus?job={identity}")[0] == 404
        if wrong is cleo and group_id == other:
            assert wrong.fetch("POST", f"/v1/{group_id}/fileData", json={"file_ids": [identity]}).json() == []
        elif group_id != other:
            assert wrong.refusal("POST", f"/v1/{group_id}/fileData", {"file_ids": [identity]})[0] == 404
            assert wrong.refusal("POST", f"/v1/{group_id}/files", content=b"x")[0] == 404
    assert bob.refusal("GET", f"/v1/{group}/files/{identity}", signed=False) == (401, ["unauthorized"])
    assert bob.refusal("POST", f"/v1/{group}/files/{identity}", signed=False, content=b"access_token=%ff&x")[0] == 401
    assert bob.refusal("POST", f"/v1/{group}/files", signed=False, content=b"x") == (401, ["unauthorized"])
    assert stored(ada.place) == before


@pytest.mark.parametrize("identity", ["0" * 32, "", "x", "..", "%2e%2e%2f%2e%2e", "A" * 32, "x" * 3000], ids=str)
def test_what_is_not_there(ada: Person, group: str, identity: str) -> None:
    upload(ada, group)
    assert ada.fetch("GET", f"/v1/{group}/files/{identity}").status_code in (404, 405)
    assert ada.refusal("GET", f"/v1/{group}/uploadStatus?job={identity}")[0] == 404
    assert ada.refusal("GET", f"/v1/{group}/uploadStatus")[0] == 404


def test_nothing_is_no_file(ada: Person, group: str) -> None:
    assert ada.refusal("POST", f"/v1/{group}/files?name=a") == (400, ["Nothing was sent."])


def test_films_are_not_converted(ada: Person) -> None:
    assert ada.refusal("POST", "/transcode", content=b"x" * 100_000)[0] == 501


def test_a_file_is_sent_with_a_message(ada: Person, bob: Person, group: str) -> None:
    attachment = {"type": "file", "file_id": upload(ada, group)}
    ada.say(group, "here", attachments=[attachment])
    assert bob.last(group)["attachments"] == [attachment]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a.txt", "a.txt"),
        ("a\0\r\n\u202eb.txt", "ab.txt"),
        (" .. ", "file"),
        ("", "file"),
        ("ä" * 200 + ".html", "ä" * ((MAX_NAME - 5) // 2) + ".html"),
        ("x." + "y" * 500, "x." + "y" * (MAX_NAME - 2)),
    ],
    ids=["plain", "path", "windows", "unseen", "dots", "empty", "long", "long-ending"],
)
def test_names_are_made_harmless(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_names_reach_no_path(ada: Person, group: str) -> None:
    before = stored(ada.place)
    upload(ada, group, "../../../x\0/..")
    (path,) = stored(ada.place) - before
    assert PATH.fullmatch(str(path.relative_to(ada.place.settings.media))), "it could not be exported"
    assert path.parent.parent == Path(ada.place.settings.media) / "_file" / group
