// How does the picture of the page come about? Run by itself it writes docs/page.png.

import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { startStage } from "./stage.js";

export const PICTURE = fileURLToPath(new URL("../../../docs/page.png", import.meta.url));

/** The page with a lively list, as a PNG. */
export async function takePicture(stage) {
  const context = await stage.context({ viewport: { width: 720, height: 540 }, colorScheme: "light", reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC" });
  const page = await context.newPage();
  // The same time of day on each picture.
  await page.clock.setFixedTime(new Date("2026-01-15T10:42:00Z"));
  await page.goto("/?user=alice");
  await page.getByRole("button", { name: "Populate" }).click();
  await page.getByRole("tab", { name: /^Family/ }).waitFor({ state: "attached" });
  await page.reload();
  await page.getByRole("row", { name: /^Emma/ }).waitFor();
  await page.locator(".sync.done").waitFor();
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await page.mouse.move(0, 0);
  const png = await page.screenshot({ animations: "disabled" });
  await context.close();
  return png;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const stage = await startStage();
  try {
    writeFileSync(PICTURE, await takePicture(stage));
  } finally {
    await stage.stop();
  }
}
