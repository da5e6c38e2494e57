import { formatDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { ConvenorError, notFound } from '../../kernel/errors.ts';
import {
  ADMIN_ROLES,
  changePassword,
  createAdmin,
  findAdmin,
  listAdmins,
  updateAdmin,
  type Admin,
  type AdminRole,
} from '../../organisation/admins.ts';
import { removeSecondFactor, secondFactorState } from '../../organisation/second-factor.ts';
import { acting } from '../acting.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { passwordField } from './sign-in.ts';

type ById = { Params: { id: string } };

const LABELS = { name: 'Name', email: 'E-mail address', password: 'The password', role: 'Role' };
const ROLES: Readonly<Record<AdminRole, { label: string; hint: string }>> = {
  administrator: { label: 'Administrator', hint: 'May do everything.' },
  editor: {
    label: 'Editor',
    hint: 'Writes, plans and looks things up. Does not approve, and does not see settings or who signs in.',
  },
};

/** The people who may sign in, and what they may do. */
export const peoplePages = routes({ name: 'people', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db } = app.deps;

  app.get('/admin/people', async (request, reply) => {
    const { settings } = await acting(request);
    const people = await listAdmins(db);
    const steps = await Promise.all(people.map(({ id }) => secondFactorState(db, id)));
    return reply.page('admin/people', {
      title: 'Who signs in',
      section: 'people',
      people: people.map((person, index) => ({
        id: person.id,
        name: person.name,
        email: person.email,
        role: ROLES[person.role].label,
        since: formatDate(toWall(person.createdAt, settings.timeZone).toPlainDate()),
        isMe: person.id === request.admin!.id,
        secondStep: steps[index]!.on,
        ...(person.disabledAt === null
          ? { state: 'may sign in', tone: 'good' }
          : { state: 'may not', tone: '' }),
      })),
    });
  });

  app.get('/admin/people/new', async (_request, reply) =>
    reply.page('admin/person-new', newModel(freshForm({ role: 'editor' }))),
  );

  app.post('/admin/people/new', async (request, reply) => {
    const context = await acting(request);
    const values = {
      name: field(request, 'name'),
      email: field(request, 'email'),
      role: field(request, 'role'),
    };
    try {
      const input = { ...values, role: roleOf(values.role), password: passwordField(request.body) };
      await createAdmin(db, input, context);
    } catch (error) {
      return reply.code(422).page('admin/person-new', newModel(rejectedForm(values, error, LABELS)));
    }
    flash(request, 'good', `${values.name} can sign in now. Tell them the password, and to change it.`);
    return reply.redirect('/admin/people', 303);
  });

  app.get<ById>('/admin/people/:id', async (request, reply) => {
    const person = await person_(request.params.id);
    return reply.page(
      'admin/person',
      await model(person, freshForm({ name: person.name, role: person.role })),
    );
  });

  app.post<ById>('/admin/people/:id', async (request, reply) => {
    const context = await acting(request);
    const person = await person_(request.params.id);
    const values = { name: field(request, 'name'), role: field(request, 'role') };
    try {
      await updateAdmin(db, { id: person.id, name: values.name, role: roleOf(values.role) }, context);
    } catch (error) {
      return reply.code(422).page('admin/person', await model(person, rejectedForm(values, error, LABELS)));
    }
    flash(request, 'good', 'Saved.');
    return reply.redirect('/admin/people', 303);
  });

  app.post<ById>('/admin/people/:id/access', async (request, reply) => {
    const context = await acting(request);
    const person = await person_(request.params.id);
    const disabled = field(request, 'disabled') === 'yes';
    if (disabled && person.id === request.admin!.id) {
      throw new ConvenorError('conflict', 'You cannot lock yourself out. Let another administrator do it.');
    }
    await updateAdmin(db, { id: person.id, disabled }, context);
    flash(
      request,
      'good',
      disabled ? `${person.name} was signed out and may not sign in.` : `${person.name} may sign in again.`,
    );
    return reply.redirect('/admin/people', 303);
  });

  app.post<ById>('/admin/people/:id/password', async (request, reply) => {
    const context = await acting(request);
    const person = await person_(request.params.id);
    try {
      await changePassword(db, { id: person.id, password: passwordField(request.body) }, context);
    } catch (error) {
      const form = rejectedForm({ name: person.name, role: person.role }, error, LABELS);
      return reply.code(422).page('admin/person', await model(person, form));
    }
    flash(
      request,
      'good',
      `${person.name} has a new password and was signed out. Tell them, and to change it.`,
    );
    return reply.redirect('/admin/people', 303);
  });

  app.post<ById>('/admin/people/:id/second-step/remove', async (request, reply) => {
    const context = await acting(request);
    const person = await person_(request.params.id);
    await removeSecondFactor(db, person.id, context);
    flash(request, 'good', `${person.name} signs in without the second step now, and can set it up anew.`);
    return reply.redirect('/admin/people', 303);
  });

  async function person_(id: string): Promise<Admin> {
    const found = await findAdmin(db, id);
    if (found === undefined) throw notFound('person', id);
    return found;
  }

  async function model(person: Admin, form: FormModel) {
    return {
      title: person.name,
      section: 'people',
      back: { href: '/admin/people', label: 'Who signs in' },
      person: {
        id: person.id,
        name: person.name,
        email: person.email,
        disabled: person.disabledAt !== null,
        secondStep: (await secondFactorState(db, person.id)).on,
      },
      roles: roleChoices(String(form.values['role'])),
      form,
    };
  }
});

function newModel(form: FormModel) {
  return {
    title: 'Let somebody sign in',
    section: 'people',
    back: { href: '/admin/people', label: 'Who signs in' },
    roles: roleChoices(form.values['role'] as string),
    form,
  };
}

function roleChoices(chosen: string) {
  return ADMIN_ROLES.map((role) => ({ role, ...ROLES[role], chosen: role === chosen }));
}

function roleOf(text: string): AdminRole {
  return ADMIN_ROLES.find((role) => role === text) ?? 'editor';
}
