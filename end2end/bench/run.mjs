// `make bench`: measures (*.bench.ts), then prints each figure beside its
// target with the machine's load, and writes them to bench/results.json.
// Exits 0 whether targets are met or not; 1 when something could not be measured.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), "binnacle-bench-"));
const file = join(folder, "figures.jsonl");
writeFileSync(file, "");

const load = () => loadavg().map((value) => Number(value.toFixed(2)));
const before = load();
const run = spawnSync(
  "npx",
  ["playwright", "test", "--config", join(here, "playwright.config.ts"), ...process.argv.slice(2)],
  {
    cwd: join(here, ".."),
    stdio: "inherit",
    env: { ...process.env, BINNACLE_FIGURES: file },
  },
);
const after = load();

const figures = readFileSync(file, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));
rmSync(folder, { recursive: true });
const results = { at: new Date().toISOString(), cpus: cpus().length, load: { before, after }, figures };
writeFileSync(join(here, "results.json"), `${JSON.stringify(results, null, 2)}\n`);

const number = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
console.log(`\n${"figure".padEnd(34)}${"measured".padStart(14)}${"target".padStart(14)}         note`);
for (const { name, value, target, unit, least, note } of figures) {
  const measured = `${number(value)} ${unit}`.padStart(14);
  const wanted = `${least ? "≥" : "≤"} ${target} ${unit}`.padStart(14);
  const verdict = (least ? value >= target : value <= target) ? "met" : "NOT MET";
  console.log(`${name.padEnd(34)}${measured}${wanted}  ${verdict.padEnd(9)}${note}`);
}
console.log(`\nload average before ${before.join(" ")}, after ${after.join(" ")}, on ${results.cpus} CPUs`);
process.exit(run.status === 0 ? 0 : 1);
