// The product under test: the real binary on free loopback ports with a data
// directory of its own. Stopped by process id; a clean stop exits 0.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Exit, expectAlive, freePorts, type Running, start, tail, until } from "./process";
import { python } from "./tools";

const ROOT = join(import.meta.dirname, "../../..");

export function binnacleBinary(): string {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
  return process.env.BINNACLE_BIN ?? join(target, "release/binnacle");
}

export interface Options {
  /** Without one there is no cluster, and no demo either. */
  kubeconfig?: string;
  /** The demo instead of a cluster. */
  demo?: boolean;
  /** Further flags, after the ones below. */
  args?: string[];
}

export class Binnacle {
  readonly data = mkdtempSync(join(tmpdir(), "binnacle-data-"));
  readonly log = join(mkdtempSync(join(tmpdir(), "binnacle-log-")), "binnacle.log");
  private process?: Running;
  private ports: number[] = [];

  constructor(private readonly options: Options = {}) {}

  get url(): string {
    return `http://127.0.0.1:${this.ports[0]}`;
  }

  get grpc(): string {
    return `http://127.0.0.1:${this.ports[1]}`;
  }

  get http(): string {
    return `http://127.0.0.1:${this.ports[2]}`;
  }

  get pid(): number {
    return this.process?.pid ?? -1;
  }

  /** Starts on the same ports and data as before, and waits until it is ready. */
  async start(probe: "readyz" | "livez" = "readyz"): Promise<void> {
    if (this.ports.length === 0) this.ports = await freePorts(3);
    const running = this.spawn();
    const ready = () => expectAlive(running) && this.answers(probe);
    await until("Binnacle to be ready", ready, { timeoutMs: 60_000, everyMs: 10 }).catch((error) => {
      throw new Error(`${error}\n${tail(this.log)}`);
    });
  }

  /** SIGTERM, as a Deployment's rollout would; anything but exit code 0 is a bug. */
  async stop(): Promise<Exit> {
    const exit = (await this.process?.stop()) ?? { code: 0, signal: null };
    this.process = undefined;
    if (exit.code !== 0) throw new Error(`stopped with ${exit.code ?? exit.signal}:\n${tail(this.log)}`);
    return exit;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  remove(): void {
    if (process.env.KEEP) return;
    rmSync(this.data, { recursive: true, force: true });
    rmSync(join(this.log, ".."), { recursive: true, force: true });
  }

  /** Where any of the secrets is found in the data directory or the log: should be empty. */
  placesOf(secrets: string[]): string[] {
    const script = join(import.meta.dirname, "scan.py");
    const finds = execFileSync(python(), [script, this.data, ...secrets], { encoding: "utf8" });
    const log = readFileSync(this.log, "utf8");
    const logged = secrets.filter((secret) => log.includes(secret)).map((secret) => `log: ${secret}`);
    return [...finds.split("\n").filter(Boolean), ...logged];
  }

  private spawn(): Running {
    const [ui, grpc, http] = this.ports;
    const args = [
      this.options.demo ? ["demo"] : this.options.kubeconfig ? ["--kubeconfig", this.options.kubeconfig] : ["--no-demo"],
      ["--listen", `127.0.0.1:${ui}`],
      ["--otlp-grpc", `127.0.0.1:${grpc}`],
      ["--otlp-http", `127.0.0.1:${http}`],
      ["--data", this.data],
    ].flat();
    // The machine's own cluster and settings must not be what a test runs with.
    const own = Object.entries(process.env).filter(([name]) => !/^(BINNACLE_|KUBE)/.test(name));
    const env: NodeJS.ProcessEnv = { RUST_BACKTRACE: "1", ...Object.fromEntries(own) };
    // An empty home has no ~/.kube/config either.
    env.HOME = this.data;
    // For a binary without the site in it; the release has its own.
    env.LEPTOS_SITE_ROOT ??= join(ROOT, "target/site");
    this.process = start("binnacle", binnacleBinary(), [...args, ...(this.options.args ?? [])], this.log, env);
    return this.process;
  }

  private async answers(probe: string): Promise<boolean> {
    const answer = await fetch(`${this.url}/${probe}`);
    await answer.arrayBuffer();
    return answer.ok;
  }
}
