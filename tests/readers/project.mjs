// A copy of the project, in which runs leave their packets, and the binary that runs there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const parts = ["acceptance", "gamedays", "recordings", "fabric.toml", "policy.toml"];

/** A fault that the acceptance suite of the front doors finds. */
export const stopped = JSON.stringify({ fault: "daemon-stopped", host: "dns-edge-1", unit: "dnsdist" });

/** A copy of the project in a folder of its own. */
export class Project {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "fabric-readers-"));
    this.project = join(this.folder, "project");
    mkdirSync(this.project);
    for (const part of parts) cpSync(join(root, part), join(this.project, part), { recursive: true });
  }

  path(name) {
    return join(this.folder, name);
  }

  /** Runs the binary, which must end with this exit code; what it printed. */
  fabric(code, ...words) {
    const home = this.path("home");
    const environment = { PATH: process.env.PATH, HOME: this.folder, FABRIC_HOME: home };
    const ran = spawnSync(process.env.FABRIC, words, { cwd: this.project, env: environment, encoding: "utf8" });
    assert.equal(ran.status, code, `fabric ${words.join(" ")}: ${ran.error ?? ran.stdout + ran.stderr}`);
    return ran.stdout;
  }

  /** The folder of the packet that a run leaves. */
  packet(code, ...words) {
    const told = JSON.parse(this.fabric(code, ...words, "--output", "json"));
    return join(this.project, told.packet);
  }

  report(code, ...words) {
    return join(this.packet(code, ...words), "report.html");
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The path of a file beside these tests. */
export function path(name) {
  return join(root, "tests/readers", name);
}
