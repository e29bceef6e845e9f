// The OpenAPI document against what is answered: schemathesis makes requests from it, right ones and wrong ones, and
// holds every answer against it.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Binnacle, binnacleBinary } from "./support/binnacle";
import { expect, harness, serve } from "./support/fixtures";
import { freePort } from "./support/process";
import { schemathesis } from "./support/tools";

const test = harness.extend<{ folder: string }, { binnacle: Binnacle }>({
  binnacle: [
    async ({}, use) => serve({ demo: true }, use),
    { scope: "worker", timeout: 90_000 },
  ],
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "binnacle-api-"));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

/** The same requests in every run. */
const SEED = 6;
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "positive_data_acceptance",
  "unsupported_method",
];

/** Its exit code and all that it printed. */
function check(binnacle: Binnacle, folder: string, config: string, args: string[]): Promise<[number, string]> {
  const file = join(folder, "schemathesis.toml");
  writeFileSync(file, config);
  const url = `${binnacle.url}/api/v1/openapi.json`;
  const shared = [url, "--seed", `${SEED}`, "--max-examples", "50", "--checks", CHECKS.join(",")];
  return new Promise((resolve) => {
    // Beside the test, so that Binnacle and what waits for it go on.
    execFile(schemathesis(), ["--no-color", "--config-file", file, "run", ...shared, ...args], { cwd: folder },
      (error, stdout, stderr) => resolve([error ? Number(error.code ?? 1) : 0, stdout + stderr]));
  });
}

/** A deploy with a verdict that has evidence. */
async function judged(binnacle: Binnacle): Promise<string[]> {
  const get = async (path: string) => (await fetch(`${binnacle.url}/api/v1/${path}`)).json();
  for (const service of (await get("services?limit=200")).items) {
    for (const deploy of (await get(`services/${service.id}/deploys`)).items) {
      if (!deploy.verdict) continue;
      const { verdict } = await get(`deploys/${deploy.id}/verdict`);
      if (verdict.evidence.length > 0) return deploy.id.split("/");
    }
  }
  return [];
}

test("whatever is asked, the answer is one that the document names", async ({ binnacle, folder }) => {
  const [code, printed] = await check(binnacle, folder, "", ["--mode", "all"]);
  expect(code, printed).toBe(0);
});

test("services, deploys and a verdict with its evidence are as the document says", async ({ binnacle, folder }) => {
  let found: string[] = [];
  await expect.poll(async () => (found = await judged(binnacle)).length, { timeout: 90_000 }).toBe(5);
  const names = ["cluster", "namespace", "kind", "name", "sequence"];
  const parameters = names.map((name, at) => `"path.${name}" = ${JSON.stringify(found[at])}`);
  // Nothing but "not found" would be no check.
  const config = ['warnings = { fail-on = ["missing_test_data", "validation_mismatch"] }', "[parameters]", ...parameters];
  const [code, printed] = await check(binnacle, folder, config.join("\n"), ["--mode", "positive"]);
  expect(code, printed).toBe(0);
});

/** What a level is as an exit code. */
const CODES: Record<string, number> = {
  healthy: 0, degraded: 1, failed: 1, stuck: 1, "rolled-back": 1, "rolling-out": 2, "too-little-data": 2,
};

/** The exit code of `binnacle verdict`, and what it printed. */
function gate(url: string, service: string): Promise<[number, string]> {
  return new Promise((resolve) => {
    execFile(binnacleBinary(), ["verdict", service, "--server", url], { env: {} }, (error, stdout, stderr) =>
      resolve([error ? Number(error.code ?? 1) : 0, stdout + stderr]));
  });
}

test("the gate says by its exit code what the verdict is, and 3 where there is none to be had", async ({ binnacle }) => {
  let found: string[] = [];
  await expect.poll(async () => (found = await judged(binnacle)).length, { timeout: 90_000 }).toBe(5);
  const service = found.slice(0, 4).join("/");
  await expect(async () => {
    // A verdict may change between the two.
    const deploys = await (await fetch(`${binnacle.url}/api/v1/services/${service}/deploys?limit=1`)).json();
    const [code, printed] = await gate(binnacle.url, service);
    const { level } = deploys.items[0].verdict;
    expect([level, code], printed).toEqual([level, CODES[level]]);
    expect(printed).toContain(deploys.items[0].to);
  }).toPass({ timeout: 30_000 });
  const [nobody, said] = await gate(binnacle.url, "no-such-service");
  expect(nobody, said).toBe(3);
  const [away, why] = await gate(`http://127.0.0.1:${await freePort()}`, service);
  expect(away, why).toBe(3);
});
