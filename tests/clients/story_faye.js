// A client of push by the faye library of npm: subscribes to channels, and tells all that it hears, as lines of JSON.
// Its arguments: the address, the transport, the token, and the channels.
"use strict";

const faye = require("faye");
const [, , url, transport, token, ...channels] = process.argv;
const client = new faye.Client(url, { timeout: 20, retry: 1 });

// It shakes hands by polling in any case, and begins a WebSocket then.
client.disable("eventsource");
if (transport !== "websocket") client.disable("websocket");
client.addExtension({
  outgoing(message, callback) {
    if (message.channel === "/meta/subscribe" || !message.channel.startsWith("/meta/"))
      message.ext = { access_token: token, timestamp: Math.round(Date.now() / 1000) };
    callback(message);
  },
});

function tell(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

Promise.all(
  channels.map((channel) =>
    client.subscribe(channel, (data) => tell({ channel, data })).then(
      () => tell({ subscribed: channel }),
      (error) => tell({ refused: channel, error: String(error.message) }),
    ),
  ),
).then(() => tell({ ready: true }));

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { channel, data } = JSON.parse(line);
    client.publish(channel, data).then(
      () => tell({ published: channel }),
      (error) => tell({ refused: channel, error: String(error.message) }),
    );
  })
  .on("close", () => client.disconnect().then(() => process.exit(0)));
