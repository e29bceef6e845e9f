//go:build tools

// Package senders names the command that .ci/tools builds, so that go.mod and go.sum hold exactly what it needs.
package senders

import (
	_ "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen"
)
