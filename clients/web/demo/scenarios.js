// What can be set going with one click, and what does it prove?

import { AT_ALL, C2C, GROUP, addMember, audienceOf, batch, messageFrom, nameOf, send, setName } from "./backend.js";
import { pause } from "./elements.js";
import { MARKS } from "./filters.js";
import { CONTACTS, GROUPS, LINES } from "./seed.js";
import { tellTyping } from "./typing.js";

const LONG_LIST_ROWS = 5_000;
const PAGE_ROWS = 100;
const SETTLE_MS = 700; // Without an event for this long, everything has arrived.
const SETTLE_MAX_MS = 15_000;
const TRAFFIC_PAUSE_MS = 500;
const TYPING_PAUSE_MS = 600;
const ALREADY_READ = new Set(["dimitri", "emma", "jun"]);

for (const [id, name] of [...CONTACTS, ...GROUPS]) setName(id, name);

/** Each one: {icon, title, text, run(panels, report)}; run answers its result in a sentence, report says how far it is. */
export const scenarios = [
  { icon: "chats", title: "Populate", text: "Fifteen conversations each, with pins, drafts, mentions, stars and folders.", run: populate },
  { icon: "offline", title: "50 messages while offline", text: "In ten conversations. Coming back brings ten rows, not fifty messages.", run: awayAndBack },
  { icon: "burst", title: "Burst of 500", text: "In one group: fewer events, always the newest state.", run: burst },
  { icon: "cut", title: "Away twice", text: "Sixty messages meanwhile, then a comparison with the server.", run: awayTwice },
  { icon: "list", title: "A long list", text: "Five thousand rows: one page, the rest on scrolling.", run: longList },
  { icon: "compare", title: "Compare with the server", text: "Row by row: what it holds, and what the pushes built here.", run: compare },
];

/** Random messages to both, until stopped. Answers the function that stops it. */
export function startTraffic(panels, onProblem) {
  let isOn = true;
  (async () => {
    while (isOn) {
      await pause(TRAFFIC_PAUSE_MS * (0.5 + Math.random()));
      if (!isOn) return;
      const { user } = pick(panels);
      const [sender] = pick(contactsOf(panels));
      const isGroup = Math.random() < 0.3;
      const target = isGroup ? { type: GROUP, id: pick(GROUPS)[0] } : { type: C2C, id: user };
      if (isGroup) for (const panel of panels) addMember(target.id, panel.user);
      for (const seenAs of audienceOf(sender, target)) tellTyping({ ...seenAs, name: nameOf(sender) });
      await pause(TYPING_PAUSE_MS);
      await send(withoutSender(messageFrom(sender, target, pick(LINES)))).catch(onProblem);
    }
  })();
  return () => { isOn = false; };
}

async function populate(panels) {
  const users = usersOf(panels);
  const contacts = contactsOf(panels);
  const now = Math.floor(Date.now() / 1000);
  const entries = [];
  // Oldest first: the server orders by arrival, the times are only shown.
  contacts.toReversed().forEach(([contact, , lines], index) => {
    const age = Math.round(86_400 * 4 / (index + 1) ** 1.7);
    for (const user of users) {
      for (const text of lines) entries.push(messageFrom(contact, { type: C2C, id: user }, text, { timestamp: now - age }));
    }
    const group = GROUPS[Math.floor(index / 2)];
    if (index % 2 === 1 && group) entries.push(...groupMessages(group, users, now - Math.round(age * 0.7)));
  });
  const [left, right] = panels;
  if (right && left.user !== right.user) {
    entries.push(messageFrom(left.user, { type: C2C, id: right.user }, "Morning! Did you see the new list?", { timestamp: now - 120 }));
    entries.push(messageFrom(right.user, { type: C2C, id: left.user }, "Just now. It is fast 🚀", { timestamp: now - 60 }));
    entries.push(messageFrom(left.user, { type: C2C, id: "farid" }, "Tell me if it happens again", { timestamp: now - 30 }));
  }
  await batch(entries.map((params) => ["sendMessage", params]));
  const read = contacts.filter(([contact]) => ALREADY_READ.has(contact)).map(([contact]) => `c2c_${contact}`).concat("group_bookclub");
  await batch(users.flatMap((userID) => read.map((conversationID) => ["markRead", { userID, conversationID, cleanTimestamp: 0, cleanSequence: 0 }])));
  for (const panel of left.user === right?.user ? [left] : panels) await decorate(panel);
  return `${entries.length} messages sent, ${contacts.length + GROUPS.length} conversations each.`;
}

function groupMessages([groupID, , messages], users, timestamp) {
  for (const user of users) addMember(groupID, user);
  return messages.map(([sender, text, mention]) => {
    const atUserList = { me: users, all: [AT_ALL] }[mention];
    return withoutSender(messageFrom(sender, { type: GROUP, id: groupID }, mention === "me" ? `${users.map((user) => `@${nameOf(user)}`).join(" ")} ${text}` : text, { timestamp, ...(atUserList && { atUserList }) }));
  });
}

async function decorate({ client }) {
  await client.pinConversation({ conversationID: "group_team", isPinned: true });
  await client.pinConversation({ conversationID: "c2c_mom", isPinned: true });
  await client.setReceiveMessageOpt({ conversationIDList: ["group_family", "c2c_support"], recvOpt: 2 });
  await client.setConversationDraft({ conversationID: "c2c_emma", draftText: "On my way, is the door" });
  await client.markConversation({ conversationIDList: ["c2c_mom", "group_team"], markType: MARKS.star, enableMark: true });
  await client.markConversation({ conversationIDList: ["c2c_jun"], markType: MARKS.unread, enableMark: true });
  await client.createConversationGroup({ groupName: "Work", conversationIDList: ["group_team", "group_announcements", "c2c_grace", "c2c_dimitri"] });
  await client.createConversationGroup({ groupName: "Family", conversationIDList: ["c2c_mom", "group_family"] });
}

