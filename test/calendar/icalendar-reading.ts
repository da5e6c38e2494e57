import { expect } from 'vitest';

/** The lines of a calendar file as they are on the wire, after checking the rules of RFC 5545 section 3.1. */
export function wireLines(content: string): string[] {
  expect(content.endsWith('\r\n')).toBe(true);
  expect(content.replaceAll('\r\n', '')).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  const lines = content.slice(0, -2).split('\r\n');
  for (const line of lines) {
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
    expect(line).not.toBe('');
    expect(line).not.toContain('\ufffd');
  }
  return lines;
}

/** The logical lines: unfolded. */
export function contentLines(content: string): string[] {
  const lines: string[] = [];
  for (const line of wireLines(content)) {
    if (line.startsWith(' ')) lines[lines.length - 1] += line.slice(1);
    else lines.push(line);
  }
  return lines;
}

/** How often each property occurs, by name, parameters left out. */
export function propertyCounts(content: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of contentLines(content)) {
    const name = /^[A-Z-]+/.exec(line)?.[0] ?? '';
    expect(line.slice(name.length)).toMatch(/^[;:]/);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
