import path from 'node:path';
import { formatDate, formatDateTime, formatDuration } from '../calendar/format.ts';
import { templatesFolder } from '../kernel/paths.ts';

/** What a certificate of attendance says. */
export interface CertificateModel {
  readonly name: string;
  readonly title: string;
  readonly heldAt: Temporal.Instant;
  /** IANA zone in which the date is told. */
  readonly zone: string;
  readonly minutes: number;
  /** One aim per line; may be empty. */
  readonly learningAims: string;
  readonly organisation: string;
  readonly groupName: string;
  readonly checkCode: string;
  readonly checkUrl: string;
  readonly issuedAt: Temporal.Instant;
  /** `#rrggbb`, dark enough to be read on white. */
  readonly brandColour: string;
}

const FONTS = {
  regular: path.join(templatesFolder, 'certificate', 'SourceSans3-Regular.ttf'),
  strong: path.join(templatesFolder, 'certificate', 'SourceSans3-SemiBold.ttf'),
};

const INK = '#1f2328';
const QUIET = '#4d5358';
const PANEL = '#f2f4f6';
const LINE = '#b9c0c7';

/** A4 in points, with the margin of the text. */
const PAGE = { width: 595.28, height: 841.89, margin: 64 };
const TEXT_WIDTH = PAGE.width - 2 * PAGE.margin;

/** What to think about for one's own record: after the four things that the HCPC's standards of CPD ask about. */
const PROMPTS = [
  'What did I learn, and which of my learning needs does it meet?',
  'What will I do differently in my practice or in our service?',
  'How will the people who use our service benefit?',
  'What will I do next to build on it, and by when?',
];

type Doc = PDFKit.PDFDocument;

/**
 * A certificate of attendance as PDF: one page for the file, one with prompts for the person's own reflection.
 * Tagged with headings, lists and links in reading order; title and language are set and the fonts are embedded.
 * Decoration is marked as such, so that a screen reader passes over it. The same model gives the same bytes.
 */
export async function certificatePdf(model: CertificateModel): Promise<Uint8Array> {
  const issued = new Date(model.issuedAt.epochMilliseconds);
  // Fonts and their compression are heavy to load, and certificates are rare.
  const { default: PdfDocument } = await import('pdfkit');
  const doc = new PdfDocument({
    size: 'A4',
    margin: PAGE.margin,
    pdfVersion: '1.7',
    tagged: true,
    displayTitle: true,
    lang: 'en-GB',
    info: {
      Title: `Certificate of attendance: ${model.title}`,
      Author: model.organisation,
      Subject: `${model.name}, ${dayOf(model.heldAt, model.zone)}`,
      Creator: 'Convenor',
      CreationDate: issued,
      ModDate: issued,
    },
    font: FONTS.regular,
  });
  const finished = collect(doc);
  doc.registerFont('regular', FONTS.regular).registerFont('strong', FONTS.strong);
  const root = doc.struct('Document');
  doc.addStructure(root);
  const aimsLeft = drawCertificate(doc, root, model);
  doc.addPage();
  if (aimsLeft.length > 0) {
    doc.y = 62;
    drawAims(doc, root, aimsLeft, 11.5, model);
    doc.addPage();
  }
  drawReflection(doc, root, model);
  root.end();
  doc.end();
  return finished;
}

type Element = ReturnType<Doc['struct']>;

/** Adds an element in reading order; everything that `draw` writes is its content. */
function element(doc: Doc, parent: Element, type: string, draw: () => void): void {
  parent.add(doc.struct(type, {}, draw));
}

