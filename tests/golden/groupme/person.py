"""People who use the groupme dialect over HTTP, each with an account and a token."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx
from tests.golden.jumpin.place import Place, Somebody

Json = Any

_GUIDS: Iterator[int] = itertools.count(1)


class Answer(NamedTuple):
    """What came of a request: the status, and what the envelope held."""

    status: int
    response: Json
    meta: Json

    @property
    def errors(self) -> list[str]:
        found: list[str] = self.meta["errors"]
        return found


class Person:
    """Somebody with a token."""

    def __init__(self, place: Place, http: httpx.Client, who: Somebody) -> None:
        self.place = place
        self._http = http
        self.id = str(who.id)
        self.number = who.id
        self.name = who.name
        self.token = who.secret

    def fetch(self, method: str, path: str, *, signed: bool = True, **more: Any) -> httpx.Response:
        """Send a request as it is."""
        headers = {"X-Access-Token": self.token} if signed else {}
        headers |= more.pop("headers", {})
        return self._http.request(method, f"{self.place.url}{path}", headers=headers, **more)

    def ask(self, method: str, path: str, **more: Any) -> Answer:
        """Send a request, and give what its envelope held; an empty body is one without."""
        response = self.fetch(method, path, **more)
        if not response.content:
            return Answer(response.status_code, None, {})
        assert response.headers["content-type"] == "application/json", response.text
        body = response.json()
        assert set(body) == {"response", "meta"}, body
        assert ("errors" in body["meta"]) == (response.status_code >= 400), body
        return Answer(response.status_code, body["response"], body["meta"])

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """Ask for something that is there."""
        return self._fine(self.ask("GET", path, params=dict(query or {})))

    def post(self, path: str, body: Json = None, **more: Any) -> Json:
        """Do something that succeeds."""
        return self._fine(self.ask("POST", path, **({} if body is None else {"json": body}), **more))

    def refusal(self, method: str, path: str, body: Json = None, **more: Any) -> tuple[int, list[str]]:
        """Do something that is refused; give the status and what is said."""
        answer = self.ask(method, path, **({} if body is None else {"json": body}), **more)
        assert answer.status >= 400, answer
        assert answer.response is None
        return answer.status, answer.errors

    @staticmethod
    def _fine(answer: Answer) -> Json:
        assert answer.status < 300, answer
        return answer.response

    # Words for what most tests do

    def make_group(self, name: str = "Pub", **more: Json) -> str:
        """Make a group, and give its id."""
        found: str = self.post("/v3/groups", {"name": name, **more})["id"]
        return found

    def add(self, group: str, *others: "Person") -> None:
        members = [{"user_id": other.id, "nickname": other.name} for other in others]
        self.post(f"/v3/groups/{group}/members/add", {"members": members})

    def say(self, group: str, text: str, **more: Json) -> Json:
        """Say something in a group, and give the message."""
        message = {"source_guid": f"guid-{next(_GUIDS)}", "text": text, **more}
        return self.post(f"/v3/groups/{group}/messages", {"message": message})["message"]

    def history(self, group: str, **query: Any) -> list[Json]:
        """Give the messages of a group, newest first."""
        answer = self.ask("GET", f"/v3/groups/{group}/messages", params={"limit": 100, **query})
        if answer.status == 304:
            return []
        messages: list[Json] = self._fine(answer)["messages"]
        return messages

    def last(self, group: str) -> Json:
        """Give the newest message of a group."""
        return self.history(group)[0]
