import type { Pitfall } from '../pitfall.ts';

export const CONSENT: readonly Pitfall[] = [
  {
    row: 'U1',
    about: 'A scanner that follows links takes people off the list.',
    file: 'test/web/leave.test.ts',
    test: 'changes nothing by %s, however often a scanner follows it',
    mutation: {
      file: 'src/web/public/leave.ts',
      find: "    return reply.page('public/leave', {",
      replace:
        "    await unsubscribe(db, { subscriberId: subscriber!.id, topic: 'all', source: 'one_click' }, { clock });\n    return reply.page('public/leave', {",
    },
  },
  {
    row: 'U2',
    about:
      'An answering machine takes somebody off the list: we ask machines not to answer, and read no answers.',
    file: 'test/mail/compose.test.ts',
    test: 'has no list headers, and still stops answering machines',
    mutation: {
      file: 'src/mail/compose.ts',
      find: "    'Auto-Submitted': 'auto-generated',\n",
      replace: '',
    },
  },
  {
    row: 'U3',
    about: 'The page says that somebody has left, and nothing has changed.',
    file: 'test/web/leave-every-mail.test.ts',
    test: 'of kind $kind leads out, in HTML and in plain text',
    mutation: {
      file: 'src/web/public/leave.ts',
      find: "topic: 'all',\n        source: oneClick",
      replace: "topic: 'news',\n        source: oneClick",
    },
  },
  {
    row: 'U4',
    about: 'The header to leave by gets lost when mail is rewritten.',
    file: 'test/mail/compose.test.ts',
    test: 'carries each header of list mail once',
    mutation: {
      file: 'src/mail/compose.ts',
      find: "          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',\n",
      replace: '',
    },
  },
  {
    row: 'U5',
    about: 'Somebody who comes back is refused elsewhere, and the refusal is hidden or forced.',
    file: 'test/sync/contradictions.test.ts',
    test: 'show the refusal to take somebody back as what it is, and drop it when they come back themselves',
    mutation: {
      file: 'src/sync/push-settle.ts',
      find: "found.push({ kind: 'not_taken_back', subscriberId, mailerliteId: error.subscriberId ?? null });",
      replace: '',
    },
  },
  {
    row: 'U7',
    about: 'Two sign-ups at the same time make two people.',
    file: 'test/subscribers/joining.test.ts',
    test: 'twice at once makes one person and one mail; the later choice holds',
    mutation: {
      file: 'src/subscribers/joining.ts',
      find: 'emailNormalised: normalised,',
      replace: 'emailNormalised: `${normalised}${Math.random()}`,',
    },
  },
  {
    row: 'U8',
    about: 'An import brings back who has left.',
    file: 'test/subscribers/import.test.ts',
    test: 'never brings back who left, was removed, turned a topic off or is on the do-not-mail list',
    mutation: {
      file: 'src/subscribers/enrol.ts',
      find: "if (known.state === 'left') return",
      replace: "if (known.state === ('gone' as string)) return",
    },
  },
  {
    row: 'U9',
    about: 'A webhook that was missed is missed for good.',
    file: 'test/sync/both-sides.test.ts',
    test: 'follow an opt-out heard of by %s',
    mutation: {
      file: 'src/sync/decide.ts',
      find: 'return { ...NOTHING, withdraw, optedOutAt',
      replace: 'return { ...NOTHING, withdraw: [], optedOutAt',
    },
  },
];
