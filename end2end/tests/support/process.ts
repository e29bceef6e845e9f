// Child processes and ports: started with a log file, stopped by their own id.
// Knows nothing of Kubernetes or Binnacle.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Running {
  name: string;
  pid: number;
  log: string;
  exited: Promise<Exit>;
  /** SIGTERM, then SIGKILL once `graceMs` is over. */
  stop(graceMs?: number): Promise<Exit>;
  /** The exit once there is one. */
  exit(): Exit | undefined;
}

/** A port that was free a moment ago; the caller binds it at once. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port;
}

/** Different ports that were free a moment ago: all are held before the first is let go. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listening));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listening(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

export function start(
  name: string,
  command: string,
  args: string[],
  log: string,
  env: NodeJS.ProcessEnv = process.env,
): Running {
  const output = openSync(log, "a");
  // setpriv: a run that is killed hard must not leave an API server behind.
  const child: ChildProcess = spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args], {
    stdio: ["ignore", output, output],
    env,
  });
  closeSync(output);
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    const settle = (value: Exit) => {
      exit = value;
      resolve(value);
    };
    child.once("error", () => settle({ code: 127, signal: null }));
    child.once("exit", (code, signal) => settle({ code, signal }));
  });
  return {
    name,
    pid: child.pid ?? -1,
    log,
    exited,
    exit: () => exit,
    async stop(graceMs = 60_000) {
      if (exit) return exit;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      const value = await exited;
      clearTimeout(timer);
      return value;
    },
  };
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is waited for will never come: its process has ended. */
export class Ended extends Error {}

/** Throws where the process has ended, so that a wait for it ends too. */
export function expectAlive(running: Running): true {
  const exit = running.exit();
  if (!exit) return true;
  throw new Ended(`${running.name} ended with ${exit.code ?? exit.signal}:\n${tail(running.log)}`);
}

/** Asks until the answer is truthy; a thrown error, save `Ended`, counts as "not yet". */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  { timeoutMs = 30_000, everyMs = 100 } = {},
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown = "never true";
  for (;;) {
    try {
      const value = await ask();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      if (error instanceof Ended) throw error;
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}: ${last}`);
    await sleep(everyMs);
  }
}

/** The end of a log, for error messages. */
export function tail(log: string, lines = 20): string {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}
