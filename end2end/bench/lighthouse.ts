// The score that Lighthouse gives a page on its own simulated phone and line, in a browser of its own: its imports are
// heavy, and only this needs them.
import { chromium } from "@playwright/test";
import lighthouse from "lighthouse";
import base from "../playwright.config";
import { freePort } from "../tests/support/process";

export interface Score {
  /** 0 to 100. */
  performance: number;
  /** Milliseconds by the name of the audit. */
  audits: Record<string, number>;
}

/** What it says of a page's performance. */
export async function score(url: string): Promise<Score> {
  const port = await freePort();
  const { executablePath, args = [] } = base.use?.launchOptions ?? {};
  const browser = await chromium.launch({ executablePath, args: [...args, `--remote-debugging-port=${port}`] });
  try {
    const found = await lighthouse(url, { port, onlyCategories: ["performance"], logLevel: "error" });
    if (!found || found.lhr.runtimeError) throw new Error(`Lighthouse: ${found?.lhr.runtimeError?.message ?? "no result"}`);
    const audits = Object.entries(found.lhr.audits).map(([name, audit]) => [name, audit.numericValue ?? Number.NaN]);
    return { performance: (found.lhr.categories.performance.score ?? 0) * 100, audits: Object.fromEntries(audits) };
  } finally {
    await browser.close();
  }
}
