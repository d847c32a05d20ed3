// The schemas of evidence/ as another program reads them: every sound vector fits, and what is not as it should be does not.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Ajv from "ajv-2020/dist/2020.js";

import { path } from "./project.mjs";

const evidence = path("../../evidence");
const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
const schemas = new Map(
  readdirSync(join(evidence, "schema")).map((name) => {
    const text = readFileSync(join(evidence, "schema", name), "utf8");
    return [name.replace(".schema.json", ""), ajv.compile(JSON.parse(text))];
  }),
);

const one = (text) => [JSON.parse(text)];
const lines = (text) => text.trimEnd().split("\n").map((line) => JSON.parse(line));
const predicates = new Map([
  ["https://in-toto.io/attestation/test-result/v0.1", "predicate-test-result"],
  ["https://fabric.samakia.net/attestation/approval/v1", "predicate-approval"],
  ["https://fabric.samakia.net/attestation/plan/v1", "predicate-plan"],
  ["https://fabric.samakia.net/attestation/gameday/v1", "predicate-exercise"],
  ["https://fabric.samakia.net/attestation/dr-exercise/v1", "predicate-exercise"],
  ["https://fabric.samakia.net/attestation/run/v1", "predicate-run"],
]);

/** Which schema a file has, and how its content is read. */
const kinds = [
  [/(^|\/)run\.json$/, "run", one],
  [/(^|\/)checks\.json$/, "checks", one],
  [/(^|\/)journal\.jsonl$/, "journal-line", lines],
  [/(^|\/)artifacts\/plan\.json$/, "plan", one],
  [/(^|\/)artifacts\/probe-\d+\.jsonl$/, "sample", lines],
  [/(^|\/)labels\/.*\/label\.json$/, "label", one],
  [/(^|\/)pruned\/.*\/tombstone\.json$/, "tombstone", one],
  [/^log\.jsonl$/, "log-line", lines],
  [/^log\.heads\/.*\.json$/, "log-head", one],
];

/** Every value below a folder that has a schema, with the schema's name. */
function* values(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const name = file.slice(folder.length + 1);
    const text = () => readFileSync(file, "utf8");
    for (const [shape, schema, read] of kinds) {
      if (shape.test(name)) for (const value of read(text())) yield { schema, value, file };
    }
    if (entry.name === "statement.dsse.json") yield predicate(Buffer.from(JSON.parse(text()).payload, "base64"), file);
  }
}

/** The predicate of a statement of in-toto. */
function predicate(statement, file) {
  const { predicateType, predicate: value } = JSON.parse(statement);
  assert.ok(predicates.has(predicateType), predicateType);
  return { schema: predicates.get(predicateType), value, file };
}

/** The predicates of the sound approvals. */
function* approvals() {
  const folder = join(evidence, "approvals");
  for (const { approval, class: refused } of JSON.parse(readFileSync(join(folder, "index.json"), "utf8"))) {
    const file = join(folder, `${approval}.json`);
    if (refused === undefined) yield predicate(readFileSync(file, "utf8"), file);
  }
}

const sound = ["good", "folders"].flatMap((part) =>
  readdirSync(join(evidence, "vectors", part)).flatMap((name) => [...values(join(evidence, "vectors", part, name))]),
).concat([...approvals()]);

test("everything in the sound vectors fits its schema, and every schema has something to fit", () => {
  const seen = new Set();
  for (const { schema, value, file } of sound) {
    const validate = schemas.get(schema);
    assert.ok(validate(value), `${file}: ${JSON.stringify(validate.errors)}`);
    seen.add(schema);
  }
  assert.deepEqual([...schemas.keys()].filter((name) => !seen.has(name)), []);
});

test("a field more, a field less or a field of another type fits no schema", () => {
  for (const [name, validate] of schemas) {
    const { value } = sound.find(({ schema }) => schema === name);
    assert.ok(validate(value));
    // Whoever reads the predicate of a packet passes over what he does not know, as in-toto wants it. The guard does not.
    const isOpen = name.startsWith("predicate-") && name !== "predicate-approval";
    assert.equal(validate({ ...value, zzz: 1 }), isOpen, `${name}: one more`);
    for (const field of validate.schema.required) {
      const { [field]: _, ...rest } = value;
      assert.equal(validate(rest), false, `${name}: without ${field}`);
      assert.equal(validate({ ...rest, [field]: null }), false, `${name}: ${field} of another type`);
    }
  }
});

test("what a label or a line of the log cannot say fits no schema", () => {
  const first = (name, kind) => {
    const of = ({ schema, value }) => schema === name && (value.act ?? value.entry).kind === kind;
    return structuredClone(sound.find(of).value);
  };
  const wrong = [
    ["label", "classify", (label) => (label.act.severity = "S5")],
    ["label", "classify", (label) => (label.act.hold = "case-7")],
    ["label", "hold_release_withdraw", (label) => delete label.act.hold],
    ["label", "hold_declare", (label) => (label.act.kind = "hold_forget")],
    ["log-line", "packet", (line) => (line.entry.realm = "real-enough")],
    ["log-line", "label", (line) => delete line.entry.signature],
    ["log-line", "pruned", (line) => (line.entry.manifest = line.digest)],
  ];
  for (const [name, kind, change] of wrong) {
    const value = first(name, kind);
    assert.ok(schemas.get(name)(value));
    change(value);
    assert.equal(schemas.get(name)(value), false, `${kind}: ${change}`);
  }
});
