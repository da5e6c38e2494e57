import { describe, expect, it } from 'vitest';
import { certificatePdf, type CertificateModel } from '../../src/render/certificate-pdf.ts';

const model: CertificateModel = {
  name: 'Zoë Łukasiewicz-Müller',
  title: 'Splinting after stroke',
  heldAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
  zone: 'Europe/London',
  minutes: 56,
  learningAims: '- Compare three kinds of splint\n\n- Plan a review',
  organisation: 'Northfield Therapy',
  groupName: 'Northfield OTs',
  checkCode: 'K7QM-2X9P-4TRN',
  checkUrl: 'https://network.example.org/certificates/K7QM-2X9P-4TRN',
  issuedAt: Temporal.Instant.from('2027-06-03T09:00:00Z'),
  brandColour: '#1d5a8c',
};

/** The objects of the file as text; the pages' own content is compressed. */
const read = async (changes: Partial<CertificateModel> = {}) =>
  Buffer.from(await certificatePdf({ ...model, ...changes })).toString('latin1');

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

describe('the certificate as PDF', () => {
  it('is tagged, has a title and a language, and brings its fonts', async () => {
    const pdf = await read();
    expect(pdf.startsWith('%PDF-1.7')).toBe(true);
    expect(pdf).toContain('/Lang (en-GB)');
    expect(pdf).toMatch(/\/MarkInfo \d+ 0 R/);
    expect(pdf).toContain('/Marked true');
    expect(pdf).toMatch(/\/DisplayDocTitle true/);
    expect(pdf).toContain('(Certificate of attendance: Splinting after stroke)');
    expect(pdf).toContain('/StructTreeRoot');
    expect(count(pdf, /\/S \/H1\b/g)).toBe(2);
    expect(count(pdf, /\/S \/H2\b/g)).toBe(5);
    expect(count(pdf, /\/S \/LBody\b/g)).toBe(2);
    expect(count(pdf, /\/S \/Link\b/g)).toBe(1);
    expect(count(pdf, /\/FontFile2 /g)).toBe(2);
    expect(pdf).toContain(`/URI (${model.checkUrl})`);
  });

  it('has the same bytes for the same certificate', async () => {
    expect(await read()).toBe(await read());
  });

  it('has two pages, and a third for learning aims that do not fit beside the rest', async () => {
    const pages = async (learningAims: string) => count(await read({ learningAims }), /\/Type \/Page\b/g);
    const long =
      'An aim that somebody wrote out in whole sentences, about all that was to be learnt together';
    expect(await pages('')).toBe(2);
    expect(await pages(model.learningAims)).toBe(2);
    expect(await pages(Array.from({ length: 12 }, () => `${long} ${'and more '.repeat(7)}`).join('\n'))).toBe(
      3,
    );
  });

  it.each([
    ['a long name', { name: 'Wilhelmina '.repeat(20) }],
    ['a long title', { title: 'A title of many words '.repeat(13) }],
    ['control characters and brackets', { name: 'Ada\u0000\u202E (Byron) \\', title: 'Line\r\nbreak)' }],
    ['signs that the font lacks', { name: '王小明 😀' }],
    ['an empty organisation', { organisation: '', groupName: '' }],
  ])('is made for %s', async (_, changes) => {
    expect(count(await read(changes), /\/Type \/Page\b/g)).toBe(2);
  });
});
