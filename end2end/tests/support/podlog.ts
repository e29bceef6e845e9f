// A pod's log in the hand of the test; and a proxy in front of an API server that answers
// for this one log itself, as a kubelet would, and passes everything else on.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Line {
  at: Date;
  /** With its time in full: lines of one moment have an order. */
  text: string;
}

export class PodLog {
  private lines: Line[] = [];
  private readonly followers = new Set<ServerResponse>();

  /** With what was said before anybody asked. */
  constructor(before: string[] = [], at = new Date()) {
    this.lines = stamped(before, at);
  }

  /** Writes lines, all in this millisecond. */
  say(...texts: string[]): void {
    const lines = stamped(texts, new Date());
    this.lines.push(...lines);
    for (const follower of this.followers) follower.write(written(lines));
  }

  /** What a rotation does while nobody reads: streams break, and what was written is there no more. */
  cut(): void {
    this.lines = [];
    for (const follower of this.followers) follower.destroy();
  }

  answer({ searchParams: asked }: URL, answer: ServerResponse): void {
    if (asked.get("previous") === "true") {
      const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "BadRequest", code: 400 };
      answer.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify(status));
      return;
    }
    const since = new Date(asked.get("sinceTime") ?? 0);
    answer.writeHead(200, { "content-type": "text/plain" });
    answer.write(written(this.lines.filter(({ at }) => at >= since)));
    if (asked.get("follow") !== "true") return void answer.end();
    this.followers.add(answer);
    answer.once("close", () => this.followers.delete(answer));
  }
}

function stamped(texts: string[], at: Date): Line[] {
  const stamp = (n: number) => at.toISOString().replace("Z", `${n}`.padStart(6, "0") + "Z");
  return texts.map((text, n) => ({ at, text: `${stamp(n)} ${text}\n` }));
}

function written(lines: Line[]): string {
  return lines.map(({ text }) => text).join("");
}

/** The proxy for as long as it is used; `use` gets its address. `log` is that of every pod whose name begins so. */
export async function withPodLog(
  upstream: string,
  pods: string,
  log: PodLog,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer((asked, answer) => {
    const url = new URL(asked.url ?? "/", upstream);
    if (url.pathname.includes(`/pods/${pods}`) && url.pathname.endsWith("/log")) log.answer(url, answer);
    else passOn(url, asked, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function passOn(url: URL, asked: IncomingMessage, answer: ServerResponse): void {
  const call = request(url, { method: asked.method, headers: asked.headers }, (from) => {
    answer.writeHead(from.statusCode ?? 502, from.headers);
    from.pipe(answer);
  });
  call.once("error", () => answer.destroy());
  answer.once("close", () => call.destroy());
  asked.pipe(call);
}
