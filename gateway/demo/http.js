// How is a method called over HTTP, and what is a refusal?

const CALL_TIMEOUT_MS = 15_000;

/** A refusal by the gateway. `code` is its error code, or undefined where it gave none. */
export class CallError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Answers the result; throws a CallError. `bearer` is a client's token or the backend's API key. */
export async function post(path, body, bearer) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${bearer}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
  } catch {
    throw new CallError(undefined, `The gateway does not answer (${path}).`);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new CallError(answer.error?.code ?? response.status, answer.error?.message ?? `${path} answered ${response.status}.`);
  }
  return answer;
}
