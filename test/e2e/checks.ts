import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { HtmlValidate } from 'html-validate';
import type { Browser as Chromium, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

const validator = new HtmlValidate({
  extends: ['html-validate:recommended', 'html-validate:a11y'],
  rules: {
    // Handlebars leaves spaces where a condition was; they mean nothing.
    'no-trailing-whitespace': 'off',
    'void-style': 'off',
    // Tables become lists on a phone by CSS, which would take their meaning from them without the roles.
    'no-redundant-role': 'off',
    // Reminders are rows of fields with the same names.
    'form-dup-name': 'off',
    // A subject of a mail is the title of its page.
    'long-title': 'off',
  },
});

/** What is wrong with a page's HTML, one line each. */
export async function htmlFaults(html: string): Promise<string[]> {
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) =>
    messages.map(
      ({ ruleId, message, line, selector }) => `${ruleId}: ${message} (line ${line}, ${selector ?? ''})`,
    ),
  );
}

/** Defines `axe`; as an init script of a window it is sent to the browser once for all pages. */
export const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  readonly violations: readonly {
    id: string;
    help: string;
    nodes: readonly { target: unknown; failureSummary?: string }[];
  }[];
}

/** What axe-core finds on the page by WCAG 2.2 AA and its best practices, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  return axeFaults(page, {});
}

/** What axe-core finds by the rules that a change of colours can change. */
export async function colourFaults(page: Page): Promise<string[]> {
  return axeFaults(page, { runOnly: ['color-contrast', 'link-in-text-block'] });
}

async function axeFaults(page: Page, options: { runOnly?: readonly string[] }): Promise<string[]> {
  // The policy of our pages lets no other script in; a debugger may still run one.
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe);
  const choice = JSON.stringify({ iframes: false, preload: false, resultTypes: ['violations'], ...options });
  const { violations } = (await page.evaluate(`axe.run(${choice})`)) as AxeResult;
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${String(target)} ${failureSummary ?? ''}`),
  );
}

/** By how much the page is wider than its window. */
export async function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

/** Chromium without a window; `CHROMIUM` names the program when it is not the one of Debian. */
export async function openChromium(): Promise<Chromium> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}