/** @returns the learning aims, when there are too many of them for this page. */
function drawCertificate(doc: Doc, parent: Element, model: CertificateModel): string[] {
  decorate(doc, () => {
    doc.rect(0, 0, PAGE.width, 14).fill(model.brandColour);
  });
  doc.y = 62;
  paragraph(doc, parent, clean(model.groupName), { font: 'strong', size: 13, colour: model.brandColour });
  paragraph(doc, parent, clean(model.organisation), { size: 11, colour: QUIET });
  doc.y = 158;
  paragraph(doc, parent, 'Certificate of attendance', {
    type: 'H1',
    font: 'strong',
    size: 34,
    colour: model.brandColour,
  });
  paragraph(doc, parent, 'Continuing professional development (CPD)', { size: 13, colour: QUIET });
  doc.moveDown(1.6);
  paragraph(doc, parent, 'This is to certify that', { size: 12, colour: QUIET });
  const name = clean(model.name);
  paragraph(doc, parent, name, { font: 'strong', size: fittingSize(doc, name, 28, 14), gap: 4 });
  doc.moveDown(0.5);
  paragraph(doc, parent, 'took part in', { size: 12, colour: QUIET });
  const title = clean(model.title);
  paragraph(doc, parent, title, { font: 'strong', size: sizeWithin(doc, title, 78), gap: 4 });
  doc.moveDown(0.3);
  paragraph(doc, parent, formatDateTime(model.heldAt, model.zone), { size: 12.5 });
  paragraph(doc, parent, `Time attended: ${formatDuration(model.minutes)}`, { size: 12.5 });
  const aims = readAims(model);
  const room = PANEL_TOP - 24 - doc.y - AIMS_HEAD;
  const size = [11.5, 10.5, 9.5].find((candidate) => aimsHeight(doc, aims, candidate) <= room);
  if (size !== undefined && aims.length > 0) {
    doc.moveDown(1.4);
    drawAims(doc, parent, aims, size, model);
  }
  drawCheckPanel(doc, parent, model);
  return size === undefined ? aims : [];
}

/** Height of the heading above the aims, with the space before it. */
const AIMS_HEAD = 44;

function readAims(model: CertificateModel): string[] {
  return model.learningAims
    .split('\n')
    .map((line) => clean(line.replace(/^\s*[-*•]\s*/, '')))
    .filter((line) => line !== '');
}

function aimsHeight(doc: Doc, aims: readonly string[], size: number): number {
  doc.font('regular', size);
  return aims.reduce((sum, aim) => sum + doc.heightOfString(aim, AIM_LINES) + 3, 0);
}

const AIM_LINES = { width: TEXT_WIDTH - 16, lineGap: 2 };

function drawAims(
  doc: Doc,
  parent: Element,
  aims: readonly string[],
  size: number,
  { brandColour }: CertificateModel,
): void {
  paragraph(doc, parent, 'Learning aims', {
    type: 'H2',
    font: 'strong',
    size: 13,
    colour: brandColour,
    gap: 4,
  });
  const list = doc.struct('L');
  parent.add(list);
  for (const aim of aims) {
    const y = doc.y;
    const item = doc.struct('LI');
    list.add(item);
    doc.font('regular', size).fillColor(INK);
    element(doc, item, 'Lbl', () => void doc.text('•', PAGE.margin, y, { lineBreak: false }));
    element(doc, item, 'LBody', () => void doc.text(aim, PAGE.margin + 16, y, AIM_LINES));
    item.end();
    doc.x = PAGE.margin;
    doc.y += 3;
  }
  list.end();
}

const PANEL_HEIGHT = 124;
const PANEL_TOP = PAGE.height - 56 - PANEL_HEIGHT;

function drawCheckPanel(doc: Doc, parent: Element, model: CertificateModel): void {
  decorate(doc, () => {
    doc.roundedRect(PAGE.margin - 16, PANEL_TOP, TEXT_WIDTH + 32, PANEL_HEIGHT, 6).fill(PANEL);
  });
  doc.x = PAGE.margin;
  doc.y = PANEL_TOP + 16;
  paragraph(doc, parent, `Check code: ${model.checkCode}`, { font: 'strong', size: 13, gap: 3 });
  paragraph(doc, parent, 'Anybody who has this certificate can check it here:', {
    size: 10.5,
    colour: QUIET,
  });
  element(doc, parent, 'Link', () => {
    doc.font('regular', 10.5).fillColor(model.brandColour);
    doc.text(model.checkUrl, { width: TEXT_WIDTH, link: model.checkUrl, underline: true });
  });
  doc.y += 4;
  paragraph(
    doc,
    parent,
    `Issued on ${dayOf(model.issuedAt, model.zone)} by ${clean(model.organisation)}. It records attendance and is not an assessment.`,
    { size: 10.5, colour: QUIET, height: 44 },
  );
}

