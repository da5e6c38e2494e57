import { sql } from 'drizzle-orm';
import { NATIONS } from '../../calendar/bank-holidays.ts';
import { checkAll, ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { anyAdmin, createAdmin, type Admin } from '../../organisation/admins.ts';
import { readSettings, writeInternalSetting } from '../../organisation/settings.ts';
import { acting, changeSettings } from '../acting.ts';
import { field, freshForm, rejectedForm } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash, signIn } from '../plugins/sessions.ts';

const PERSON_LABELS = { name: 'Your name', email: 'E-mail address', password: 'Password' };
const ORGANISATION_LABELS = {
  organisationName: 'Organisation',
  groupName: 'Name of the group',
  contactEmail: 'Contact address',
  postalAddress: 'Postal address',
  bankHolidays: 'Bank holidays',
};
const ORGANISATION_KEYS = [
  'organisationName',
  'groupName',
  'contactEmail',
  'postalAddress',
  'bankHolidays',
] as const;

export const NATION_NAMES: Readonly<Record<(typeof NATIONS)[number], string>> = {
  'england-and-wales': 'England and Wales',
  scotland: 'Scotland',
  'northern-ireland': 'Northern Ireland',
};

/** The first visit: who administers, which organisation it is, and (on the meetings' form) when the group meets. */
export const setUpPages = routes({ name: 'set-up', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge, loadSample } = app.deps;

  app.get('/admin/set-up', async (_request, reply) => {
    if (await anyAdmin(db)) return reply.redirect('/admin', 303);
    return reply.page('admin/set-up', { title: 'Welcome', form: freshForm() });
  });

  app.post('/admin/set-up', async (request, reply) => {
    const values = { name: field(request, 'name'), email: field(request, 'email') };
    const password = (request.body as { password?: unknown } | null)?.password;
    let admin: Admin;
    try {
      admin = await db.transaction(async (tx) => {
        // Two people on the page at once must not both become the first administrator.
        await tx.execute(sql`lock table admins in share row exclusive mode`);
        if (await anyAdmin(tx))
          throw new ConvenorError('forbidden', 'Convenor is set up already. Please sign in.');
        const input = { ...values, password: typeof password === 'string' ? password : '' };
        return createAdmin(tx, input, { clock, actor: 'system' });
      });
    } catch (error) {
      const form = rejectedForm(values, error, PERSON_LABELS);
      return reply.code(422).page('admin/set-up', { title: 'Welcome', form });
    }
    await signIn(request, admin);
    // A sample group that was loaded at the start is set up already.
    const { setupCompletedAt } = await readSettings(db);
    return reply.redirect(setupCompletedAt === undefined ? '/admin/set-up/organisation' : '/admin', 303);
  });

  app.get('/admin/set-up/organisation', async (request, reply) => {
    const { settings } = await acting(request);
    const fresh = settings.setupCompletedAt === undefined;
    return reply.page('admin/set-up-organisation', {
      title: 'Your group',
      canLoadSample: loadSample !== undefined && fresh,
      nations: nationOptions(settings.bankHolidays ?? 'off'),
      form: freshForm({
        organisationName: fresh ? '' : settings.organisationName,
        groupName: fresh ? '' : settings.groupName,
        contactEmail: settings.contactEmail || (request.admin?.email ?? ''),
        postalAddress: settings.postalAddress,
      }),
    });
  });

  app.post('/admin/set-up/organisation', async (request, reply) => {
    const context = await acting(request);
    const values = Object.fromEntries(ORGANISATION_KEYS.map((key) => [key, field(request, key)]));
    try {
      await db.transaction(async (tx) => {
        await checkAll([
          () => mustBeGiven('contactEmail', values['contactEmail']!),
          () =>
            changeSettings(
              tx,
              ORGANISATION_KEYS.map((key) => [key, values[key]!]),
              context,
            ),
        ]);
        await writeInternalSetting(tx, 'setupCompletedAt', clock.now(), context);
      });
    } catch (error) {
      return reply.code(422).page('admin/set-up-organisation', {
        title: 'Your group',
        canLoadSample: false,
        nations: nationOptions(values['bankHolidays'] ?? ''),
        form: rejectedForm(values, error, ORGANISATION_LABELS),
      });
    }
    await nudge();
    return reply.redirect('/admin/meetings/series/new?first=yes', 303);
  });

  app.post('/admin/set-up/sample', async (request, reply) => {
    const context = await acting(request);
    if (loadSample === undefined || context.settings.setupCompletedAt !== undefined) {
      throw new ConvenorError('wrong_state', 'The sample group can only be loaded into an empty Convenor.');
    }
    await loadSample();
    await writeInternalSetting(db, 'setupCompletedAt', clock.now(), context);
    await nudge();
    flash(request, 'good', 'The sample group is here. Look around: nothing is sent to anybody.');
    return reply.redirect('/admin', 303);
  });
});

function mustBeGiven(name: 'contactEmail', value: string): void {
  if (value === '') throw invalidInput({ field: name, message: 'must be given: replies to a mail go there' });
}

/** The nations whose bank holidays can be watched, and none, as options of a select box. */
export function nationOptions(chosen: string) {
  return [
    ...NATIONS.map((value) => ({ value, label: NATION_NAMES[value], selected: value === chosen })),
    { value: 'off', label: 'None', selected: chosen === 'off' },
  ];
}
