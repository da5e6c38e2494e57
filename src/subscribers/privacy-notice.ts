import { formatRetention } from '../organisation/setting-types.ts';
import { SETTINGS, type SettingKey, type Settings } from '../organisation/settings.ts';

export interface NoticeSection {
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly list?: readonly string[];
}

/**
 * The privacy notice, made from the settings: who, what for, on what basis, who receives it, how long, which
 * rights, how to complain (UK GDPR Art. 13 and 14; Data Protection Act 2018 s. 164A).
 */
export function privacyNotice(settings: Settings): NoticeSection[] {
  const { organisationName, groupName, postalAddress, contactEmail, privacyProcessors } = settings;
  const contact = [contactEmail, postalAddress.replaceAll('\n', ', ')].filter(Boolean).join('; ');
  return [
    {
      heading: 'Who is responsible',
      paragraphs: [
        `${organisationName} runs ${groupName} and is responsible for your data.${contact === '' ? '' : ` You can reach us at ${contact}.`}`,
      ],
    },
    {
      heading: 'What we keep',
      paragraphs: [],
      list: [
        'Your e-mail address, and your name and HCPC number if you gave them.',
        'Whether you are an occupational therapist or a student, and who invited you.',
        'What you agreed to and when, and what we sent you.',
        'Your answers to invitations, and what you asked.',
        'When you were at a meeting, and your certificates.',
        'What you hand in for the noticeboard.',
      ],
    },
    {
      heading: 'What we use it for',
      paragraphs: [
        'We send you the mail you asked for, run our meetings, and can show that you asked. You need not give us any of it. But without an address we cannot mail you.',
        'Your record says so if somebody else gave us your address, for example when we took over an old list.',
        'We do not track whether you open our mail or what you click. No machine makes a decision about you.',
      ],
    },
    {
      heading: 'On what basis',
      paragraphs: [
        'We mail you because you agreed (UK GDPR Article 6(1)(a)). You can withdraw that at any time with the link in every mail. It is as easy as agreeing was.',
        'We keep proof of what you agreed to. We also keep the addresses that must not be mailed again. We do so because we have a legitimate interest in keeping to the law (Article 6(1)(f)).',
      ],
    },
    {
      heading: 'Who else receives it',
      paragraphs: [
        privacyProcessors === ''
          ? 'Nobody but the services that send our mail and run our meetings for us.'
          : privacyProcessors,
      ],
    },
    { heading: 'How long we keep it', paragraphs: [], list: retentionList(settings) },
    {
      heading: 'Your rights',
      paragraphs: [
        'You can see all that we keep about you and get it as a file. You can have it corrected or erased, and object to its use. The links in every mail and on your preferences page do most of this at once. For the rest, write to us. We answer within one month.',
        'After an erasure we keep a code made from your address, so that no old list brings it back. Nobody can read the address from the code.',
      ],
    },
    {
      heading: 'Complaints',
      paragraphs: [
        'You can complain to us on our complaints page. We tell you within 30 days that we have it, and answer without undue delay. You can also complain to the Information Commissioner’s Office, ico.org.uk, 0303 123 1113.',
      ],
    },
  ];
}

/** The notice as one text: what is kept as the version that somebody was shown. */
export function privacyNoticeText(settings: Settings): string {
  return privacyNotice(settings)
    .map(({ heading, paragraphs, list = [] }) =>
      [heading, ...paragraphs, ...list.map((item) => `- ${item}`)].join('\n'),
    )
    .join('\n\n');
}

/** Each class of data and how long it is kept: what no setting shortens, then the settings in their own words. */
function retentionList(settings: Settings): string[] {
  const kept = [
    'Your details: as long as you are on the list',
    'The proof of what was agreed to and withdrawn, without name and address: as long as the group exists',
  ];
  const set = (Object.keys(SETTINGS) as SettingKey[])
    .filter((key) => key.startsWith('retention'))
    .map((key) => {
      const what = SETTINGS[key].help.replace(/^How long we keep /, '').replace(/\.$/, '');
      const value = formatRetention(settings[key as 'retentionLeft']);
      return `${what[0]!.toUpperCase()}${what.slice(1)}: ${value === 'keep' ? 'as long as the group exists' : value}`;
    });
  return [...kept, ...set];
}
