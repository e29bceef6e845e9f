// What failed at first and passed in a retry, by name; then the line that CI reads, last: "N passed, N failed".
import type { FullConfig, FullResult, Reporter, Suite } from "@playwright/test/reporter";

export default class Totals implements Reporter {
  private suite?: Suite;

  onBegin(_config: FullConfig, suite: Suite): void {
    this.suite = suite;
  }

  onEnd(result: FullResult): void {
    const tests = this.suite?.allTests() ?? [];
    const passed = tests.filter((test) => ["expected", "flaky"].includes(test.outcome())).length;
    const skipped = tests.filter((test) => test.expectedStatus === "skipped").length;
    // What never ran, because a hook failed or the run was stopped, has not passed.
    const failed = tests.length - passed - skipped;
    // A broken fixture or config fails the run without failing a test.
    const broken = result.status !== "passed" && failed === 0 ? 1 : 0;
    // They have passed, and are said: a test that fails now and then is a bug of it or of what it tests.
    const flaky = tests.filter((test) => test.outcome() === "flaky");
    if (flaky.length > 0) console.log(`${flaky.length} flaky`);
    for (const test of flaky) console.log(`  ${test.titlePath().filter(Boolean).join(" › ")}`);
    if (skipped > 0) console.log(`${skipped} skipped`);
    console.log(`${passed} passed, ${failed + broken} failed`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
