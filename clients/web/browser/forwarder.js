// How does a test cut, stall or redirect what goes between a browser and a gateway? By a port of its own that passes bytes on.

import { connect, createServer } from "node:net";

/** Passes each connection on to the first of `ports` that answers. */
export async function startForwarder(ports) {
  const pairs = new Set();
  const forwarder = {
    /** Where nothing gets through: connections are refused as they come. */
    isCut: false,
    /** As some proxies do: the upgrade of a WebSocket ends its connection. */
    isWithoutWebSocket: false,
    url: "",

    /** Ends everything that is open. */
    reset() {
      for (const [near, far] of pairs) {
        near.destroy();
        far?.destroy();
      }
    },

    /** Half-open: what is open stays so, and nothing goes through any more, nor is an end told. */
    stall() {
      for (const [near, far] of pairs) {
        near.removeAllListeners("data").on("data", () => {});
        far?.removeAllListeners("data").on("data", () => {});
      }
    },

    stop() {
      server.close();
      forwarder.reset();
    },
  };

  async function pass(near) {
    const pair = [near, undefined];
    pairs.add(pair);
    near.on("error", () => {}).on("close", () => {
      pairs.delete(pair);
      pair[1]?.destroy();
    });
    if (forwarder.isCut) return near.destroy();
    near.pause();
    const far = await firstThatAnswers(ports);
    if (!far) return near.destroy();
    pair[1] = far;
    far.on("error", () => {}).on("close", () => near.destroy());
    near.on("data", (bytes) => {
      if (forwarder.isWithoutWebSocket && /^GET \/v1\/ws/.test(bytes.toString("latin1"))) near.destroy();
      else far.write(bytes);
    });
    far.on("data", (bytes) => near.write(bytes));
    return near.resume();
  }

  const server = createServer((near) => void pass(near));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  forwarder.url = `http://127.0.0.1:${server.address().port}`;
  return forwarder;
}

async function firstThatAnswers(ports) {
  for (const port of ports) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await new Promise((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    if (isThere) return socket;
  }
  return null;
}
