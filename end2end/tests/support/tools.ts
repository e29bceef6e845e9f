// Where .ci/tools puts what the tests run.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const TOOLS = process.env.BINNACLE_TOOLS ?? join(CACHE, "binnacle/tools");

function installed(path: string, word: string): string {
  if (!existsSync(path)) throw new Error(`${path} is missing: run .ci/tools ${word}`);
  return path;
}

export function controlPlaneBinary(name: string): string {
  return installed(join(TOOLS, "controlplane", name), "controlplane");
}

export function python(): string {
  return installed(join(TOOLS, "python/bin/python"), "python");
}

export function schemathesis(): string {
  return installed(join(TOOLS, "python/bin/schemathesis"), "python");
}

/** Of what others send telemetry with: a command, a package for Node. */
export function sender(path: "telemetrygen" | "debian/usr/bin/prometheus" | "node_modules"): string {
  return installed(join(TOOLS, "senders", path), "senders");
}
