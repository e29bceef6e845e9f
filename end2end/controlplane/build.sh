#!/usr/bin/env bash
# Builds the control plane's commands into the folder given; Go's own cache makes
# a second run cheap.
set -euo pipefail
target=$1
cd "$(dirname "$0")"
version=$(go list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes)
# The API server refuses to serve its own resources without a version to compare with.
minor=${version#v1.}
stamp="-X k8s.io/component-base/version.gitVersion=$version"
stamp+=" -X k8s.io/component-base/version.gitMajor=1"
stamp+=" -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
mkdir -p "$target"
# GOFLAGS is set, not extended: a user's own flags would miss the cache.
GOFLAGS=-mod=readonly nice -n 5 go build -trimpath -buildvcs=false -ldflags "-s -w $stamp" -o "$target/" \
  k8s.io/kubernetes/cmd/kube-apiserver \
  k8s.io/kubernetes/cmd/kube-controller-manager \
  k8s.io/kubernetes/cmd/kube-scheduler \
  sigs.k8s.io/kwok/cmd/kwok \
  go.etcd.io/etcd/server/v3
# The etcd command is its module's root, so go names it after the module.
if [ -e "$target/v3" ]; then mv "$target/v3" "$target/etcd"; fi
if [ -e "$target/server" ]; then mv "$target/server" "$target/etcd"; fi
