// What a run prints for programs, read by programs that know the format. And each of that can fail.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import Ajv from "ajv";
import { Parser } from "tap-parser";

import { Project, path, stopped } from "./project.mjs";

const project = new Project();
after(() => project.remove());

// Checks that pass, fail and cannot find out; titles and values with whatever a format may trip over.
const odd = `// /// fabric
// title = "Odd <&> # \\"titles\\""
// kind = "acceptance"
// reach = "observe"
// ///
check("good", || true);
check("bad <&> # \\\\ 'x' ---", || expect_eq("what # it is", "a\\n# b \\u0007", "...\\nnot ok 9"));
check("unsure", || throw "went wrong # really");
check("left out", || skip("not # here"));
`;
writeFileSync(`${project.project}/acceptance/odd.rhai`, odd);

const runs = {
  passing: [0, "rehearse", "acceptance/front-doors.luau"],
  failing: [1, "rehearse", "acceptance/front-doors.luau", "--fault", stopped],
  odd: [1, "rehearse", "acceptance/odd.rhai"],
  thrown: [20, "rehearse", "acceptance/thrown.rhai"],
  planned: [0, "rehearse", "gamedays/vip-failover-crash.rhai", "--dry-run"],
};
writeFileSync(`${project.project}/acceptance/thrown.rhai`, odd.replace(/check\([^]*/, 'throw "oops";\n'));

const printed = (run, format) => project.fabric(...runs[run], "--output", format);

const require = createRequire(import.meta.url);
const ajv = new Ajv({ schemaId: "auto", allErrors: true });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-04.json"));
const sarif = ajv.compile(require("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"));

function tap(text) {
  const found = { ok: 0, failed: 0, skipped: 0, wrong: [] };
  const parser = new Parser({ strict: true }, (results) => {
    Object.assign(found, { ok: results.pass, failed: results.fail, skipped: results.skip, plan: results.count });
    found.wrong = results.failures.filter((failure) => failure.tapError).map((failure) => failure.tapError);
  });
  found.diagnoses = [];
  parser.on("assert", (point) => point.diag && found.diagnoses.push(point.diag));
  parser.end(text);
  return found;
}

function junit(text) {
  const file = project.path("junit.xml");
  writeFileSync(file, text);
  const ran = spawnSync("xmllint", ["--nonet", "--noout", "--schema", path("junit-10.xsd"), file], { encoding: "utf8" });
  return ran.status === 0 ? "" : ran.stderr;
}

/** The samples of a textfile as Prometheus' own client reads them, which Debian's Python has. */
function samples(file) {
  const program = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = text_string_to_metric_families(open(sys.argv[1]).read())
print(json.dumps([[f.type, s.name, s.labels, s.value] for f in families for s in f.samples]))`;
  const ran = spawnSync("/usr/bin/python3", ["-c", program, file], { encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
  return JSON.parse(ran.stdout).map(([type, name, labels, value]) => ({ type, name, labels, value }));
}

for (const run of Object.keys(runs)) {
  test(`SARIF, JUnit and TAP of the ${run} run are what their readers expect`, () => {
    const log = JSON.parse(printed(run, "sarif"));
    assert.ok(sarif(log), JSON.stringify(sarif.errors));
    const failures = log.runs[0].results.filter((result) => result.kind === "fail").length;
    assert.equal(failures > 0, runs[run][0] !== 0);
    assert.equal(junit(printed(run, "junit")), "");
    const results = tap(printed(run, "tap"));
    assert.deepEqual(results.wrong, []);
    assert.equal(results.failed, failures);
    assert.equal(results.plan, log.runs[0].results.length);
  });
}

test("TAP keeps titles, reasons and values whatever they hold", () => {
  const results = tap(printed("odd", "tap"));
  assert.deepEqual([results.ok, results.failed, results.skipped, results.plan], [2, 2, 1, 4]);
  const [bad, unsure] = results.diagnoses;
  assert.equal(bad.status, "fail");
  assert.deepEqual([bad.observed, bad.expected].sort(), ["...\nnot ok 9", "a\n# b \u0007"]);
  assert.equal(unsure.status, "error");
  assert.match(unsure.message, /went wrong # really/);
});

test("SARIF of the check of scripts and JUnit of cases are what their readers expect", () => {
  const log = JSON.parse(project.fabric(0, "check", "acceptance/odd.rhai", "--output", "sarif"));
  assert.ok(sarif(log), JSON.stringify(sarif.errors));
  const cases = project.fabric(0, "test", "acceptance/front-doors.luau", "--output", "junit");
  assert.equal(junit(cases), "");
});

test("the textfile has outcome, duration, counts and time of the last run, and is replaced as a whole", () => {
  const file = project.path("fabric.prom");
  const value = (all, name, more = {}) => {
    const fits = ({ labels }) => Object.entries(more).every(([label, wanted]) => labels[label] === wanted);
    const found = all.filter((sample) => sample.name === `fabric_run_${name}` && fits(sample));
    assert.equal(found.length, 1, `${name}: ${JSON.stringify(all)}`);
    assert.equal(found[0].type, "gauge");
    return found[0].value;
  };
  project.fabric(...runs.passing, "--metrics", file);
  const passing = samples(file);
  assert.equal(value(passing, "success"), 1);
  const ended = value(passing, "end_timestamp_seconds");
  assert.equal(statSync(file).mode & 0o777, 0o644);
  const before = statSync(file).ino;
  project.fabric(...runs.failing, "--metrics", file);
  const failing = samples(file);
  assert.deepEqual([value(failing, "success"), value(failing, "exit_code")], [0, 1]);
  assert.equal(value(failing, "checks", { status: "fail" }), 1);
  assert.ok(value(failing, "checks", { status: "pass" }) > 0 && value(failing, "duration_seconds") > 0);
  assert.ok(value(failing, "end_timestamp_seconds") > ended);
  assert.deepEqual(failing[0].labels.realm, "twin");
  assert.notEqual(statSync(file).ino, before);
  const name = 'acceptance/it\'s "odd".rhai';
  writeFileSync(`${project.project}/${name}`, odd);
  project.fabric(1, "rehearse", name, "--metrics", file);
  assert.equal(samples(file)[0].labels.script, name);
  project.fabric(...runs.planned, "--metrics", file);
  assert.equal(value(samples(file), "verdict", { about: "hypothesis" }), 1);
});

test("a defect in any of them is found", () => {
  const log = JSON.parse(printed("failing", "sarif"));
  log.runs[0].results[0].level = "fatal";
  assert.equal(sarif(log), false);
  assert.match(junit(printed("failing", "junit").replaceAll("<testcase name=", "<testcase nom=")), /not allowed/);
  const unplanned = tap(printed("passing", "tap").replace("1..", "1..1"));
  assert.notDeepEqual(unplanned.wrong, []);
  const file = project.path("broken.prom");
  project.fabric(...runs.passing, "--metrics", file);
  writeFileSync(file, readFileSync(file, "utf8").replace('status="fail"', 'status="fail'));
  assert.throws(() => samples(file), /ValueError/);
});