async function awayAndBack(panels, report) {
  const [panel] = panels;
  const contacts = contactsOf(panels).slice(0, 10);
  panel.setOnline(false);
  report(`${panel.name} is offline…`);
  await pause(900);
  const messages = Array.from({ length: 5 }, (_, round) => contacts.map(([contact]) => messageFrom(contact, { type: C2C, id: panel.user }, LINES[(round * 3 + contact.length) % LINES.length]))).flat();
  for (let sent = 0; sent < messages.length; sent += contacts.length) {
    await batch(messages.slice(sent, sent + contacts.length).map((params) => ["sendMessage", params]));
    report(`${sent + contacts.length} messages sent to ${panel.name}, who is offline…`);
    await pause(350);
  }
  await pause(700);
  const sync = panel.nextSync();
  panel.setOnline(true);
  const { mode, added, changed, milliseconds } = await sync;
  return `${messages.length} messages came as ${added + changed} rows: ${mode}, ${milliseconds} ms.`;
}

async function burst(panels, report) {
  const users = usersOf(panels);
  for (const user of users) addMember("team", user);
  const events = panels.map(({ log }) => log.events);
  const messages = Array.from({ length: 500 }, (_, index) => withoutSender(messageFrom(pick(contactsOf(panels))[0], { type: GROUP, id: "team" }, `Message ${index + 1} of 500`)));
  report("Sending 500 messages…");
  await batch(messages.map((params) => ["sendMessage", params]));
  await settled(panels);
  return `500 messages came as ${panels.map(({ name, log }, index) => `${log.events - events[index]} events for ${name}`).join(" and ")}.`;
}

async function awayTwice(panels, report) {
  const [panel] = panels;
  const contacts = contactsOf(panels);
  for (let round = 0; round < 12; round += 1) {
    if (round === 3 || round === 8) panel.setOnline(false);
    if (round === 5 || round === 10) panel.setOnline(true);
    const messages = Array.from({ length: 5 }, () => messageFrom(pick(contacts)[0], { type: C2C, id: panel.user }, pick(LINES)));
    await batch(messages.map((params) => ["sendMessage", params]));
    report(`${(round + 1) * 5} messages…`);
    await pause(220);
  }
  return `60 messages, away twice. ${await compare([panel])}`;
}

async function longList(panels, report) {
  const [panel] = panels;
  const width = String(LONG_LIST_ROWS).length;
  const entries = Array.from({ length: LONG_LIST_ROWS }, (_, index) => {
    const id = `visitor${String(index + 1).padStart(width, "0")}`;
    setName(id, `Visitor ${index + 1}`);
    return ["sendMessage", messageFrom(id, { type: C2C, id: panel.user }, pick(LINES))];
  });
  report(`Making ${LONG_LIST_ROWS} conversations…`);
  await batch(entries);
  await settled([panel]);
  const sync = panel.nextSync();
  panel.reload();
  const { added, changed, milliseconds } = await sync;
  return `First page of ${added + changed} rows in ${milliseconds} ms; scroll ${panel.name}’s list for the rest.`;
}

async function compare(panels) {
  await settled(panels);
  const results = [];
  for (const { name, client } of panels) {
    const rows = [];
    let page = { nextSeq: 0, isFinished: false };
    while (!page.isFinished) {
      page = await client.getConversationList({ nextSeq: page.nextSeq, count: PAGE_ROWS });
      rows.push(...page.conversationList);
    }
    const { conversations, isFinished, totalUnreadCount } = client.list().getSnapshot();
    // Without its end the list is a beginning of the server's.
    const expected = isFinished ? rows : rows.slice(0, conversations.length);
    const different = expected.filter((row, index) => canonical(row) !== canonical(conversations[index]));
    const unread = rows.reduce((sum, row) => sum + (row.recvOpt === 0 ? row.unreadCount : 0), 0);
    const isSame = different.length === 0 && expected.length === conversations.length && unread === totalUnreadCount;
    results.push(isSame
      ? `${name}: ${conversations.length} rows identical, total ${unread} ✓`
      : `${name}: ${different.length} of ${expected.length} rows differ (${different.slice(0, 3).map(({ conversationID }) => conversationID).join(", ")}), ${conversations.length} shown, total ${totalUnreadCount} of ${unread} ✗`);
  }
  return results.join(" · ");
}

/** Field by field, whatever the order of the fields. */
function canonical(value) {
  return JSON.stringify(value, (_, field) => (field && typeof field === "object" && !Array.isArray(field) ? Object.fromEntries(Object.entries(field).sort()) : field));
}

async function settled(panels) {
  const deadline = Date.now() + SETTLE_MAX_MS;
  let before = -1;
  for (;;) {
    const events = panels.reduce((sum, { log }) => sum + log.events, 0);
    if ((events === before && panels.every(({ isLive, isOnline }) => isLive || !isOnline)) || Date.now() > deadline) return;
    before = events;
    await pause(SETTLE_MS);
  }
}

/** The contacts have no lists of their own worth filling: in groups only the users of this page receive. */
function withoutSender(params) {
  if (params.conversation.type !== GROUP) return params;
  return { ...params, recipients: params.recipients.filter((recipient) => !CONTACTS.some(([contact]) => contact === recipient)) };
}

function contactsOf(panels) {
  return CONTACTS.filter(([id]) => !panels.some(({ user }) => user === id));
}

function usersOf(panels) {
  return [...new Set(panels.map(({ user }) => user))];
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)];
}
