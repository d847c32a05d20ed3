// A browser that opens a page from a file, and what it did meanwhile.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// The whole browser asks its maker for updates and accounts; this one asks nobody by itself, so that its log is that of the page.
const executablePath = "/usr/bin/chromium-headless-shell";

/** Opens a page, lets `look` look at it, and tells what the browser said, and asked of any network. */
export async function open(page, log, look = async () => {}) {
  const args = [`--log-net-log=${log}`, "--net-log-capture-mode=Everything", "--no-sandbox"];
  const browser = await chromium.launch({ executablePath, args });
  const said = [];
  const loaded = [];
  try {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    const tab = await context.newPage();
    tab.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    tab.on("pageerror", (error) => said.push(`error: ${error.message}`));
    tab.on("request", (request) => loaded.push(request.url()));
    const address = pathToFileURL(page).href;
    await tab.goto(address, { waitUntil: "load" });
    await look(tab, await context.newCDPSession(tab));
    return { said, loaded: loaded.filter((url) => url !== address), asked: () => asked(log) };
  } finally {
    await browser.close();
  }
}

/** What the network log of a browser that has ended holds: requests, lookups of names, and connections. */
function asked(log) {
  const { constants, events } = JSON.parse(readFileSync(log, "utf8"));
  const wanted = ["URL_REQUEST_START_JOB", "HOST_RESOLVER_MANAGER_REQUEST", "TCP_CONNECT_ATTEMPT"];
  const types = new Map(wanted.map((name) => [constants.logEventTypes[name], name]));
  if (types.has(undefined)) throw new Error("the network log has no such events");
  const told = events.filter((event) => types.has(event.type) && event.params);
  return told.map(({ type, params }) => `${types.get(type)} ${params.url ?? params.host ?? params.address_list}`);
}

/** What axe-core finds wrong with the page as it is shown now. It is put in past the policy of the page, which allows no script. */
export async function violations(session) {
  await session.send("Runtime.evaluate", { expression: axe });
  const run = { expression: "axe.run(document)", awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", run);
  if (exceptionDetails) throw new Error(exceptionDetails.text);
  if (result.value.passes.length < 15) throw new Error("axe-core looked at next to nothing");
  return result.value.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}
