import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
let other: OpenDatabase;
beforeAll(async () => {
  cli = await openTestCli();
  other = await openTestDatabase();
});
beforeEach(() => cli.reset());
afterAll(async () => {
  await cli[Symbol.asyncDispose]();
  await other.close();
});

interface Report {
  file: string;
  bytes: number;
  rows: Record<string, number>;
  removed: string[];
}

function linesOf(file: string): string[] {
  return gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
}

/** Fills another database from the lines of a backup, as any Postgres can. */
async function fill(lines: readonly string[]): Promise<void> {
  await emptyDatabase(other);
  let table: { table: string; columns: string[]; rows: number } | undefined;
  let left = 0;
  for (const line of lines.slice(1)) {
    if (left === 0) {
      const head = JSON.parse(line) as { end?: true };
      if (head.end) return;
      table = head as typeof table;
      left = table!.rows;
      continue;
    }
    const columns = sql.join(
      table!.columns.map((column) => sql.identifier(column)),
      sql`, `,
    );
    const name = sql.identifier(table!.table);
    await other.db.execute(
      sql`insert into ${name} (${columns}) select ${columns} from jsonb_populate_record(null::${name}, ${line}::text::jsonb)`,
    );
    left -= 1;
  }
}

async function contents(database: OpenDatabase, table: string): Promise<unknown[]> {
  return rows(
    database.db,
    sql`select row_to_json(t)::text as row from ${sql.identifier(table)} t order by 1`,
  );
}

describe('backup', () => {
  beforeEach(async () => {
    await cli.run('settings', 'set', 'groupName', 'Northfield “OTs” 🎉');
    for (const name of ['ann', 'bo', 'cy'])
      await cli.run('subscribers', 'add', `${name}@example.org`, '--name', 'Zoë\\"');
    const meeting = ['--title', 'Splints', '--start', '2026-12-02T19:00', '--duration', '60'];
    await cli.run(
      'meetings',
      'add',
      ...meeting,
      '--link',
      'https://zoom.us/j/1',
      '--remind',
      '1h',
      '--remind',
      '7d@09:00',
    );
    await cli.database.db.execute(
      sql`insert into outbox_messages (id, at, recipient, subject, message_id, raw)
        values (gen_random_uuid(), '2026-11-01T10:00:00.123456Z', 'ann@example.org', 's', 'm@example.org', '\\x00ff0d0a'::bytea)`,
    );
  });

  it('holds every row as it is: another database can be filled from it', async () => {
    const { status, json } = await cli.run('backup', '--json');
    expect(status).toBe(0);
    const { file, bytes, rows: counts } = json<Report>();
    expect(file).toBe(path.join(cli.folder, 'backups', 'convenor-20261101T100000Z.jsonl.gz'));
    expect(bytes).toBe(statSync(file).size);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(counts).toMatchObject({
      subscribers: 3,
      consent_events: 3,
      meetings: 1,
      announcements: 2,
      outbox_messages: 1,
    });
    expect(counts).not.toHaveProperty('sessions');
    await fill(linesOf(file));
    for (const table of Object.keys(counts)) {
      expect({ table, rows: await contents(other, table) }).toEqual({
        table,
        rows: await contents(cli.database, table),
      });
    }
    expect(await verifyLedger(other.db)).toMatchObject({ ok: true, events: 3 });
  });

  it('says of itself whether it is whole', async () => {
    const { file } = (await cli.run('backup', '--out', 'mine.gz', '--json')).json<Report>();
    expect(file).toBe(path.join(cli.folder, 'mine.gz'));
    const lines = linesOf(file);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      format: 'convenor-backup-1',
      madeAt: '2026-11-01T10:00:00Z',
    });
    const { sha256 } = JSON.parse(lines.pop()!) as { sha256: string };
    expect(
      createHash('sha256')
        .update(`${lines.join('\n')}\n`)
        .digest('hex'),
    ).toBe(sha256);
  });

  it('keeps as many as asked for and touches no other file', async () => {
    const folder = path.join(cli.folder, 'backups');
    await cli.run('backup');
    writeFileSync(path.join(folder, 'notes.txt'), 'mine');
    for (let day = 0; day < 3; day++) {
      cli.clock.advance({ hours: 24 });
      await cli.run('backup', '--keep', '2');
    }
    expect(readdirSync(folder).toSorted()).toEqual([
      'convenor-20261103T100000Z.jsonl.gz',
      'convenor-20261104T100000Z.jsonl.gz',
      'notes.txt',
    ]);
    expect((await cli.run('backup', '--keep', '0')).status).toBe(2);
  });

  it('leaves nothing half-written behind', async () => {
    writeFileSync(path.join(cli.folder, 'in-the-way'), '');
    const refused = await cli.run('backup', '--out', 'in-the-way/backup.gz', '--json');
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'unavailable' } });
    const signal = AbortSignal.abort();
    expect((await cli.runAtTerminal({ signal }, 'backup', '--out', 'broken.gz')).status).toBe(1);
    expect(existsSync(path.join(cli.folder, 'broken.gz'))).toBe(false);
    expect(existsSync(path.join(cli.folder, 'broken.gz.part'))).toBe(false);
  });
});