function drawReflection(doc: Doc, parent: Element, model: CertificateModel): void {
  doc.y = 62;
  paragraph(doc, parent, 'My reflection', {
    type: 'H1',
    font: 'strong',
    size: 24,
    colour: model.brandColour,
    gap: 4,
  });
  paragraph(doc, parent, `${clean(model.title)}, ${dayOf(model.heldAt, model.zone)}`, {
    size: 12,
    colour: QUIET,
    height: 34,
  });
  doc.moveDown(0.6);
  paragraph(
    doc,
    parent,
    'This page is for your own CPD record; nobody collects it. The HCPC asks you to keep your record up to date, to learn in different ways that matter for your work, and to aim for better practice and a benefit to the people who use your service.',
    { size: 11 },
  );
  const top = doc.y + 18;
  const share = (PAGE.height - 60 - top) / PROMPTS.length;
  PROMPTS.forEach((prompt, index) => {
    doc.y = top + index * share;
    paragraph(doc, parent, prompt, { type: 'H2', font: 'strong', size: 12.5 });
    const first = doc.y + 22;
    const last = top + (index + 1) * share - 12;
    decorate(doc, () => {
      for (let y = first; y <= last; y += 24) {
        doc.moveTo(PAGE.margin, y).lineTo(PAGE.width - PAGE.margin, y);
      }
      doc.lineWidth(0.6).stroke(LINE);
    });
  });
}

interface Style {
  readonly type?: 'P' | 'H1' | 'H2';
  readonly font?: 'regular' | 'strong';
  readonly size: number;
  readonly colour?: string;
  /** Space after the paragraph. */
  readonly gap?: number;
  /** Text beyond this height ends in an ellipsis. */
  readonly height?: number;
}

function paragraph(doc: Doc, parent: Element, text: string, style: Style): void {
  element(doc, parent, style.type ?? 'P', () => {
    doc.font(style.font ?? 'regular', style.size).fillColor(style.colour ?? INK);
    doc.text(text, PAGE.margin, doc.y, {
      width: TEXT_WIDTH,
      lineGap: 1.5,
      ...(style.height === undefined ? {} : { height: style.height, ellipsis: true }),
    });
  });
  doc.y += style.gap ?? 2;
}

/** Draws something that says nothing: a screen reader passes over it. */
function decorate(doc: Doc, draw: () => void): void {
  doc.markContent('Artifact', { type: 'Layout' });
  draw();
  doc.endMarkedContent();
}

/** The largest size at which the text fits on one line. */
function fittingSize(doc: Doc, text: string, largest: number, smallest: number): number {
  for (let size = largest; size > smallest; size -= 1) {
    if (doc.font('strong', size).widthOfString(text) <= TEXT_WIDTH) return size;
  }
  return smallest;
}

/** The largest size at which the text, on several lines, keeps within a height. */
function sizeWithin(doc: Doc, text: string, height: number): number {
  const fits = (size: number) =>
    doc.font('strong', size).heightOfString(text, { width: TEXT_WIDTH, lineGap: 1.5 }) <= height;
  return [18, 16, 14, 12].find(fits) ?? 12;
}

/** One line of text without control characters, in its composed form, for which fonts have signs. */
function clean(text: string): string {
  return text
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** The day on the calendar of the zone, in words. */
function dayOf(instant: Temporal.Instant, zone: string): string {
  return formatDate(instant.toZonedDateTimeISO(zone).toPlainDate());
}

function collect(doc: Doc): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    doc.on('data', (chunk: Buffer) => chunks.push(chunk));
    doc.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))));
    doc.on('error', reject);
  });
}
