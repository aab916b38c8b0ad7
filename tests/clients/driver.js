// Runs Socket.IO clients of three generations for a test in Python: commands come as lines of JSON, and so does all that
// the clients hear. Every line names the number of its client.
"use strict";

const libraries = { sio2: require("sio2"), sio3: require("sio3"), sio4: require("sio4") };
const clients = new Map();

function tell(client, on, more) {
  process.stdout.write(JSON.stringify({ client, on, ...more }) + "\n");
}

function engineOf(socket) {
  return socket.io.engine;
}

const commands = {
  connect({ client, library, url, token, transports, auth }) {
    const options = {
      transports,
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      timeout: 10000,
    };
    if (token !== null && auth) options.auth = { token };
    else if (token !== null) options.query = { token };
    const socket = libraries[library](url, options);
    clients.set(client, socket);
    engineOf(socket).on("upgrade", (transport) => tell(client, "upgrade", { transport: transport.name }));
    socket.on("connect", () => tell(client, "connect", { transport: engineOf(socket).transport.name }));
    socket.on("disconnect", (reason) => tell(client, "disconnect", { reason }));
    socket.on("connect_error", (error) => tell(client, "refusal", { message: String(error.message), data: error.data }));
    if (library === "sio2") {
      socket.on("error", (error) => tell(client, "refusal", { message: error.message || String(error), data: error }));
      const deliver = socket.onevent;
      socket.onevent = function (packet) {
        tell(client, "event", { event: packet.data[0], arguments: packet.data.slice(1) });
        deliver.call(this, packet);
      };
    } else {
      socket.onAny((event, ...words) => tell(client, "event", { event, arguments: words }));
    }
  },
  emit({ client, event, words, ack }) {
    const socket = clients.get(client);
    if (ack) socket.emit(event, ...words, (...answer) => tell(client, "ack", { arguments: answer }));
    else socket.emit(event, ...words);
  },
  close({ client }) {
    if (clients.has(client)) clients.get(client).close();
    clients.delete(client);
    tell(client, "closed", {});
  },
  drop({ client }) {
    // Pulls the plug under the client, which then comes back by itself: without a word over a WebSocket, and by never
    // polling again otherwise.
    const engine = engineOf(clients.get(client));
    const ws = engine && engine.transport && engine.transport.ws;
    if (ws && ws.terminate) ws.terminate();
    else if (engine) (engine.onClose || engine._onClose).call(engine, "transport error");
    tell(client, "dropped", {});
  },
};

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
