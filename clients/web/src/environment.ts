// What does the client need from outside besides connections? Time, chance, and signs that the page sleeps or wakes.

/** Everything that is not the same on each run; tests bring their own. */
export interface Environment {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs once after so many milliseconds; the answer takes it back. */
  after(ms: number, run: () => void): () => void;
  /** From 0 to below 1. */
  random(): number;
  /** Runs whenever the connection may have died unnoticed: page visible again, network changed. The answer ends it. */
  onWake(run: () => void): () => void;
  /** Runs when the page may be about to go. The answer ends it. */
  onHide(run: () => void): () => void;
}

/** Listens to the window of a page; of two changes of visibility only the one that is named counts. */
function on(names: string, visibility: DocumentVisibilityState, run: () => void): () => void {
  const heard = ({ type }: Event) => (type !== "visibilitychange" || document.visibilityState === visibility) && run();
  const events = `visibilitychange ${names}`.split(" ");
  // In a process without a page nobody wakes or hides.
  for (const event of events) globalThis.window?.addEventListener(event, heard);
  return () => events.forEach((event) => globalThis.window?.removeEventListener(event, heard));
}

/** The environment of a page, or of a process without one. */
export function pageEnvironment(): Environment {
  return {
    now: () => Date.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    onWake: (run) => on("online offline pageshow", "visible", run),
    onHide: (run) => on("pagehide", "hidden", run),
  };
}
