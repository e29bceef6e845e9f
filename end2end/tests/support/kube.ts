// A small Kubernetes client: the requests the tests make and nothing else.
// Objects are plain JSON; what the API server says is what the caller gets.
import { Agent, request } from "node:https";
import { until } from "./process";

// The shapes are Kubernetes' own; typing them here would only repeat its API.
export type Obj = any;

export class KubeError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A document of a YAML file, with what its address needs. */
export interface YamlDocument {
  kind: string;
  namespace?: string;
  name: string;
  text: string;
}

/** The documents of a file; reads only what an address needs, the API server reads the rest. */
export function yamlDocuments(file: string): YamlDocument[] {
  return file.split(/^---$/m).map((text) => ({
    kind: /^kind: (\S+)$/m.exec(text)?.[1] ?? "",
    name: /^metadata:\n(?: {2}.*\n)*? {2}name: (\S+)$/m.exec(text)?.[1] ?? "",
    namespace: /^metadata:\n(?: {2}.*\n)*? {2}namespace: "?([^\s"]+)"?$/m.exec(text)?.[1],
    text,
  }));
}

/** Where a kind lives: group prefix, plural, namespaced or not. */
const KINDS: Record<string, [prefix: string, plural: string, namespaced: boolean]> = {
  Namespace: ["/api/v1", "namespaces", false],
  Node: ["/api/v1", "nodes", false],
  Pod: ["/api/v1", "pods", true],
  Service: ["/api/v1", "services", true],
  ConfigMap: ["/api/v1", "configmaps", true],
  Secret: ["/api/v1", "secrets", true],
  ServiceAccount: ["/api/v1", "serviceaccounts", true],
  ResourceQuota: ["/api/v1", "resourcequotas", true],
  Event: ["/api/v1", "events", true],
  PersistentVolume: ["/api/v1", "persistentvolumes", false],
  PersistentVolumeClaim: ["/api/v1", "persistentvolumeclaims", true],
  Ingress: ["/apis/networking.k8s.io/v1", "ingresses", true],
  NetworkPolicy: ["/apis/networking.k8s.io/v1", "networkpolicies", true],
  PodDisruptionBudget: ["/apis/policy/v1", "poddisruptionbudgets", true],
  HorizontalPodAutoscaler: ["/apis/autoscaling/v2", "horizontalpodautoscalers", true],
  Role: ["/apis/rbac.authorization.k8s.io/v1", "roles", true],
  RoleBinding: ["/apis/rbac.authorization.k8s.io/v1", "rolebindings", true],
  Deployment: ["/apis/apps/v1", "deployments", true],
  ReplicaSet: ["/apis/apps/v1", "replicasets", true],
  StatefulSet: ["/apis/apps/v1", "statefulsets", true],
  DaemonSet: ["/apis/apps/v1", "daemonsets", true],
  ControllerRevision: ["/apis/apps/v1", "controllerrevisions", true],
  Job: ["/apis/batch/v1", "jobs", true],
  CronJob: ["/apis/batch/v1", "cronjobs", true],
  TokenReview: ["/apis/authentication.k8s.io/v1", "tokenreviews", false],
  SubjectAccessReview: ["/apis/authorization.k8s.io/v1", "subjectaccessreviews", false],
  ClusterRole: ["/apis/rbac.authorization.k8s.io/v1", "clusterroles", false],
  ClusterRoleBinding: ["/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", false],
};

export class Kube {
  private readonly agent: Agent;

  constructor(
    readonly server: string,
    ca: string,
    private readonly token: string,
  ) {
    // No kept connections: they would be stale after the API server was restarted.
    this.agent = new Agent({ ca });
  }

  close(): void {
    this.agent.destroy();
  }

  async isReady(): Promise<boolean> {
    await this.send("GET", "/readyz");
    return true;
  }

  /** Creates or updates by server-side apply. */
  async apply(...objects: Obj[]): Promise<void> {
    for (const object of objects) {
      const { namespace, name } = object.metadata;
      const path = `${this.path(object.kind, namespace, name)}?fieldManager=end2end&force=true`;
      await this.send("PATCH", path, object, "application/apply-patch+yaml");
    }
  }

