// A Socket.IO server for the load tool: a room for each user, and POST /publish {"recipients", "text"} sends each of them an event
// of its own. HOST and PORT say where it listens; REDIS_URL, where it is set, which Redis it shares with other nodes.

import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const { HOST, PORT, REDIS_URL } = process.env;
const RECOVERY_MS = 5 * 60 * 1000;

const http = createServer(async (request, response) => {
  if (request.url === "/healthz") {
    response.end("alive\n");
  } else if (request.url === "/publish" && request.method === "POST") {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { recipients, text } = JSON.parse(Buffer.concat(chunks));
    for (const to of recipients) io.to(to).emit("message", { to, text });
    response.setHeader("content-type", "application/json").end("{}");
  } else {
    response.writeHead(404).end();
  }
});

const io = new Server(http, {
  connectionStateRecovery: { maxDisconnectionDuration: RECOVERY_MS },
  serveClient: false,
  // The adapter for Redis streams: the one for its pub/sub cannot recover.
  ...(REDIS_URL && { adapter: createAdapter(new Redis(REDIS_URL), { onlyPlaintext: true }) }),
});

// As its documentation advises for many connections: the upgrade request is not kept.
io.engine.on("connection", (socket) => {
  socket.request = null;
});
io.on("connection", (socket) => {
  socket.join(socket.handshake.auth.user);
});

http.listen({ port: PORT, host: HOST, backlog: 4096 });
