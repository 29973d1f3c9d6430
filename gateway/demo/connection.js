// When is the gateway connected to, what follows each way of being closed, and how are methods called?

import { CredentialsNeeded, canRenew, claimsOf, tokenFor } from "/demo/access.js";
import { CallError, post } from "/demo/http.js";
import { openEventSource, openWebSocket } from "/demo/transport.js";

const OPEN_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 30_000; // A browser cannot see the server's pings, so a dead line shows only by our own.
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const RENEW_BEFORE_EXPIRY_MS = 30_000;
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Status kinds: offline (wanted), connecting, syncing, live, waiting (`delay` ms), stopped (`reason`).
 * Options: user, device, window, transport ("websocket" | "sse"), cursor(), filters() whose totals are wanted, onFrame(frame), onStatus(status),
 * onWire(direction, payload, bytes), onProblem(error).
 */
export class Connection {
  status = { kind: "offline" };
  openedAt = 0;
  #options;
  #attempt = 0; // Rises with every opening and closing; what an older attempt still reports is ignored.
  #failures = 0; // In a row, without a finished sync between them.
  #channel = null;
  #calls = new Map();
  #nextID = 1;
  #timers = new Set();
  #reconnectAfterMs = null;
  #kickReason = "";
  #token = null;

  constructor(options) {
    this.#options = options;
  }

