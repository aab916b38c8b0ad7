"""The rows of the benchmark, one module each, in the order in which they run."""

from __future__ import annotations

from typing import Final

from bench.figure import Row
from bench.rows import (
    arrival,
    fanout,
    groupme_push,
    latency,
    mark_read,
    memory,
    moving,
    polling,
    reactions,
    socketio,
    socketio_memory,
    writes,
)

ROWS: Final = (
    Row("fanout", "chat into a room of 1,000, against the least a server can do", fanout.run),
    Row("latency", "from send to receipt, 10 messages a second into 500 receivers", latency.run),
    Row("arrival", "500 people connect, authenticate and enter one room", arrival.run),
    Row("memory", "memory of an idle authenticated connection", memory.run),
    Row("reactions", "500 people react at once", reactions.run),
    Row("writes", "durable messages from 256 concurrent senders", writes.run),
    Row("mark_read", "1,000 people mark one message as read", mark_read.run),
    Row("socketio_fanout", "chat into 1,000 Socket.IO sessions, against the least a server can do", socketio.run),
    Row("socketio_node", "the same, against Node's socket.io", socketio.run_node),
    Row("socketio_memory", "memory of an idle Socket.IO session over WebSocket", socketio_memory.run),
    Row("polling", "a message a second to 1,000 clients that poll", polling.run),
    Row(
        "groupme_push",
        "a group's talk into 1,000 members' push clients, against the least a server can do",
        groupme_push.run,
    ),
    Row("moving", "80,000 messages out of GroupMe's export, out of ours, and looked through", moving.run),
    Row("groupme_memory", "memory of an idle push client of GroupMe", groupme_push.run_memory),
)
# The bare server alone, with the frame of 230 bytes that design.md speaks of. Only when asked for by name.
EXTRA: Final = (Row("limit", "the bare server alone, frames of 230 bytes", fanout.run_limit),)
