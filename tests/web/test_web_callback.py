"""A whole server calls the programs of bots, in the words of the dialect that bots speak."""

import pytest
from tests.live.callback_program import program

from hubbub.app import Application
from hubbub.core.bot import AddBot
from hubbub.core.chat import PostMessage
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.user import CreateUser, GrantRole
from hubbub.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_server_calls_programs(allowed: bool) -> None:
    async with program() as there:
        settings = Settings(database="sqlite://", videos="off", callbacks_allow_private=allowed)
        application = Application(settings)
        await application.open()
        try:
            community = application.community
            state = community.state("main")
            user = await community.call(state, CreateUser(login="ada"), operator=True)
            await community.call(state, GrantRole(user=user.id, role="member"), operator=True)
            group = await community.call(state, CreateGroup(settings=GroupSettings(name="Club")), user=user.id)
            url = there.url(host="127.0.0.1")
            sight = await community.call(state, AddBot(room=group.id, name="Robo", callback=url), user=user.id)
            await community.call(state, PostMessage(room=group.id, body="Hi"), user=user.id)
            await application.callbacks.settle()
        finally:
            await application.close()
    log = [(one.status, one.reason) for one in application.callbacks.log(sight.user.id)]
    if not allowed:
        assert (log, there.connections) == ([(0, "leads to a private address")] * 2, 0)
        return
    assert log == [(200, ""), (200, "")]
    added, said = (taken.said for taken in there.taken)
    assert (added["system"], added["sender_type"]) == (True, "system")
    assert (said["text"], said["system"], said["sender_type"]) == ("Hi", False, "user")
    keys = "attachments avatar_url created_at group_id id name sender_id sender_type source_guid system text user_id"
    assert sorted(added) == sorted(said) == keys.split()
