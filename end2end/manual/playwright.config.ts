import base from "../playwright.config";

export default { ...base, testDir: ".", testMatch: "*.manual.ts", timeout: 0, globalTimeout: 0, reporter: [["line"]] };
