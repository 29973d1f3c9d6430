// What does a person see and do on the page? One phone, as a browser shows it.

import { until } from "../../../protocol/check/gateway.js";

/** The page with one user's phone alone, in a tab of this context. */
export async function openPhone(stage, context, user) {
  const page = await context.newPage();
  const problems = problemsOn(page);
  await page.goto(`/?user=${user}`);
  return phoneOn(stage, page, user, problems);
}

/** What goes wrong in the page's own code from now on. */
export function problemsOn(page) {
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.text().includes("Content Security Policy") && problems.push(message.text()));
  return problems;
}

function phoneOn(stage, page, user, problems) {
  const root = page.locator("#left");
  const phone = {
    page, problems,
    grid: page.getByRole("grid"),
    row: (conversationID) => root.locator(`.row[data-id="${conversationID}"]`),
    banner: () => root.locator(".sync").textContent(),
    status: () => root.locator(".status").textContent(),
    toasts: () => page.locator("#toasts").textContent(),
    until: (what, find) => until(`${user}: ${what}`, find),
    isLive: () => phone.until("a live session", async () => (await phone.status()) === "Live"),

    /** Chooses an action of a row's menu. */
    async act(conversationID, action) {
      await phone.row(conversationID).locator(".row-main").click({ button: "right" });
      await page.getByRole("menu").getByText(action, { exact: true }).click();
    },

    /** What the rows in the document say, from the top. */
    seen: () => root.locator(".row").evaluateAll((rows) => rows.map((row) => ({
      id: row.dataset.id,
      place: Number(row.getAttribute("aria-rowindex")),
      name: row.querySelector(".row-name .clip").textContent,
      badge: row.querySelector(".badge:not(.dot-only)")?.textContent ?? "",
      isPinned: row.classList.contains("pinned"),
      preview: row.querySelector(".row-preview").textContent,
    }))),

    /** Every row of the list, as one sees them by scrolling from the top to the end. */
    async wholeList() {
      const found = new Map();
      await phone.grid.evaluate((grid) => { grid.scrollTop = 0; });
      for (let isEnd = false; !isEnd;) {
        await paint(page);
        for (const row of await phone.seen()) found.set(row.place, row);
        isEnd = await phone.grid.evaluate((grid) => {
          const isThere = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1;
          grid.scrollTop += grid.clientHeight;
          return isThere;
        });
      }
      await phone.grid.evaluate((grid) => { grid.scrollTop = 0; });
      return [...found.values()].sort((left, right) => left.place - right.place);
    },

    /** Waits until the screen says exactly what the gateway has: each row once, in order, and the total; previews where messages are plain. */
    async converged({ isPlain = true } = {}) {
      let difference = "";
      await phone.until("the gateway's own list", async () => {
        const { rows, total } = await stage.truth(user);
        const sum = rows.reduce((sum, row) => sum + (row.recvOpt === 0 ? row.unreadCount : 0), 0);
        const text = (total, rows) => JSON.stringify({ total, rows: rows.map(({ place, preview, ...row }) => (isPlain ? { ...row, preview } : row)) });
        const expected = text(sum, rows.map(expectedOf));
        const shown = text(totalIn(await page.title()), await phone.wholeList());
        difference = `\nexpected ${expected}\nshown    ${shown}`;
        return total === sum && expected === shown;
      }).catch((error) => { throw new Error(error.message + difference); });
    },

    /** The page's own comparison with the server, field by field; its card is not on the screen of one phone alone. */
    async agrees() {
      await page.locator(".scenario", { hasText: "Compare with the server" }).dispatchEvent("click");
      const result = page.locator("li", { hasText: "Compare with the server" }).locator(".scenario-result");
      await phone.until("the comparison", async () => /[✓✗]/.test(await result.textContent()));
      if (/✗/.test(await result.textContent())) throw new Error(`${user}: ${await result.textContent()}`);
    },
  };
  return phone;
}

/** Waits until what was changed is on the screen. */
export function paint(page) {
  return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

function totalIn(title) {
  return Number(/^\((\d+)\)/.exec(title)?.[1] ?? 0);
}

function expectedOf(row) {
  return {
    id: row.conversationID,
    name: row.showName || row.userID || row.groupID,
    badge: row.unreadCount === 0 ? "" : row.unreadCount > 99 ? "99+" : String(row.unreadCount),
    isPinned: row.isPinned,
    preview: previewOf(row),
  };
}

/** Messages of these tests are plain text from one to another, or drafts. */
function previewOf({ draftText, lastMessage }) {
  if (draftText) return `[Draft] ${draftText}`;
  if (!lastMessage) return "No messages";
  return lastMessage.isSelf ? `You: ${lastMessage.text}` : lastMessage.text;
}
