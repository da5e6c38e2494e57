import type { Admin } from '../organisation/admins.ts';

interface Place {
  readonly section: string;
  readonly href: string;
  readonly label: string;
  readonly icon: string;
  readonly about?: string;
  readonly administratorOnly?: true;
  /** The letter that leads there after a "g". */
  readonly key?: string;
}

const DAILY: readonly Place[] = [
  { section: 'overview', key: 'o', href: '/admin', label: 'Overview', icon: 'icons/home' },
  { section: 'meetings', key: 'm', href: '/admin/meetings', label: 'Meetings', icon: 'icons/calendar' },
  {
    section: 'announcements',
    key: 'a',
    href: '/admin/announcements',
    label: 'Announcements',
    icon: 'icons/send',
  },
  {
    section: 'subscribers',
    key: 's',
    href: '/admin/subscribers',
    label: 'Subscribers',
    icon: 'icons/people',
  },
];

const REST: readonly Place[] = [
  {
    section: 'items',
    href: '/admin/items',
    label: 'Noticeboard',
    icon: 'icons/list',
    about: 'Vacancies, training and requests that people hand in.',
  },
  {
    section: 'outbox',
    key: 'b',
    href: '/admin/outbox',
    label: 'Outbox',
    icon: 'icons/inbox',
    about: 'Mails that are kept here because no mail server is set up.',
  },
  {
    section: 'mailerlite',
    href: '/admin/mailerlite',
    label: 'MailerLite',
    icon: 'icons/repeat',
    about: 'How the list here and the list there stand to each other.',
    administratorOnly: true,
  },
  {
    section: 'wordings',
    href: '/admin/wordings',
    label: 'Agreements',
    icon: 'icons/shield',
    about: 'The texts that people agree to when they join.',
    administratorOnly: true,
  },
  {
    section: 'complaints',
    href: '/admin/complaints',
    label: 'Complaints',
    icon: 'icons/alert',
    about: 'What people complain about, and what came of it.',
    administratorOnly: true,
  },
  {
    section: 'settings',
    key: 'e',
    href: '/admin/settings',
    label: 'Settings',
    icon: 'icons/settings',
    about: 'The organisation, quiet hours, bank holidays, colour.',
    administratorOnly: true,
  },
  {
    section: 'people',
    href: '/admin/people',
    label: 'Who signs in',
    icon: 'icons/key',
    about: 'Administrators and editors.',
    administratorOnly: true,
  },
  {
    section: 'audit',
    href: '/admin/audit',
    label: 'What was done',
    icon: 'icons/book',
    about: 'Every change, by whom, with before and after.',
    administratorOnly: true,
  },
  {
    section: 'account',
    href: '/admin/account',
    label: 'My account',
    icon: 'icons/person',
    about: 'Password, second step, where you are signed in.',
  },
  {
    section: 'queues',
    href: '/admin/queues',
    label: 'Queues',
    icon: 'icons/queue',
    about: 'The work in the background, for the technically curious.',
    administratorOnly: true,
  },
];

interface NavigationItem extends Place {
  readonly current: boolean;
}

/** The navigation as the layouts show it: at the side, and on a phone as tabs with a page for the rest. */
export interface Navigation {
  readonly daily: readonly NavigationItem[];
  readonly rest: readonly NavigationItem[];
  /** What the keyboard does, for the dialog that explains it. */
  readonly keys: readonly { readonly keys: readonly string[]; readonly label: string }[];
  /** Whether the page belongs to what the phone's tabs reach by "More". */
  readonly inMore: boolean;
}

export function adminNavigation(section: string, admin: Admin | null): Navigation {
  const mark = (place: Place): NavigationItem => ({ ...place, current: place.section === section });
  const rest = REST.filter((place) => !place.administratorOnly || admin?.role === 'administrator').map(mark);
  const keys = [
    ...[...DAILY, ...rest].flatMap(({ key, label }) =>
      key === undefined ? [] : [{ keys: ['g', key], label }],
    ),
    { keys: ['n'], label: 'Something new on this page' },
    { keys: ['/'], label: 'Search on this page' },
    { keys: ['?'], label: 'This list' },
  ];
  return {
    daily: DAILY.map(mark),
    rest,
    keys,
    inMore: section === 'more' || rest.some((place) => place.current),
  };
}
