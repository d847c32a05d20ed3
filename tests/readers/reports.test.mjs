// Reports in a browser: nothing leaves, nothing is said, everybody can read them. And each of that can fail.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { open, violations } from "./browser.mjs";
import { Project, stopped } from "./project.mjs";

const project = new Project();
after(() => project.remove());

const screenshots = process.env.SCREENSHOTS;

/** Made once, when it is first looked at. */
const made = new Map();
const once = (kind, code, ...words) => () => {
  if (!made.has(kind)) made.set(kind, project.report(code, ...words));
  return made.get(kind);
};

const reports = {
  passing: once("passing", 0, "rehearse", "acceptance/front-doors.luau"),
  failing: once("failing", 1, "rehearse", "acceptance/front-doors.luau", "--fault", stopped),
  gameday: once("gameday", 0, "rehearse", "gamedays/vip-failover-crash.rhai"),
  plan: once("plan", 0, "rehearse", "gamedays/vip-failover-crash.rhai", "--dry-run"),
  offline: once("offline", 0, "run", "acceptance/front-doors.luau", "--offline", "recordings/acceptance-front-doors-luau.json"),
};

const looks = {
  light: { media: { colorScheme: "light" }, width: 1200 },
  dark: { media: { colorScheme: "dark" }, width: 1200 },
  narrow: { media: { colorScheme: "light" }, width: 360 },
  printed: { media: { media: "print", colorScheme: "light" }, width: 794 },
};

for (const [kind, report] of Object.entries(reports)) {
  test(`the report of a ${kind} run asks nobody, says nothing and is accessible`, async () => {
    const page = report();
    const seen = await open(page, project.path(`${kind}.netlog`), async (tab, session) => {
      assert.match(await tab.textContent("main section:first-child"), /no evidence of/);
      for (const [name, { media, width }] of Object.entries(looks)) {
        await tab.emulateMedia(media);
        await tab.setViewportSize({ width, height: 900 });
        assert.deepEqual(await violations(session), [], name);
        const size = { expression: "document.documentElement.scrollWidth", returnByValue: true };
        const { result } = await session.send("Runtime.evaluate", size);
        assert.ok(result.value <= width, `${name}: ${result.value} is wider than ${width}`);
        await picture(tab, `${kind}-${name}`);
        await tab.emulateMedia({ media: null, colorScheme: null });
      }
    });
    assert.deepEqual(seen.said, []);
    assert.deepEqual(seen.loaded, []);
    assert.deepEqual(seen.asked(), []);
  });
}

test("a picture from outside is refused by the page's own policy, and asked for without it", async () => {
  const image = '<img src="http://127.0.0.1:9/outside.png" alt="from outside">';
  const with_image = readFileSync(reports.failing(), "utf8").replace("</main>", `${image}</main>`);
  const refused = await open(planted("image", with_image), project.path("image.netlog"));
  assert.match(refused.said.join(), /Content Security Policy/);
  assert.deepEqual(refused.asked(), []);
  const without = with_image.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "");
  const loaded = await open(planted("image-let-in", without), project.path("image-let-in.netlog"));
  assert.deepEqual(loaded.loaded, ["http://127.0.0.1:9/outside.png"]);
  assert.match(loaded.asked().join(), /URL_REQUEST_START_JOB http:\/\/127.0.0.1:9\/outside.png/);
});

test("a script and a changed style do nothing but show in the console", async () => {
  const good = readFileSync(reports.failing(), "utf8");
  const script = good.replace("</main>", "<script>document.title = 'Passed'</script></main>");
  const ran = await open(planted("script", script), project.path("script.netlog"), async (tab) => {
    assert.match(await tab.title(), /^Checks failed/);
  });
  assert.match(ran.said.join(), /Content Security Policy/);
  const styled = await open(planted("style", good.replace("</style>", " </style>")), project.path("style.netlog"));
  assert.match(styled.said.join(), /Content Security Policy/);
});

test("a chart without a name, a page without a language, skipped headings and pale text are found", async () => {
  const gameday = readFileSync(reports.gameday(), "utf8");
  const defects = {
    "svg-img-alt": gameday.replace(/ aria-labelledby="chart-0-title"/, "").replace(/<title id="chart-0-title">.*<\/title>/, ""),
    "html-has-lang": gameday.replace(' lang="en"', ""),
    "heading-order": gameday.replaceAll("h3", "h5"),
    "color-contrast": restyled(gameday.replaceAll("--soft: #57606a", "--soft: #b0b8c0")),
  };
  for (const [rule, page] of Object.entries(defects)) {
    await open(planted(rule, page), project.path(`${rule}.netlog`), async (tab, session) => {
      await tab.emulateMedia({ colorScheme: "light" });
      const found = await violations(session);
      assert.ok(found.some((violation) => violation.startsWith(`${rule}:`)), `${rule}: ${found.join("\n")}`);
    });
  }
});

/** The page under a name. */
function planted(name, page) {
  const file = project.path(`${name}.html`);
  writeFileSync(file, page);
  return file;
}

/** With a policy that allows the style sheet as it is now. */
function restyled(page) {
  const style = page.match(/<style>([^]*?)<\/style>/)[1];
  return page.replace(/sha256-[A-Za-z0-9+/=]+/, `sha256-${createHash("sha256").update(style).digest("base64")}`);
}

async function picture(tab, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await tab.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}
