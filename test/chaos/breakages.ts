import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../src/kernel/paths.ts';

interface Edit {
  /** A file of the sources. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A way to break one promise, and what the model must say of it. */
interface Breakage {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly objection: RegExp;
  /** Kinds of faults that show it; all of a short run when left out. */
  readonly faults?: readonly string[];
}

const LEDGER = 'src/announcements/ledger.ts';
const DELIVER = 'jobs/deliver.ts';

/** Each promise broken on its own: a run of the suite against it must find that out. */
export const BREAKAGES: readonly Breakage[] = [
  {
    name: 'two workers may claim the same delivery',
    edits: [
      { file: LEDGER, find: "and d.state = 'pending'\n", replace: "and d.state in ('pending', 'sending')\n" },
      // Those that are under way come first, so that two jobs for one chunk meet.
      { file: LEDGER, find: 'order by d.attempts, d.id', replace: 'order by d.attempts desc, d.id' },
    ],
    faults: ['Redis: FLUSHALL', 'Redis: killed and restarted empty'],
    objection: /^arrived \d+ times/,
  },
  {
    name: 'an uncertain outcome is sent again',
    edits: [
      {
        file: 'jobs/outcome.ts',
        find: "state: 'unknown', reason: outcome.reason }",
        replace: "state: 'pending', reason: outcome.reason, retryAt: now, senderFault: false }",
      },
    ],
    objection: /^arrived/,
  },
  {
    name: 'the work of a killed worker is sent again',
    edits: [
      { file: LEDGER, find: "state = 'unknown', settled_at", replace: "state = 'pending', settled_at" },
    ],
    objection: /^arrived \d+ times/,
  },
  {
    name: 'an opt-out is ignored at the claim and in what is pending',
    edits: [
      {
        file: LEDGER,
        find: '${exclusionReason(sql`r.topic`, now)} as reason',
        replace: 'null::text as reason',
      },
      {
        file: 'src/subscribers/consent-state.ts',
        find: "d.state = 'pending' and j.reason is not null",
        replace: 'false',
      },
    ],
    objection: /^claimed after an opt-out/,
  },
  {
    name: 'a hold is ignored at the claim',
    edits: [
      {
        file: LEDGER,
        find: "a.state = 'sending' and a.late_after",
        replace: "a.state in ('sending', 'held') and a.late_after",
      },
      {
        file: DELIVER,
        find: "where a.state = 'sending' and",
        replace: "where a.state in ('sending', 'held') and",
      },
    ],
    objection: /^claimed after an acknowledged hold/,
  },
  {
    name: 'the quiet hours are ignored while sending',
    edits: [
      { file: DELIVER, find: 'if (isQuiet(now, timeZone, quietHours))', replace: 'if (false)' },
      {
        file: DELIVER,
        find: 'if (isQuiet(clock.now(), settings.timeZone, settings.quietHours))',
        replace: 'if (false)',
      },
    ],
    objection: /^claimed in the quiet hours/,
  },
  {
    name: 'each attempt has a Message-ID of its own',
    edits: [
      {
        file: DELIVER,
        find: 'mail = makeMail({ ...delivery, deliveryId: id });',
        replace:
          'mail = { ...makeMail({ ...delivery, deliveryId: id }), messageId: `${randomUUID()}@example.org` };',
      },
    ],
    objection: /^a message that no row tells of/,
  },
  {
    name: 'one message in twenty is only said to be sent',
    edits: [
      {
        file: DELIVER,
        find: 'return await mailer.send(mail);',
        replace:
          "return id.endsWith('7') ? { result: 'accepted', response: '250' } : await mailer.send(mail);",
      },
    ],
    objection: /^sent, but never arrived/,
  },
  {
    name: 'some people are forgotten when an audience is written down',
    edits: [
      {
        file: 'src/announcements/expansion.ts',
        find: 'where ${audienceCondition(announcement)}',
        replace: "where right(md5(s.id::text), 1) <> '7' and ${audienceCondition(announcement)}",
      },
    ],
    objection: /has no row for/,
  },
];

/**
 * A build with one promise broken, from a copy of the sources.
 *
 * @throws Error when the place of an edit is not there exactly once.
 */
export function breakBuild({ name, edits }: Breakage): { program: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-broken-'));
  for (const entry of [
    'src',
    'jobs',
    'scripts',
    'templates',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
  ])
    cpSync(path.join(projectRoot, entry), path.join(folder, entry), { recursive: true });
  symlinkSync(path.join(projectRoot, 'node_modules'), path.join(folder, 'node_modules'));
  for (const { file, find, replace } of edits) {
    const place = path.join(folder, file);
    const text = readFileSync(place, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`"${name}" has no place in ${file}: ${find}`);
    writeFileSync(
      place,
      text.replace(find, () => replace),
    );
  }
  const build = "import('./scripts/lib/prepare.mjs').then(({ build }) => build())";
  execFileSync(process.execPath, ['--eval', build], { cwd: folder, stdio: 'inherit' });
  return {
    program: path.join(folder, 'dist/main.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
