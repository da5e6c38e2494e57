import type { Settings } from '../organisation/settings.ts';

/**
 * The policy that everybody who joins agrees to keep, as text with an empty line between paragraphs: what the
 * organisation has written, else a text that suits a group of this kind.
 */
export function groupPolicyText(settings: Settings): string {
  const { groupPolicy, groupName, organisationName, contactEmail, clinicalLine } = settings;
  if (groupPolicy !== '') return groupPolicy;
  const write = contactEmail === '' ? '' : ` You reach us at ${contactEmail}.`;
  return [
    `${groupName} is for occupational therapists and students of occupational therapy. ${organisationName} runs it. It costs nothing.`,
    'We meet to learn from each other. Everybody may speak, and nobody has to. We listen, and we treat each other with respect.',
    'What people tell about their work stays in the group. We never say who a patient or client is. We leave out anything that could show it.',
    ...(clinicalLine === '' ? [] : [clinicalLine]),
    'Meetings are not recorded unless everybody was asked first and agreed.',
    'Open positions, courses and requests go out in our mails after somebody has looked at them. We send only what is of use to occupational therapists.',
    'Addresses of the group are for the group. Nobody may collect them or use them for advertising.',
    `Whoever does not keep to this may be taken off the list. If something troubles you, tell us: we will listen and act.${write}`,
  ].join('\n\n');
}
