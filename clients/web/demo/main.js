// What stands on the page, and what connects its two phones?

import { onCredentialsNeeded, setCredentials } from "./access.js";
import { addMember, onSent } from "./backend.js";
import { element, icon } from "./elements.js";
import { Panel } from "./panel.js";
import { scenarios, startTraffic } from "./scenarios.js";
import { toast, toastError } from "./toast.js";

const query = new URLSearchParams(location.search);
const alone = query.get("user"); // One phone and nothing else.
const users = { left: alone || query.get("left") || "alice", right: alone ? "" : query.get("right") || "bob" };
const sides = alone ? ["left"] : ["left", "right"];
const tabs = new Map([...document.querySelectorAll("nav [role=tab]")].map((tab) => [tab.dataset.tab, tab]));
const credentials = document.getElementById("credentials");
const cards = new Map();
const pageTitle = document.title;

document.body.classList.toggle("alone", Boolean(alone));
onCredentialsNeeded(() => !credentials.open && credentials.showModal());
for (const side of sides) addMember("team", users[side]);

const panels = sides.map((side) => new Panel(
  { side, user: users[side], peer: users[side === "left" ? "right" : "left"], root: document.getElementById(side) },
  { populate: () => run(scenarios[0]), changed: labelTab },
));

onSent((changedUsers) => panels.forEach((panel) => changedUsers.has(panel.user) && panel.noteMissed()));
buildScenarios();
buildTraffic();
buildSetup();
buildTabs();

setInterval(() => panels.forEach((panel) => panel.draw()), 60_000); // "14:03" becomes "Yesterday" without a push.

function buildScenarios() {
  const list = document.getElementById("scenarios");
  for (const scenario of scenarios) {
    const result = element("span", { class: "scenario-result", role: "status" });
    const button = element("button", { type: "button", class: "scenario", onclick: () => run(scenario) },
      element("span", { class: "scenario-icon" }, icon(scenario.icon)),
      element("span", { class: "scenario-text" }, element("b", {}, scenario.title), element("span", {}, scenario.text)));
    cards.set(scenario, { button, result });
    list.append(element("li", {}, button, result));
  }
}

async function run(scenario) {
  const { button, result } = cards.get(scenario);
  if (button.classList.contains("running")) return;
  const report = (text, state) => {
    result.textContent = text;
    result.dataset.state = state;
  };
  button.classList.add("running");
  report("Running…", "running");
  try {
    const answer = await scenario.run(panels, (text) => report(text, "running"));
    report(answer, answer.includes("✗") ? "failed" : "done");
    // On a phone the cards are behind another tab.
    if (!button.checkVisibility()) toast(answer);
  } catch (error) {
    report(error.message, "failed");
    toastError(error);
  }
  button.classList.remove("running");
}

function buildTraffic() {
  const control = document.getElementById("traffic");
  let stop = null;
  const set = (isOn) => {
    if (!isOn && stop) stop();
    stop = isOn ? startTraffic(panels, (error) => { set(false); toastError(error); }) : null;
    control.setAttribute("aria-checked", String(isOn));
  };
  control.addEventListener("click", () => set(!stop));
}

function buildSetup() {
  const form = document.getElementById("setup");
  form.elements.left.value = users.left;
  form.elements.right.value = users.right;
  credentials.querySelector("form").addEventListener("submit", ({ target }) => {
    const tokens = sides.map((side) => [users[side], target.elements[`${side}-token`].value.trim()]).filter(([, token]) => token);
    setCredentials(tokens, target.elements["api-key"].value.trim());
  });
  for (const side of ["left", "right"]) {
    const name = credentials.querySelector(`[data-name=${side}]`);
    if (users[side]) name.textContent = users[side];
    else name.closest("label").remove();
  }
}

function buildTabs() {
  const order = [...tabs.keys()];
  for (const [name, tab] of tabs) {
    tab.addEventListener("click", () => showTab(name));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) showTab(order.at((order.indexOf(name) + step) % order.length)).focus();
    });
  }
  showTab("left");
}

function showTab(name) {
  document.body.dataset.tab = name;
  for (const [other, tab] of tabs) {
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
  }
  return tabs.get(name);
}

function labelTab(panel) {
  const tab = tabs.get(panel.side);
  tab.dataset.status = panel.status.kind;
  tab.querySelector(".tab-name").textContent = panel.name;
  const badge = tab.querySelector(".badge");
  badge.hidden = panel.total === 0;
  badge.textContent = panel.total > 99 ? "99+" : String(panel.total);
  const unread = panels.reduce((sum, { total }) => sum + total, 0);
  document.title = unread ? `(${unread}) ${pageTitle}` : pageTitle;
}
