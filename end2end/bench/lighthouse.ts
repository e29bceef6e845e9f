// The score that Lighthouse gives a page on its own simulated phone and line, in a browser of its own. Its packages
// are many: `make bench` installs them (package.json beside this), nothing else needs them, and what of its answer is
// read is written down here.
import { chromium } from "@playwright/test";
import base from "../playwright.config";
import { freePort } from "../tests/support/process";

export interface Score {
  /** 0 to 100. */
  performance: number;
  /** Milliseconds by the name of the audit. */
  audits: Record<string, number>;
}

/** What is read of its answer. */
interface Answer {
  lhr: {
    runtimeError?: { message?: string };
    categories: { performance: { score: number | null } };
    audits: Record<string, { numericValue?: number }>;
  };
}

type Lighthouse = (url: string, flags: { port: number; onlyCategories: string[]; logLevel: string }) => Promise<Answer | undefined>;

const PACKAGE = "lighthouse";

/** What it says of a page's performance. */
export async function score(url: string): Promise<Score> {
  const port = await freePort();
  const { executablePath, args = [] } = base.use?.launchOptions ?? {};
  const { default: lighthouse }: { default: Lighthouse } = await import(PACKAGE);
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
