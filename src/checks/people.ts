/**
 * Words that may tell who somebody is. The group's rule is to anonymise what is said about people, so every finding is
 * a warning to confirm: a name may well be meant to be there.
 */
import type { Finding } from '../kernel/finding.ts';
import { outlineOf } from './text.ts';
import type { Checked } from './types.ts';

const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
/** Ten digits and more, as telephone numbers are written in the United Kingdom and abroad. */
const PHONE = /(?:\+|\b00?)\d[\d ()-]{7,}\d\b/g;
const NHS_NUMBER = /\b\d{3}[ -]?\d{3}[ -]?\d{4}\b/g;
const NAME = String.raw`\p{Lu}[\p{Ll}\p{Lu}]*(?:[-’']\p{Lu}?\p{Ll}+)*`;
const TITLED = new RegExp(String.raw`\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sister)\.? (${NAME})`, 'gu');
const PAIR = new RegExp(
  String.raw`(?<![\p{L}\p{N}])\p{Lu}\p{Ll}+(?:[-’']\p{Lu}?\p{Ll}+)* \p{Lu}\p{Ll}+(?:[-’']\p{Lu}?\p{Ll}+)*(?![\p{L}\p{N}])`,
  'gu',
);

/** Words with a capital that begin sentences, or name things and places rather than people. */
const COMMON = new Set(
  `a an the this that these those our your my we you they it he she i is are was if in on at to for from of and or but
  please thank thanks dear hello hi good welcome join see ask tell meet call contact visit read write open bring next last new more all every each some
  no not what when where who why how here there first second third
  monday tuesday wednesday thursday friday saturday sunday
  january february march april may june july august september october november december
  spring summer autumn winter christmas easter new year boxing day bank holiday
  zoom teams whatsapp google microsoft outlook office yahoo calendar mailerlite
  occupational therapy therapist therapists physiotherapy speech language hand paediatric paediatrics mental health
  royal college national service trust hospital hospice clinic centre center community university school council
  department society association network group committee board team partnership foundation institute academy
  street road lane avenue square park house hall north south east west northern southern eastern western
  great united kingdom britain england scotland wales ireland london manchester leeds birmingham bristol
  general data protection act code conduct standards practice evidence guidance care quality commission
  senior lead band monthly meeting evening training bulletin vacancy news library privacy notice`
    .split(/\s+/)
    .filter(Boolean),
);

/** The check digit of an NHS number: weighted sum modulo 11 (NHS Data Dictionary). */
function isNhsNumber(text: string): boolean {
  const digits = Array.from(text.replace(/\D/g, ''), Number);
  const sum = digits.slice(0, 9).reduce((total, digit, index) => total + digit * (10 - index), 0);
  const check = (11 - (sum % 11)) % 11;
  return check !== 10 && check === digits[9];
}

function finding(line: number | undefined, what: string, words: string): Finding {
  return {
    level: 'warning',
    check: 'people',
    ...(line === undefined ? {} : { line }),
    message: `"${words}" ${what}. Leave it out unless the person agreed.`,
  };
}

/** What in one passage may tell who somebody is. */
function inPassage(text: string, line: number | undefined, allowed: RegExp | undefined): Finding[] {
  const findings: Finding[] = [];
  let rest = text.replace(/\b(?:https?:\/\/|www\.)\S+/gi, ' · ');
  if (allowed) rest = rest.replace(allowed, ' · ');
  const take = (pattern: RegExp, what: string, judge: (words: string) => boolean = () => true) => {
    rest = rest.replace(pattern, (words) => {
      if (!judge(words)) return words;
      findings.push(finding(line, what, words.trim()));
      return ' · ';
    });
  };
  take(EMAIL, 'is an e-mail address');
  take(NHS_NUMBER, 'reads like an NHS number', isNhsNumber);
  take(PHONE, 'reads like a telephone number');
  take(TITLED, 'reads like a person’s name');
  rest = rest.replace(/\p{Lu}\p{Ll}+/gu, (word) =>
    COMMON.has(word.toLowerCase()) ? word.toLowerCase() : word,
  );
  take(PAIR, 'reads like a person’s name');
  return findings;
}

/** The allowed names and terms as one pattern, the longest first. */
function patternOf(names: readonly string[]): RegExp | undefined {
  const parts = names
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .toSorted((a, b) => b.length - a.length)
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return parts.length === 0
    ? undefined
    : new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${parts.join('|')})(?![\p{L}\p{N}])`, 'giu');
}

/** Names, numbers and addresses that may be a person's own, in subject and text. */
export function checkPeople({
  subject,
  allowedNames,
  ...checked
}: Pick<Checked, 'subject' | 'allowedNames' | 'body' | 'valueOf'>): Finding[] {
  const allowed = patternOf(allowedNames);
  return [
    ...inPassage(subject, undefined, allowed),
    ...outlineOf(checked).passages.flatMap(({ text, line }) => inPassage(text, line, allowed)),
  ];
}
