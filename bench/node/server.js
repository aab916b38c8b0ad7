// Node's socket.io doing what `socketio_node` measures: an event "post" is acknowledged, and everybody is told of it.
// `node server.js PORT 4` is socket.io 4 for clients of Engine.IO 4; `node server.js PORT 3` is socket.io 2 for those of
// Engine.IO 3. Everything else is as it comes.
"use strict";

const [port, version] = process.argv.slice(2).map(Number);
const http = require("http").createServer();
const io = version === 4 ? new (require("socket.io").Server)(http) : require("socket.io-2")(http);

io.on("connection", (socket) => {
  socket.on("post", (body, acknowledge) => {
    acknowledge();
    io.emit("room::message", body);
  });
});

http.listen({ port, host: "127.0.0.1", backlog: 2048 });
process.on("SIGTERM", () => process.exit(0));
