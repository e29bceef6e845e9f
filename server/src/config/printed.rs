//! The effective configuration in one line of the log, with secrets hidden.

use std::fmt;

use super::Config;

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = |keep: store::Keep| keep.age / model::DAY;
        write!(
            f,
            "demo={:?} kubeconfig={:?} contexts={:?} namespaces={:?} log_streams={} log_namespaces={:?} kubelets={:?} listen={} otlp_grpc={} otlp_http={} otlp_max_bytes={} \
             accept_past={:?} accept_future={:?} memory_limit={:?} otlp_origins={:?} data={:?} retention={}d/{}B summaries={}d/{}B disk_reserve={:?} values={:?} access={:?} allowed_hosts={:?} \
             metrics_token={} log={}",
            self.demo,
            self.kubeconfig,
            self.contexts,
            self.namespaces,
            self.log_streams,
            self.log_namespaces,
            self.kubelets,
            self.listen,
            self.otlp_grpc,
            self.otlp_http,
            self.otlp_max_bytes,
            self.accept_past,
            self.accept_future,
            self.memory_limit,
            self.otlp_origins,
            self.data,
            days(self.raw),
            self.raw.bytes,
            days(self.summaries),
            self.summaries.bytes,
            self.disk_reserve,
            self.values,
            self.access,
            self.allowed_hosts,
            self.metrics_token.as_ref().map_or("none", |_| "***"),
            self.log,
        )
    }
}
