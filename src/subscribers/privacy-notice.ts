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
      heading: 'What we keep and what for',
      paragraphs: [
        'Your e-mail address, your name if you gave it, whether you are an occupational therapist or a student, your HCPC number if you gave it, who invited you, what you agreed to and when, and what we sent you; your answers to invitations and what you asked, when you were at a meeting, and your certificates; and what you hand in for the noticeboard. We use it to send you the mail you asked for, to run our meetings, and to prove that you asked. You need not give us any of it, but without an address we cannot mail you.',
        'If somebody else gave us your address, for example when an existing list was taken over, your record says so.',
        'We do not track whether you open our mail or what you click, and no decision about you is made by a machine.',
      ],
    },
    {
      heading: 'On what basis',
      paragraphs: [
        'We mail you because you agreed (UK GDPR Article 6(1)(a)). You can withdraw that at any time with the link in every mail; it is as easy as agreeing was. We keep proof of what you agreed to, and the addresses that must not be mailed again, because we have a legitimate interest in keeping to the law (Article 6(1)(f)).',
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
        'You can see everything we keep about you, have it corrected or erased, get it as a file, and object to its use. The links in every mail and on your preferences page do most of this at once; otherwise write to us. We answer within one month.',
        'After an erasure we keep a code made from your address, from which the address cannot be read, so that no old list brings it back.',
      ],
    },
    {
      heading: 'Complaints',
      paragraphs: [
        'You can complain to us on our complaints page. We acknowledge it within 30 days and answer without undue delay. You can also complain to the Information Commissioner’s Office, ico.org.uk, 0303 123 1113.',
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

/** Each class of data and how long it is kept, in the words of the settings. */
function retentionList(settings: Settings): string[] {
  return (Object.keys(SETTINGS) as SettingKey[])
    .filter((key) => key.startsWith('retention'))
    .map((key) => {
      const what = SETTINGS[key].help.replace(/^How long we keep /, '').replace(/\.$/, '');
      const value = formatRetention(settings[key as 'retentionLeft']);
      return `${what[0]!.toUpperCase()}${what.slice(1)}: ${value === 'keep' ? 'as long as the group exists' : value}`;
    });
}
