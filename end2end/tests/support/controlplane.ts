// A real Kubernetes control plane on loopback, in a temporary directory: etcd, API
// server, controller manager, scheduler, and KWOK playing the nodes.
// .ci/tools builds the binaries; what pods do is in controlplane/stages.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Access, createAccess, readOnlyBinding, readOnlyRole, type User, writeKubeconfig } from "./access";
import { type Certificates, createCertificates } from "./certificates";
import { Kube, type Obj } from "./kube";
import { Kubelets } from "./kubelet";
import { expectAlive, freePorts, sleep, start, tail, until } from "./process";
import { controlPlaneBinary } from "./tools";

const KWOK = join(import.meta.dirname, "../../controlplane");

export interface ControlPlane {
  kube: Kube;
  kubelets: Kubelets;
  server: string;
  /** Read-only, with the rights Binnacle documents: what Binnacle gets. */
  kubeconfig: string;
  /** Another address, for a cluster that cannot be reached. */
  kubeconfigOf(user: User, address?: string): string;
  /** For whoever has this token. */
  kubeconfigWith(name: string, token: string): string;
  /** What the API server noted of the requests of the account that is audited. */
  audited(): Obj[];
  /** The statuses that a user's requests get. */
  tryAs(user: User, calls: [method: string, path: string][]): Promise<number[]>;
  /** Same port, same etcd: what an upgrade of the API server looks like. */
  restartApiServer(downMs?: number): Promise<void>;
  stop(): Promise<void>;
}

interface Ports {
  client: number;
  peer: number;
  secure: number;
  kubelet: number;
}

export interface Wanted {
  nodes?: number;
  /** A user whose requests are noted. */
  audit?: string;
  /** Whether kubelets answer; without, nodes are there and nobody is at their addresses. */
  kubelets?: boolean;
}

