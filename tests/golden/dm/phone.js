// A client of the dm dialect in a library of npm. Arguments: the library, the URL, the transports, the options as JSON.
// It says what it hears, as lines of JSON, and sends what comes as such lines: [name, body].
"use strict";

const [library, url, transports, options] = process.argv.slice(2);
const socket = require(library)(url, {
  transports: transports.split(","),
  forceNew: true,
  reconnection: false,
  ...JSON.parse(options),
});
const tell = (name, body) => process.stdout.write(JSON.stringify([name, body]) + "\n");

socket.on("connect", () => tell("connect", null));
socket.on("connect_error", (error) => tell("connect_error", String(error)));
for (const name of ["message", "messageDeleted", "channelCreate"]) socket.on(name, (body) => tell(name, body));
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name, body] = JSON.parse(line);
    socket.emit(name, body, (answer) => tell("ack", answer));
  })
  .on("close", () => process.exit(0));
