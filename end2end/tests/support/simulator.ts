// A simulated cluster of any size: `binnacle simulate`, a process of its own.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binnacleBinary } from "./binnacle";
import { expectAlive, type Running, start, until } from "./process";

/** Flags of `binnacle simulate` by name: `{ services: 10_000 }`; an object is a file's content. */
export type Size = Record<string, number | string | object>;

/** A simulated cluster for as long as it is used; `use` gets its kubeconfig. */
export async function simulate(size: Size, use: (kubeconfig: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "binnacle-simulated-"));
  const kubeconfig = join(folder, "kubeconfig");
  const said = (name: string, value: Size[string]) => {
    if (typeof value !== "object") return `${value}`;
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(value));
    return file;
  };
  const flags = Object.entries({ ...size, "kubeconfig-out": kubeconfig }).flatMap(([name, value]) => [`--${name}`, said(name, value)]);
  const running: Running = start("simulate", binnacleBinary(), ["simulate", ...flags], join(folder, "simulate.log"));
  try {
    const written = () => expectAlive(running) && existsSync(kubeconfig) && readFileSync(kubeconfig, "utf8").length > 0;
    await until("the simulated cluster", written, { timeoutMs: 60_000 });
    await use(kubeconfig);
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