  /** The same for a file of YAML documents, as `kubectl apply` would; a field that is none is an error. */
  async applyYaml(...documents: YamlDocument[]): Promise<void> {
    for (const { kind, namespace, name, text } of documents) {
      const path = `${this.path(kind, namespace, name)}?fieldManager=end2end&force=true&fieldValidation=Strict`;
      await this.send("PATCH", path, text, "application/apply-patch+yaml");
    }
  }

  /** A token of an account, as its pods get one. */
  async tokenOf(namespace: string, account: string): Promise<string> {
    const path = `${this.path("ServiceAccount", namespace, account)}/token`;
    const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
    return (await this.send("POST", path, asked)).status.token;
  }

  create(object: Obj): Promise<Obj> {
    return this.send("POST", this.path(object.kind, object.metadata.namespace), object);
  }

  get(kind: string, namespace: string | undefined, name: string): Promise<Obj> {
    return this.send("GET", this.path(kind, namespace, name));
  }

  async list(kind: string, namespace?: string, labels = ""): Promise<Obj[]> {
    const query = labels ? `?labelSelector=${encodeURIComponent(labels)}` : "";
    return (await this.send("GET", this.path(kind, namespace) + query)).items;
  }

  /** JSON merge patch. */
  patch(kind: string, namespace: string | undefined, name: string, change: Obj): Promise<Obj> {
    return this.send("PATCH", this.path(kind, namespace, name), change, "application/merge-patch+json");
  }

  /** The same of what a controller would say; not of what it is asked for. */
  patchStatus(kind: string, namespace: string | undefined, name: string, status: Obj): Promise<Obj> {
    return this.send("PATCH", `${this.path(kind, namespace, name)}/status`, { status }, "application/merge-patch+json");
  }

  /** As draining a node asks of its pods. */
  async evict({ metadata: { namespace, name } }: Obj): Promise<void> {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name } };
    await this.send("POST", `${this.path("Pod", namespace, name)}/eviction`, eviction);
  }

  async delete(kind: string, namespace: string | undefined, name: string): Promise<void> {
    await this.send("DELETE", this.path(kind, namespace, name), { propagationPolicy: "Background" });
  }

  /** Only the answer's status, for tests of rights. */
  status(method: string, path: string): Promise<number> {
    return this.send(method, path).then(
      () => 200,
      (error) => (error instanceof KubeError ? error.status : 0),
    );
  }

  /** Waits until the object satisfies the question, and returns it. */
  wait(
    kind: string,
    namespace: string | undefined,
    name: string,
    what: string,
    question: (object: Obj) => boolean,
    timeoutMs = 60_000,
  ): Promise<Obj> {
    return until(
      `${kind} ${name} to be ${what}`,
      async () => {
        const object = await this.get(kind, namespace, name);
        return question(object) ? object : undefined;
      },
      { timeoutMs, everyMs: 200 },
    );
  }

  private path(kind: string, namespace?: string, name?: string): string {
    const [prefix, plural, namespaced] = KINDS[kind] ?? [];
    if (!prefix) throw new Error(`kind ${kind} is not in the table`);
    const scope = namespaced && namespace ? `/namespaces/${namespace}` : "";
    return `${prefix}${scope}/${plural}${name ? `/${name}` : ""}`;
  }

  private send(method: string, path: string, body?: Obj, type = "application/json"): Promise<Obj> {
    const payload = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const call = request(
        this.server + path,
        {
          method,
          agent: this.agent,
          headers: {
            authorization: `Bearer ${this.token}`,
            ...(payload && { "content-type": type, "content-length": Buffer.byteLength(payload) }),
          },
        },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (chunk) => (text += chunk));
          answer.on("end", () => {
            const status = answer.statusCode ?? 0;
            if (status < 300) return resolve(text.startsWith("{") ? JSON.parse(text) : text);
            reject(new KubeError(status, `${method} ${path}: ${status} ${text.slice(0, 400)}`));
          });
        },
      );
      call.setTimeout(20_000, () => call.destroy(new Error(`${method} ${path}: no answer in 20 s`)));
      call.once("error", reject);
      call.end(payload);
    });
  }
}
