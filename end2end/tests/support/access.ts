// Who may do what on the test cluster: tokens, kubeconfigs, and Binnacle's rights.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Obj, type YamlDocument, yamlDocuments } from "./kube";

export type User = "admin" | "binnacle" | "stranger";

export interface Access {
  tokenFile: string;
  accountKey: string;
  tokens: Record<User, string>;
}

/** `stranger` may do nothing at all until a test grants something. */
export function createAccess(directory: string): Access {
  const token = () => randomBytes(16).toString("hex");
  const tokens = { admin: token(), binnacle: token(), stranger: token() };
  const tokenFile = join(directory, "tokens.csv");
  const lines = [`${tokens.admin},admin,admin,"system:masters"`];
  for (const user of ["binnacle", "stranger"] as const) lines.push(`${tokens[user]},${user},${user},""`);
  writeFileSync(tokenFile, `${lines.join("\n")}\n`, { mode: 0o600 });
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const accountKey = join(directory, "service-account.key");
  writeFileSync(accountKey, privateKey, { mode: 0o600 });
  return { tokenFile, accountKey, tokens };
}

/** Writes a kubeconfig (JSON is YAML) and returns its path. */
export function writeKubeconfig(
  path: string,
  { server, certificate, user, token }: { server: string; certificate: string; user: string; token: string },
): string {
  const authority = readFileSync(certificate).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "end2end",
    clusters: [{ name: "end2end", cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "end2end", context: { cluster: "end2end", user } }],
  };
  writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  return path;
}

const DEPLOYED = join(import.meta.dirname, "../../../deploy/binnacle.yaml");

/** What is deployed in a cluster, in the order in which it has to be applied. */
export function deployed(): YamlDocument[] {
  return yamlDocuments(readFileSync(DEPLOYED, "utf8"));
}

/** The role that is deployed: nothing that writes, and never Secrets. */
export function readOnlyRole(): YamlDocument {
  const role = deployed().find((document) => document.kind === "ClusterRole");
  if (!role) throw new Error(`${DEPLOYED} has no ClusterRole`);
  return role;
}

/** Gives the role to Binnacle's user; the account that is deployed has a binding of its own. */
export function readOnlyBinding(): Obj {
  const group = "rbac.authorization.k8s.io";
  return {
    apiVersion: `${group}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: "binnacle-user" },
    roleRef: { apiGroup: group, kind: "ClusterRole", name: "binnacle" },
    subjects: [{ apiGroup: group, kind: "User", name: "binnacle" }],
  };
}
