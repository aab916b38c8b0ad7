"""A story that GroupyAPI tells, of which only the addresses are changed; run in an environment of its own.

Reads {"url", "ada", "bob", "bob_id", "cleo_id"} as JSON from its input, and writes what it saw, as one object.
"""

import io
import json
import sys
import uuid
from typing import Any

import groupy.api.attachments
import groupy.api.base
from groupy import Client, exceptions

given: dict[str, Any] = json.load(sys.stdin)
groupy.api.base.Manager.base_url = given["url"] + "/v3/"
groupy.api.attachments.Images.base_url = given["url"] + "/"

ada, bob = Client.from_token(given["ada"]), Client.from_token(given["bob"])
saw: dict[str, Any] = {}


def refused(what: Any) -> int:
    """Do something that is refused, and give the status."""
    try:
        what()
    except exceptions.BadResponse as error:
        return int(error.response.status_code)
    return 0


saw["me"] = ada.user.get_me()["id"]
saw["no groups"] = len(list(ada.groups.list_all()))

# Groups
group = ada.groups.create(name="Pub", description="Beer", share=True)
group.update(name="Bar", office_mode=True)
group.refresh_from_server()
saw["group"] = [group.name, group.description, group.office_mode, len(group.members)]
for number in range(12):
    ada.groups.create(name=f"Room {number}")
saw["pages"] = [len(ada.groups.list(page=1, per_page=5).items), len(list(ada.groups.list_all(per_page=5)))]
saw["omitted"] = ada.groups.list(omit="memberships").items[0].data["members"]
share = group.share_url.split("/")
joined = bob.groups.join(share[-2], share[-1])
saw["joined"] = joined.id == group.id

# Members
guid = uuid.uuid4().hex
request = group.memberships.add_multiple(
    {"nickname": "Cleo", "user_id": given["cleo_id"], "guid": guid}, {"nickname": "Nobody", "user_id": "7"}
)
request.check_if_ready()
members, failures = request.get()
saw["added"] = [[member.nickname for member in members], len(failures)]
group.update_membership(nickname="Countess")
group.refresh_from_server()
saw["nickname"] = group.get_membership().nickname
members[0].remove()
group.refresh_from_server()
saw["members"] = sorted(member.nickname for member in group.members)
saw["removed"] = refused(lambda: group.memberships.remove("1"))

# Messages
image = ada.images.from_file(io.BytesIO(bytes.fromhex(given["png"])))
saw["image"] = image.url
message = group.post(text="hello", attachments=[image])
saw["attachment"] = [message.attachments[0].url == image.url, message.attachments[0].type]
for number in range(45):
    group.post(text=f"line {number}")
texts = [one.text for one in group.messages.list_all(limit=20)]
saw["history"] = [len(texts), texts[0], texts.count("hello")]
first = list(group.messages.list_all(limit=100))[-1]
after = list(group.messages.list_all_after(first.id, limit=30))
saw["after"] = [len(after) == len(texts) - 1, after[-1].text]
saw["since"] = [one.text for one in group.messages.list_since(message.id, limit=2)]
saw["nothing before"] = len(list(group.messages.list_before(first.id)))
saw["twice"] = refused(lambda: [group.messages.create(text="same", source_guid="one guid") for _ in range(2)])
saw["empty"] = refused(lambda: group.messages.create(text="", source_guid="another guid"))
location = groupy.api.attachments.Location(lat="52.5", lng="13.4", name="Pub")
mention = groupy.api.attachments.Mentions(loci=[[0, 4]], user_ids=[given["bob_id"]])
odd = group.post(text="@Bob here", attachments=[location, mention])
again = next(one for one in group.messages.list(limit=5) if one.id == odd.id)
saw["odd"] = [sorted(one.type for one in again.attachments), again.attachments[0].name]

# Likes
heard = next(one for one in bob.groups.get(group.id).messages.list(limit=100) if one.id == message.id)
heard.like()
saw["liked"] = [one.text for one in group.leaderboard.list_day()]
saw["liked by"] = next(one for one in group.messages.list(limit=100) if one.id == message.id).favorited_by
saw["for me"] = [one.text for one in group.leaderboard.list_for_me()]
saw["mine"] = [one.text for one in bob.groups.get(group.id).leaderboard.list_mine()]
heard.unlike()
saw["unliked"] = len(list(group.leaderboard.list_week()))
saw["gallery"] = [one.id == message.id for one in group.gallery.list_all()]

# Direct messages
other = next(member for member in group.members if member.user_id == given["bob_id"])
sent = other.post("psst")
saw["direct"] = [sent.text, sent.recipient_id == given["bob_id"]]
chat = bob.chats.list().items[0]
chat.post("what?")
answers = next(iter(ada.chats.list_all())).messages.list()
saw["chat"] = [one.text for one in answers]
answers[0].like()
saw["chat liked"] = len(next(iter(bob.chats.list().items[0].messages.list())).favorited_by)

# Blocks
saw["blocked"] = [other.is_blocked(), bool(other.block()), other.is_blocked(), other.unblock(), other.is_blocked()]

# Bots
bot = group.create_bot("Robo", avatar_url="https://example.org/robo.png")
bot.post("beep")
spoken = group.messages.list(limit=1).items[0]
saw["bot"] = [spoken.text, spoken.name, spoken.sender_type, len(ada.bots.list())]
bot.destroy()
saw["no bot"] = [len(ada.bots.list()), refused(lambda: ada.bots.post(bot.bot_id, "beep"))]

# Going
saw["owners"] = bool(group.change_owners(given["bob_id"]))
group.leave()
saw["former"] = [one.name for one in ada.groups.list_former()]
group.rejoin()
saw["back"] = ada.groups.get(group.id).name
bob.groups.get(group.id).destroy()
saw["destroyed"] = refused(lambda: ada.groups.get(group.id))
json.dump(saw, sys.stdout)
