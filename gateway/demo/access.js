// Whose token and which API key does the page use?

const given = { tokens: new Map(), apiKey: "dev" };

/** The gateway hands out no tokens by itself: it is not in development mode. */
export class CredentialsNeeded extends Error {}

/** Always a fresh one where the gateway can make one, so that an expired token heals by reconnecting. */
export async function tokenFor(user) {
  if (given.tokens.has(user)) return given.tokens.get(user);
  const response = await fetch(`/dev/token?user=${encodeURIComponent(user)}`, { cache: "no-store" });
  if (response.status === 404) throw new CredentialsNeeded("No token for this user.");
  if (!response.ok) throw new Error(`/dev/token answered ${response.status}.`);
  return (await response.json()).token;
}

/** False for pasted tokens: asking again would give the same one. */
export function canRenew(user) {
  return !given.tokens.has(user);
}

/** Kept in memory only. */
export function setCredentials(tokens, key) {
  for (const [user, token] of tokens) given.tokens.set(user, token);
  if (key) given.apiKey = key;
}

export function apiKey() {
  return given.apiKey;
}

/** What a JWT says about itself, unverified (the gateway does that), or {} where it cannot be read. */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}
