import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type ConfigData, HtmlValidate, type ResolvedConfig, StaticConfigLoader } from 'html-validate';
import type { Browser as Chromium, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

/** Works the configuration out once rather than for each page, which took as long as the page. */
class OneConfig extends StaticConfigLoader {
  #resolved: ResolvedConfig | Promise<ResolvedConfig> | undefined;

  override getConfigFor(handle: string): ResolvedConfig | Promise<ResolvedConfig> {
    return (this.#resolved ??= super.getConfigFor(handle));
  }
}

const RULES: ConfigData = {
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
};
const validator = new HtmlValidate(new OneConfig(RULES));

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

/** The rules that a change of colours can change. They cost more than all others together. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/** What axe-core finds on the page by WCAG 2.2 AA and its best practices, but for colours, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const off = COLOUR_RULES.map((rule) => [rule, { enabled: false }]);
  return axeFaults(page, 'document', { rules: Object.fromEntries(off) });
}

/**
 * Evaluated in the browser: the texts of the page by what decides whether they can be read: letters, what makes a link
 * one, and everything behind them.
 */
const TEXTS = `(() => {
  const texts = new Map();
  const behind = new Map([[null, '']]);
  const ground = (element) => {
    if (!behind.has(element)) {
      const { backgroundColor, backgroundImage, opacity, position } = getComputedStyle(element);
      const own = [backgroundColor, backgroundImage, opacity, position].join(' ');
      const plain = own === 'rgba(0, 0, 0, 0) none 1 static';
      behind.set(element, ground(element.parentElement) + (plain ? '' : '/' + own));
    }
    return behind.get(element);
  };
  for (const element of document.body.querySelectorAll('*')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!hasText && !element.matches('input, select, textarea')) continue;
    const { width, height, right, bottom } = element.getBoundingClientRect();
    if (width < 2 || height < 2 || right < 0 || bottom < 0) continue;
    const style = getComputedStyle(element);
    const letters = [style.color, style.fontSize, style.fontWeight, style.textShadow];
    const parent = element.parentElement;
    const link = element.localName === 'a' && [
      style.textDecorationLine,
      style.borderBottomWidth,
      getComputedStyle(parent).color,
      parent.textContent.trim() === element.textContent.trim(),
    ];
    const disabled = [element, element.control].some((one) => one?.matches(':disabled, [aria-disabled=true]'));
    const key = [...letters, link, disabled, ground(element)].join('|');
    texts.set(key, [...(texts.get(key) ?? []), element]);
  }
  return texts;
})()`;

/**
 * What axe-core finds wrong with the colours of texts that are not in `known`, which then has them: the same letters
 * before the same ground can be read as well on the next page.
 */
export async function colourFaults(page: Page, known = new Set<string>()): Promise<string[]> {
  const texts = (await page.evaluate(`texts = ${TEXTS}; [...texts.keys()]`)) as string[];
  const fresh = texts.filter((text) => !known.has(text));
  for (const text of fresh) known.add(text);
  if (fresh.length === 0) return [];
  const include = `${JSON.stringify(fresh)}.flatMap((text) => texts.get(text))`;
  return axeFaults(page, `{ include: ${include} }`, { runOnly: COLOUR_RULES });
}

async function axeFaults(page: Page, context: string, options: object): Promise<string[]> {
  // The policy of our pages lets no other script in; a debugger may still run one.
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe);
  const choice = JSON.stringify({ iframes: false, preload: false, resultTypes: ['violations'], ...options });
  const { violations } = (await page.evaluate(`axe.run(${context}, ${choice})`)) as AxeResult;
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
