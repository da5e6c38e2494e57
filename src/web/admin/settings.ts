import { invalidInput } from '../../kernel/errors.ts';
import { changeLogo, removeLogo } from '../../organisation/logo.ts';
import { listSettings, type SettingKey } from '../../organisation/settings.ts';
import { acting, changeSettings } from '../acting.ts';
import { field, fileField, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { LONG_SETTINGS, SETTING_CHOICES, SETTING_NAMES, SETTINGS_GROUPS } from '../settings-groups.ts';
import { nationOptions } from './set-up.ts';

/** The organisation's settings, made from the table that describes them, and its logo. */
export const settingsPages = routes({ name: 'settings', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, nudge } = app.deps;

  app.get('/admin/settings', async (_request, reply) =>
    reply.page('admin/settings', await model(freshForm(), '')),
  );

  app.post<{ Params: { group: string } }>('/admin/settings/:group', async (request, reply) => {
    const context = await acting(request);
    const group = SETTINGS_GROUPS.find(({ id }) => id === request.params.group);
    if (group === undefined) return reply.callNotFound();
    const values = Object.fromEntries(group.keys.map((key) => [key, field(request, key)]));
    try {
      await changeSettings(
        db,
        group.keys.map((key) => [key, values[key]!]),
        context,
      );
    } catch (error) {
      const form = rejectedForm(values, error, SETTING_NAMES);
      return reply.code(422).page('admin/settings', await model(form, group.id));
    }
    await nudge();
    flash(request, 'good', `“${group.title}” is saved.`);
    return reply.redirect(`/admin/settings#${group.id}`, 303);
  });

  app.post('/admin/settings/logo', async (request, reply) => {
    const context = await acting(request);
    try {
      const file = fileField(request, 'logo');
      if (file === undefined) throw invalidInput({ field: 'logo', message: 'must be chosen first' });
      await changeLogo(db, file.bytes, context);
    } catch (error) {
      const form = rejectedForm({}, error, { logo: 'The logo' });
      return reply.code(422).page('admin/settings', await model(form, 'logo'));
    }
    flash(request, 'good', 'The logo is saved. It stands at the top of every page now.');
    return reply.redirect('/admin/settings#logo-title', 303);
  });

  app.post('/admin/settings/logo/remove', async (request, reply) => {
    await removeLogo(db, await acting(request));
    flash(request, 'good', 'The logo is taken away.');
    return reply.redirect('/admin/settings#logo-title', 303);
  });

  async function model(form: FormModel, wrongGroup: string) {
    const stored = new Map((await listSettings(db)).map((view) => [view.key, view]));
    return {
      title: 'Settings',
      section: 'settings',
      form,
      groups: SETTINGS_GROUPS.map((group) => ({
        ...group,
        fields: group.keys.map((key) => {
          const view = stored.get(key)!;
          const value = group.id === wrongGroup ? (form.values[key] as string) : view.value;
          return {
            id: key,
            label: SETTING_NAMES[key] ?? key,
            hint: view.help,
            value,
            error: form.errors[key],
            isLong: LONG_SETTINGS.has(key),
            isColour: key === 'brandColour',
            options: optionsOf(key, value),
          };
        }),
      })),
    };
  }
});

function optionsOf(key: SettingKey, value: string) {
  if (key === 'bankHolidays') return nationOptions(value);
  return SETTING_CHOICES[key]?.map(([choice, label]) => ({
    value: choice,
    label,
    selected: choice === value,
  }));
}
