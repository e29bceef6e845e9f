// Kubelets in front of KWOK, which has no TLS and asks nobody: each at its node's own loopback address, with a
// certificate of the cluster's authority, letting in whom the cluster's roles let in. What containers use KWOK says;
// logs and summaries, which it has for no pod of its own, are made up here: by a pod's annotations, or by the test.
import { readFileSync } from "node:fs";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { TLSSocket } from "node:tls";
import type { Certificates } from "./certificates";
import type { Kube, Obj } from "./kube";
import { PodLog } from "./podlog";
import { sleep } from "./process";
import { summaryOf } from "./summary";
import { SAYS } from "./workloads";

export class Kubelets {
  private servers: Server[] = [];
  /** Of each run of a container, by its id. */
  private readonly logs = new Map<string, PodLog>();

  constructor(
    private readonly kube: Kube,
    private readonly certificates: Certificates,
    /** KWOK's own server is there at 127.0.0.1. */
    private readonly port: number,
  ) {}

  /** Begins to answer at these addresses, by the nodes' names. */
  async start(addresses: Record<string, string>): Promise<void> {
    const { kubelet, authority } = this.certificates;
    const [cert, key, ca] = [kubelet.certificate, kubelet.key, authority].map((path) => readFileSync(path));
    const options = { cert, key, ca, requestCert: true, rejectUnauthorized: false };
    for (const [node, address] of Object.entries(addresses)) {
      const server = createServer(options, (asked, answer) => {
        this.serve(node, asked, answer).catch((error) => refuse(answer, 500, String(error)));
      });
      this.servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(this.port, address, () => resolve());
      });
    }
  }

  stop(): void {
    for (const server of this.servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  }

  /** Writes lines to the log of a pod's first container, as it runs now. */
  say(pod: Obj, ...lines: string[]): void {
    this.logOf(pod, pod.status.containerStatuses[0]).say(...lines);
  }

  private async serve(node: string, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(asked.url ?? "/", "https://kubelet");
    const who = await this.identify(asked);
    if (!who) return refuse(answer, 401, "Unauthorized");
    const subresource = subresourceOf(url.pathname);
    if (!(await this.allows(who, node, subresource))) {
      return refuse(answer, 403, `Forbidden (user=${who.username}, verb=get, resource=nodes, subresource=${subresource})`);
    }
    const [, first, ...rest] = url.pathname.split("/");
    if (first === "metrics") return this.passOn(`/metrics/nodes/${node}${url.pathname}`, answer);
    if (url.pathname === "/stats/summary") {
      const pods = (await this.kube.list("Pod")).filter((pod) => pod.spec.nodeName === node);
      answer.setHeader("content-type", "application/json").end(JSON.stringify(summaryOf(node, pods, new Date())));
      return;
    }
    if (first === "containerLogs") return this.log(rest, url, answer);
    refuse(answer, 404, "404 page not found");
  }

  /** The API server by its certificate, everybody else by a token that the API server knows. */
  private async identify(asked: IncomingMessage): Promise<Obj> {
    const socket = asked.socket as TLSSocket;
    // Node calls a resumed session authorized even where it has no certificate, and then there is no subject.
    const subject = socket.authorized && socket.getPeerCertificate().subject;
    if (subject) return { username: subject.CN, groups: [subject.O].flat() };
    const token = /^Bearer (.+)$/.exec(asked.headers.authorization ?? "")?.[1];
    if (!token) return undefined;
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: {}, spec: { token } };
    const { status } = await this.kube.create(review);
    return status.authenticated ? status.user : undefined;
  }

  private async allows({ username, ...who }: Obj, name: string, subresource: string): Promise<boolean> {
    const resourceAttributes = { verb: "get", resource: "nodes", subresource, name };
    const spec = { ...who, user: username, resourceAttributes };
    const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", metadata: {}, spec };
    return (await this.kube.create(review)).status.allowed;
  }

  private passOn(path: string, answer: ServerResponse): void {
    const call = request({ host: "127.0.0.1", port: this.port, path }, (from) => {
      answer.writeHead(from.statusCode ?? 502, { "content-type": from.headers["content-type"] ?? "text/plain" });
      from.pipe(answer);
    });
    call.once("error", () => answer.destroy());
    call.end();
  }

  /** Of the run that is asked for: the one before, or the one that runs, or the last one where none does. */
  private async log([namespace, name, container]: string[], url: URL, answer: ServerResponse): Promise<void> {
    const stateOf = async () => {
      const pod = await this.kube.get("Pod", namespace, name);
      return { pod, status: pod.status.containerStatuses?.find((each: Obj) => each.name === container) };
    };
    const { pod, status } = await stateOf();
    const isPrevious = url.searchParams.get("previous") === "true";
    if (status?.state.running && !isPrevious) {
      this.logOf(pod, status).answer(url, answer);
      // Its log ends where the run does.
      while (!answer.closed) {
        await sleep(1_000);
        const now = await stateOf().catch(() => undefined);
        if (now?.status?.containerID !== status.containerID || !now?.status.state.running) answer.end();
      }
      return;
    }
    const ended = (!isPrevious && status?.state.terminated) || status?.lastState?.terminated;
    if (!ended) return refuse(answer, 400, `${isPrevious ? "previous terminated " : ""}container ${container} not found`);
    url.searchParams.delete("follow");
    url.searchParams.delete("previous");
    new PodLog(wordsOf(pod), new Date(ended.finishedAt)).answer(url, answer);
  }

  private logOf(pod: Obj, { containerID, state }: Obj): PodLog {
    const log = this.logs.get(containerID) ?? new PodLog(wordsOf(pod), new Date(state.running.startedAt));
    this.logs.set(containerID, log);
    return log;
  }
}

/** What every run of a pod's containers says. */
function wordsOf(pod: Obj): string[] {
  return pod.metadata.annotations?.[SAYS]?.split("\n") ?? [];
}

/** As kubelets have it: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/ */
function subresourceOf(path: string): string {
  if (path.startsWith("/metrics/")) return "metrics";
  return path.startsWith("/stats/") ? "stats" : "proxy";
}

function refuse(answer: ServerResponse, status: number, words: string): void {
  answer.writeHead(status, { "content-type": "text/plain" }).end(words);
}