  get transport() { return this.#options.transport; }

  connect() {
    this.#failures = 0;
    this.#open();
  }

  disconnect() {
    this.#close();
    this.#setStatus({ kind: "offline" });
  }

  /** Opens anew at once, with whatever cursor there is now, perhaps over another transport. */
  restart(transport = this.transport) {
    this.#options.transport = transport;
    if (this.status.kind !== "offline") this.connect();
  }

  /** As a lost network would: the line is gone without a word, and what follows is the ordinary way back. */
  cut() {
    if (!this.#channel) return;
    this.#options.onWire("note", { note: "line cut" });
    this.#closed(1006, "cut");
  }

  /** The app came to the foreground or the network is back: waiting is pointless, and a quiet line is not trusted. */
  async wake() {
    if (this.status.kind === "waiting") return this.#open();
    const cursor = this.#options.cursor();
    if (this.status.kind !== "live" || !cursor) return undefined;
    const attempt = this.#attempt;
    const answer = await this.call("probe", { cursor }).catch(() => null);
    const missed = !answer || (this.transport === "sse" && !answer.upToDate); // A WebSocket session replays by itself.
    return missed && attempt === this.#attempt ? this.restart() : undefined;
  }

  /** Answers the result or throws a CallError; without an open WebSocket it goes over HTTP. */
  async call(method, params) {
    if (this.#channel?.send && (this.status.kind === "live" || this.status.kind === "syncing")) return this.#callOverSocket(method, params);
    this.#options.onWire("out", { http: `POST /v1/${method}`, params });
    const token = await tokenFor(this.#options.user).catch((error) => { throw new CallError(undefined, error.message); });
    const result = await post(`/v1/${method}`, params, token);
    this.#options.onWire("in", { http: `POST /v1/${method}`, result }, JSON.stringify(result).length);
    return result;
  }

  #callOverSocket(method, params) {
    const id = this.#nextID++;
    const text = JSON.stringify({ id, method, params });
    this.#options.onWire("out", { id, method, params: method === "refreshToken" ? { token: "…" } : params }, text.length);
    return new Promise((resolve, reject) => {
      const timer = this.#after(CALL_TIMEOUT_MS, () => this.#settle({ id, error: { message: `${method}: no answer.` } }));
      this.#calls.set(id, { resolve, reject, timer });
      this.#channel.send(text);
    });
  }

  #settle({ id, result, error }) {
    const call = this.#calls.get(id);
    if (!call) {
      if (error) this.#options.onProblem(new CallError(error.code, error.message));
      return;
    }
    this.#calls.delete(id);
    this.#cancel(call.timer);
    if (error) call.reject(new CallError(error.code, error.message));
    else call.resolve(result);
  }

  async #open() {
    this.#close();
    const attempt = this.#attempt;
    this.#setStatus({ kind: "connecting" });
    const { user, device, window, cursor } = this.#options;
    try {
      this.#token = await tokenFor(user);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof CredentialsNeeded) this.#setStatus({ kind: "stopped", reason: error.message, credentialsNeeded: true });
      else this.#retry(this.#backoff());
      return;
    }
    if (attempt !== this.#attempt) return;
    const since = cursor();
    const query = new URLSearchParams({ token: this.#token, device, window, ...(since && { since }) });
    for (const filter of this.#options.filters()) query.append("filter", JSON.stringify(filter));
    const current = (then) => (...values) => attempt === this.#attempt && then(...values);
    this.openedAt = performance.now();
    this.#options.onWire("note", { note: `open ${this.transport}`, since: since ?? "(none)" });
    const openTimer = this.#after(OPEN_TIMEOUT_MS, () => this.#closed(1006, "not opened in time"));
    const open = this.transport === "sse" ? openEventSource : openWebSocket;
    this.#channel = open(query, {
      opened: current(() => { this.#cancel(openTimer); this.#opened(); }),
      message: current((message, bytes) => this.#receive(message, bytes)),
      closed: current((code, reason) => this.#closed(code, reason)),
    });
  }

  #opened() {
    this.#setStatus({ kind: "syncing" });
    if (!this.#channel.send) return;
    this.#keepAlive();
    this.#renewInTime();
  }

  #keepAlive() {
    this.#after(PING_INTERVAL_MS, async () => {
      const attempt = this.#attempt;
      const alive = await this.call("ping", {}).then(() => true, (error) => error.code !== undefined);
      if (attempt !== this.#attempt) return;
      if (alive) this.#keepAlive();
      else this.#closed(1006, "no answer to ping");
    });
  }

  /** A session need not end because its token does. */
  #renewInTime() {
    const { exp } = claimsOf(this.#token);
    if (!exp || !canRenew(this.#options.user)) return;
    this.#after(Math.min(exp * 1000 - Date.now() - RENEW_BEFORE_EXPIRY_MS, TIMER_MAX_MS), async () => {
      const attempt = this.#attempt;
      const token = await tokenFor(this.#options.user).catch(() => null);
      if (!token || attempt !== this.#attempt) return; // The server will say tokenExpired, and 4202 leads back.
      await this.call("refreshToken", { token }).catch(this.#options.onProblem);
      this.#token = token;
      if (attempt === this.#attempt && claimsOf(token).exp > exp) this.#renewInTime();
    });
  }

  #receive(message, bytes) {
    this.#options.onWire("in", message, bytes);
    if (!message.event) return this.#settle(message);
    if (message.event === "reconnect") this.#reconnectAfterMs = message.data.afterMs;
    if (message.event === "kickedOffline") this.#kickReason = message.data.reason ?? "";
    if (message.event === "syncServerFinish") this.#failures = 0;
    this.#options.onFrame(message);
    if (message.event === "syncServerStart") this.#setStatus({ kind: "syncing" });
    if (message.event === "syncServerFinish") this.#setStatus({ kind: "live" });
    return undefined;
  }

  #closed(code, reason) {
    const afterMs = this.#reconnectAfterMs;
    const why = this.#kickReason || reason;
    const neverOpened = this.status.kind === "connecting";
    this.#close();
    this.#options.onWire("note", { note: `closed ${code}`, reason });
    if (code >= 4000 && code < 4100) this.#stop(`${why || "closed by the gateway"} (${code})`, code === 4001);
    else if (code >= 4100 && code < 4200) this.#retry(1_000 + this.#backoff());
    // At once, but only the first time: a server that closes again and again must not be hammered.
    else if (code >= 4200 && code < 4300) this.#retry(afterMs ?? (this.#failures === 0 ? 0 : this.#backoff()));
    else if (neverOpened && this.transport === "sse" && !canRenew(this.#options.user)) this.#refusedOrLost();
    else this.#retry(this.#backoff());
  }

  /** An EventSource does not tell a refused token from a lost line; a call does. */
  async #refusedOrLost() {
    const attempt = this.#attempt;
    const error = await post("/v1/getTotalUnreadMessageCount", {}, this.#token).then(() => null, (refusal) => refusal);
    if (attempt !== this.#attempt) return;
    if (error?.code === 6014) this.#stop(error.message, true);
    else this.#retry(this.#backoff());
  }

  #stop(reason, isUnauthenticated) {
    this.#setStatus({ kind: "stopped", reason, credentialsNeeded: isUnauthenticated && !canRenew(this.#options.user) });
  }

  /** Full jitter: anywhere between nothing and a ceiling that doubles. */
  #backoff() {
    return Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
  }

  #retry(delay) {
    this.#failures += 1;
    this.#setStatus({ kind: "waiting", delay });
    this.#after(delay, () => this.#open());
  }

  #close() {
    this.#attempt += 1;
    this.#channel?.close();
    this.#channel = null;
    this.#reconnectAfterMs = null;
    this.#kickReason = "";
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const { reject } of this.#calls.values()) reject(new CallError(undefined, "The connection was lost before the answer came."));
    this.#calls.clear();
  }

  #after(delay, action) {
    const timer = setTimeout(() => { this.#timers.delete(timer); action(); }, Math.max(0, delay));
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer) {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  #setStatus(status) {
    this.status = status;
    this.#options.onStatus(status);
  }
}
