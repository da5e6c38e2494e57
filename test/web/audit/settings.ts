import { png } from '../../support/png.ts';
import type { Walk } from './walk.ts';

/** Settings, the logo, and the words of mails. */
export async function changeSettings({ act, entered, browser }: Walk): Promise<void> {
  await act('POST /admin/set-up/sample', {}, {}, 'setting.changed', 'after');
  const organisation = {
    organisationName: 'Northfield Therapy Partnership',
    groupName: 'Northfield OT Network',
    contactEmail: 'network@example.org',
    postalAddress: '1 High Street',
  };
  await act(
    'POST /admin/set-up/organisation',
    {},
    { ...organisation, bankHolidays: 'england-and-wales' },
    'setting.changed',
    'both',
  );
  await act(
    'POST /admin/settings/:group',
    { group: 'organisation' },
    { ...organisation, groupName: 'Another', brandColour: '#1b6450' },
    'setting.changed',
    'both',
  );
  const logo = { field: 'logo', name: 'logo.png', content: png(40, 20) };
  await entered(
    'POST /admin/settings/logo',
    () => browser.upload('/admin/settings/logo', {}, logo),
    'setting.changed',
    'both',
  );
  await act('POST /admin/settings/logo/remove', {}, {}, 'setting.changed', 'both');
  await act('POST /admin/settings/test-mail', {}, {}, 'test_mail.asked_for', 'neither');
  const welcome = { key: 'welcome' };
  const words = { subject: 'Welcome to {{groupName}}', words: 'Good to have you with us.' };
  await act('POST /admin/settings/mails/:key', welcome, words, 'mail_text.changed', 'both');
  const part = { part: 'words' };
  await act('POST /admin/settings/mails/:key/revert', welcome, part, 'mail_text.changed', 'both');
  await act(
    'POST /admin/wordings/:key',
    { key: 'news' },
    { text: 'I agree to news.', covers: 'yes' },
    'wording.changed',
    'both',
  );
}
