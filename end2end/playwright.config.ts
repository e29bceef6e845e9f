import { defineConfig } from "@playwright/test";

// One worker: the control plane, Binnacle and Chromium share two cores.
export default defineConfig({
  testDir: "tests",
  fullyParallel: false,
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  retries: process.env.CI ? 1 : 0,
  // A broken build must not eat CI's budget test by test; what never ran counts as failed.
  globalTimeout: 50 * 60_000,
  maxFailures: process.env.CI ? 12 : 0,
  expect: { timeout: 15_000 },
  outputDir: "results",
  reporter: [["list"], ["./reporter.ts"]],
  use: {
    // Tests say so when they are about another width or theme.
    viewport: { width: 1280, height: 900 },
    timezoneId: "UTC",
    locale: "en-GB",
    screenshot: "only-on-failure",
    trace: process.env.TRACE ? "retain-on-failure" : "off",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
