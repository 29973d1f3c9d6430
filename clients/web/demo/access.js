// Whose token and which API key does the page use?

const given = { tokens: new Map(), apiKey: "dev" };
let ask = () => {};
let waiting = [];

/** `asks` is called where the gateway makes no tokens by itself, which is outside of development mode. */
export function onCredentialsNeeded(asks) {
  ask = asks;
}

/** Always a fresh one where the gateway makes them; else the one that was pasted, which is waited for. */
export async function tokenFor(user) {
  for (;;) {
    if (given.tokens.has(user)) return given.tokens.get(user);
    const response = await fetch(`/dev/token?user=${encodeURIComponent(user)}`, { cache: "no-store" });
    if (response.ok) return (await response.json()).token;
    if (response.status !== 404) throw new Error(`/dev/token answered ${response.status}.`);
    ask();
    await new Promise((resolve) => waiting.push(resolve));
  }
}

/** A pasted token is of no use any more, so that another is asked for. */
export function dropToken(user) {
  given.tokens.delete(user);
}

/** Kept in memory only. */
export function setCredentials(tokens, key) {
  for (const [user, token] of tokens) given.tokens.set(user, token);
  if (key) given.apiKey = key;
  for (const resolve of waiting.splice(0)) resolve();
}

export function apiKey() {
  return given.apiKey;
}
