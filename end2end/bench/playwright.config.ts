import base from "../playwright.config";

export default { ...base, testDir: ".", testMatch: "*.bench.ts", timeout: 300_000, maxFailures: 0, reporter: [["line"]] };
