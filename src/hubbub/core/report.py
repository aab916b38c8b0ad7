"""Reports: people tell the organisers what somebody did to them."""

from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Denied
from hubbub.core.visit import access_recent_visit

MAX_REASON = 100
MAX_DESCRIPTION = 140
"""Source: protocols/jumpin.md 2."""


class ReportVisitor(Command, frozen=True, kw_only=True):
    """Tell the organisers of somebody who is in a room, or was within a day."""

    room: int
    visit: int
    reason: str
    description: str = ""


@handles(ReportVisitor, "room:view", rate="create")
def do_report(act: Act, command: ReportVisitor) -> None:
    """Note it in the audit log, where organisers read it; the one it is about is not told."""
    visit = access_recent_visit(act, command.room, command.visit)
    if visit.user == act.by:
        raise Denied(Code.SELF_ACTION, "You cannot report yourself.")
    for field, most in (("reason", MAX_REASON), ("description", MAX_DESCRIPTION)):
        if len(getattr(command, field)) > most:
            raise invalid(field, f"at most {most} characters")
    if not command.reason.strip():
        raise invalid("reason", "say what it is about")
    about = {"object": visit.user, "handle": visit.handle, "room": command.room}
    act.audit("room.user.reported", {**about, "reason": command.reason, "description": command.description})
