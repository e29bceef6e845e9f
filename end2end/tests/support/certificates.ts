// What a cluster's authority signs: the API server's certificate, the kubelets', and the one by which the API server
// shows itself to kubelets. Node reads certificates but makes none, so openssl does.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files in PEM. */
export interface Pair {
  certificate: string;
  key: string;
}

export interface Certificates {
  authority: string;
  apiServer: Pair;
  kubelet: Pair;
  /** May do anything on a kubelet, as kubeadm has it. */
  kubeletClient: Pair;
}

export function createCertificates(directory: string, kubelets: string[]): Certificates {
  mkdirSync(directory);
  const config = join(directory, "openssl.cnf");
  // Else the machine's own would add to every certificate that it is an authority.
  writeFileSync(config, "[req]\ndistinguished_name = name\n[name]\n");
  const make = (name: string, subject: string, extensions: string[], signer?: Pair): Pair => {
    const pair = { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
    const signed = signer ? ["-CA", signer.certificate, "-CAkey", signer.key] : [];
    const extended = extensions.flatMap((extension) => ["-addext", extension]);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
    const out = ["-keyout", pair.key, "-out", pair.certificate];
    const asked = ["req", "-x509", "-config", config, "-days", "2", "-subj", subject];
    execFileSync("openssl", [...asked, ...curve, ...signed, ...extended, ...out], { stdio: "pipe" });
    return pair;
  };
  const authority = make("authority", "/CN=end2end", ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign"]);
  const signed = (name: string, subject: string, usage: string, addresses: string[]) => {
    const names = addresses.length > 0 ? [`subjectAltName=${addresses.map((address) => `IP:${address}`)}`] : [];
    const extensions = ["basicConstraints=critical,CA:FALSE", `extendedKeyUsage=${usage}`, ...names];
    return make(name, subject, extensions, authority);
  };
  return {
    authority: authority.certificate,
    apiServer: signed("apiserver", "/CN=kube-apiserver", "serverAuth", ["127.0.0.1"]),
    kubelet: signed("kubelet", "/O=system:nodes/CN=system:node:all", "serverAuth", ["127.0.0.1", ...kubelets]),
    kubeletClient: signed("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "clientAuth", []),
  };
}
