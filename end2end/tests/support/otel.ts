// Telemetry from a real SDK: one Python process (sender.py) that takes jobs as lines.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Obj } from "./kube";
import { python } from "./tools";

export interface SpanError {
  type?: string;
  message?: string;
}

export interface SpanGroup {
  name: string;
  kind?: "SERVER" | "CLIENT" | "CONSUMER" | "PRODUCER" | "INTERNAL";
  attributes?: Record<string, string | number | boolean>;
  error?: SpanError;
  /** With ±20 % of jitter unless told otherwise. */
  duration_ms?: number;
  jitter?: number;
  count?: number;
  /** Spread over so many seconds, the newest `until_s_ago` before now. */
  over_s?: number;
  until_s_ago?: number;
  children?: SpanGroup[];
}

export interface Job {
  protocol?: "grpc" | "http";
  endpoint: string;
  gzip?: boolean;
  headers?: Record<string, string>;
  resource: Record<string, string | number>;
  spans?: SpanGroup[];
  logs?: LogGroup[];
}

/** Lines through Python's logging; `{n}` in the body is the line's number. */
export interface LogGroup {
  body: string;
  level?: "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL";
  attributes?: Record<string, string | number>;
  count?: number;
  /** Written inside a span of this name. */
  in_span?: string;
}

export interface Sent {
  sent: number;
  failed: number;
  traces: string[];
}

/** What the Kubernetes downward API gives an application to say about itself. */
export function resourceOf(pod: Obj, more: Record<string, string> = {}): Record<string, string> {
  return {
    "service.name": pod.metadata.labels?.app ?? pod.metadata.name,
    "k8s.pod.uid": pod.metadata.uid,
    "k8s.pod.name": pod.metadata.name,
    "k8s.namespace.name": pod.metadata.namespace,
    // Else the SDK makes one up per job; a real process has one for life.
    "service.instance.id": pod.metadata.uid,
    ...more,
  };
}

/** Requests to one HTTP endpoint, as the semantic conventions describe them. */
export function httpSpans(method: string, route: string, more: Partial<SpanGroup> = {}): SpanGroup {
  const status = more.error ? 500 : 200;
  return {
    name: `${method} ${route}`,
    kind: "SERVER",
    ...more,
    attributes: {
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": status,
      ...more.attributes,
    },
  };
}

export class Sender {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly lines: Interface;
  private readonly waiting: ((line: string) => void)[] = [];

  constructor() {
    const script = join(import.meta.dirname, "sender.py");
    this.child = spawn(python(), [script], { stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface(this.child.stdout);
    this.lines.on("line", (line) => this.waiting.shift()?.(line));
    this.lines.on("close", () => {
      for (const answer of this.waiting.splice(0)) answer('{"error":"the sender ended"}');
    });
  }

  /** Resolves when the server has answered, so what was sent is stored. */
  async send(job: Job): Promise<Sent> {
    const answer = new Promise<string>((resolve) => this.waiting.push(resolve));
    this.child.stdin.write(`${JSON.stringify(job)}\n`);
    const { error, ...sent } = JSON.parse(await answer);
    if (error) throw new Error(`sender: ${error}`);
    return sent;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin.end();
    await ended;
  }
}