export async function startControlPlane({ nodes = 2, audit, kubelets: answer }: Wanted = {}): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), "binnacle-cluster-"));
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  const addresses = Object.fromEntries(numbers.map((number) => [`node-${number}`, `127.0.1.${number}`]));
  const certificates = createCertificates(join(directory, "certificates"), Object.values(addresses));
  const certificate = certificates.authority;
  const access = createAccess(directory);
  const [client, peer, secure, kubelet] = await freePorts(4);
  const ports = { client, peer, secure, kubelet };
  const server = `https://127.0.0.1:${secure}`;
  const run = (name: string, args: string[]) =>
    start(name, controlPlaneBinary(name), args, join(directory, `${name}.log`));
  const kubeconfigWith = (user: string, token: string, address = server) =>
    writeKubeconfig(join(directory, `${user}-${new URL(address).port}.kubeconfig`), {
      server: address,
      certificate,
      user,
      token,
    });
  const kubeconfigOf = (user: User, address = server) => kubeconfigWith(user, access.tokens[user], address);
  const auditLog = join(directory, "audit.log");
  const auditArgs = audit ? auditing(directory, auditLog, audit) : [];

  const etcd = run("etcd", etcdArgs(ports, join(directory, "etcd")));
  const startApiServer = async () => {
    const started = run("kube-apiserver", [...apiServerArgs(ports, certificates, access), ...auditArgs]);
    const admin = new Kube(server, readFileSync(certificate, "utf8"), access.tokens.admin);
    const ready = () => expectAlive(started) && admin.isReady();
    await until("the API server to be ready", ready, { timeoutMs: 60_000 }).catch((error) => {
      throw new Error(`${error}\n${tail(started.log)}`);
    });
    return { started, admin };
  };
  const first = await startApiServer();
  const kube = first.admin;
  let apiServer = first.started;
  const admin = kubeconfigOf("admin");
  const clients = [
    run("kube-controller-manager", controllerArgs(admin, certificate, access)),
    run("kube-scheduler", [`--kubeconfig=${admin}`, "--leader-elect=false", "--secure-port=0"]),
    run("kwok", kwokArgs(admin, ports)),
  ];
  const kubelets = new Kubelets(kube, certificates, ports.kubelet);
  if (answer) await kubelets.start(addresses);
  await populate(kube, addresses);

  return {
    kube,
    kubelets,
    server,
    kubeconfig: kubeconfigOf("binnacle"),
    kubeconfigOf,
    kubeconfigWith,
    audited() {
      const lines = readFileSync(auditLog, "utf8").trimEnd().split("\n");
      return lines.filter(Boolean).map((line) => JSON.parse(line));
    },
    tryAs(user, calls) {
      const as = new Kube(server, readFileSync(certificate, "utf8"), access.tokens[user]);
      return Promise.all(calls.map(([method, path]) => as.status(method, path)));
    },
    async restartApiServer(downMs = 1_000) {
      // Open watches keep it from leaving by itself for a minute.
      await apiServer.stop(500);
      await sleep(downMs);
      apiServer = (await startApiServer()).started;
    },
    async stop() {
      kubelets.stop();
      // Clients first: an API server whose etcd is gone keeps its port for a minute.
      await Promise.all(clients.map((each) => each.stop()));
      await apiServer.stop(2_000);
      await etcd.stop();
      if (!process.env.KEEP) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function etcdArgs({ client, peer }: Ports, data: string): string[] {
  return [
    `--data-dir=${data}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

function apiServerArgs({ client, secure }: Ports, certificates: Certificates, access: Access): string[] {
  const { apiServer, kubeletClient, authority } = certificates;
  return [
    `--etcd-servers=http://127.0.0.1:${client}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${secure}`,
    // A loopback address cannot be an endpoint of the `kubernetes` Service.
    "--endpoint-reconciler-type=none",
    `--tls-cert-file=${apiServer.certificate}`,
    `--tls-private-key-file=${apiServer.key}`,
    `--kubelet-certificate-authority=${authority}`,
    `--kubelet-client-certificate=${kubeletClient.certificate}`,
    `--kubelet-client-key=${kubeletClient.key}`,
    "--kubelet-preferred-address-types=InternalIP",
    `--token-auth-file=${access.tokenFile}`,
    "--authorization-mode=RBAC",
    `--service-account-key-file=${access.accountKey}`,
    `--service-account-signing-key-file=${access.accountKey}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=10.96.0.0/16",
  ];
}

/** Notes every request of one user, its body left out; nothing of anybody else. */
function auditing(directory: string, log: string, user: string): string[] {
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    rules: [{ level: "Metadata", users: [user] }, { level: "None" }],
  };
  const file = join(directory, "audit-policy.json");
  writeFileSync(file, JSON.stringify(policy));
  return [`--audit-policy-file=${file}`, `--audit-log-path=${log}`, "--audit-log-mode=blocking"];
}

function controllerArgs(kubeconfig: string, certificate: string, access: Access): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    // Without metrics it could only say that it has none; what it would say else, a test writes in its place.
    "--controllers=*,-horizontal-pod-autoscaler-controller",
    "--leader-elect=false",
    `--service-account-private-key-file=${access.accountKey}`,
    `--root-ca-file=${certificate}`,
    "--secure-port=0",
  ];
}

function kwokArgs(kubeconfig: string, { kubelet }: Ports): string[] {
  const stages = readdirSync(join(KWOK, "stages")).map((name) => join("stages", name));
  return [
    `--kubeconfig=${kubeconfig}`,
    "--manage-all-nodes=true",
    "--cidr=10.244.0.0/16",
    "--node-ip=127.0.0.1",
    `--node-port=${kubelet}`,
    `--server-address=127.0.0.1:${kubelet}`,
    ...["figures.yaml", ...stages].flatMap((name) => ["--config", join(KWOK, name)]),
  ];
}

/** A node whose kubelet is at an address. */
export function node(name: string, address: string): Obj {
  const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels, annotations: { "binnacle.test/address": address } } };
}

async function populate(kube: Kube, addresses: Record<string, string>): Promise<void> {
  await kube.applyYaml(readOnlyRole());
  await kube.apply(readOnlyBinding(), ...Object.entries(addresses).map(([name, address]) => node(name, address)));
  for (const name of Object.keys(addresses)) await kube.wait("Node", undefined, name, "ready", isReady);
  // Pods are refused until their namespace has this account.
  await kube.wait("ServiceAccount", "default", "default", "there", () => true);
}

export function isReady(of: Obj): boolean {
  return of.status?.conditions?.some(({ type, status }: Obj) => type === "Ready" && status === "True") ?? false;
}
