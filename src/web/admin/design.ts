import { freshForm } from '../form.ts';
import { routes } from '../plugin.ts';
import { leafOf } from '../schedule-form.ts';
import { booksView } from '../views.ts';

/** All parts that pages are made of, on one page, for whoever works on the design. */
export const designPage = routes({ name: 'design', needs: ['access', 'pages'] }, (app) => {
  app.get('/admin/design', async (_request, reply) =>
    reply.page('admin/design', {
      title: 'Components',
      section: 'more',
      lead: 'Everything that pages are made of, in every state.',
      leaf: leafOf(new Temporal.PlainDate(2027, 6, 2)),
      fullBooks: booksView({
        audience: 212,
        sent: 160,
        pending: 30,
        excluded: 12,
        unknown: 4,
        failed: 6,
        cancelled: 0,
      }),
      options: [
        { value: 'a', label: 'first', selected: true },
        { value: 'b', label: 'second', selected: false },
      ],
      form: {
        ...freshForm({ good: 'What was typed', wrong: 'not-an-address' }),
        errors: { wrong: 'E-mail address must have an @ sign.' },
        problems: [{ field: 'wrong', message: 'E-mail address must have an @ sign.' }],
      },
      tones: ['', 'good', 'info', 'warn', 'bad'].map((tone) => ({ tone, name: tone || 'plain' })),
    }),
  );
});
