import path from 'node:path';
import PDFDocument from 'pdfkit';
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
  const doc = new PDFDocument({
    size: 'A4',
    margin: PAGE.margin,
    pdfVersion: '1.7',
    tagged: true,
    displayTitle: true,
    lang: 'en-GB',
    info: {
      Title: `Certificate of attendance: ${model.title}`,
      Author: model.organisation,
      Subject: `${model.name}, ${formatDate(model.heldAt, model.zone)}`,
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
  const add: Add = (type, draw) => root.add(doc.struct(type, draw));
  drawCertificate(doc, add, model);
  doc.addPage();
  drawReflection(doc, add, model);
  root.end();
  doc.end();
  return finished;
}

/** Adds an element in reading order; everything that `draw` writes is its content. */
type Add = (type: string, draw: () => void) => void;

function drawCertificate(doc: Doc, add: Add, model: CertificateModel): void {
  decorate(doc, () => {
    doc.rect(0, 0, PAGE.width, 14).fill(model.brandColour);
  });
  doc.y = 62;
  paragraph(doc, add, clean(doc, model.groupName), { font: 'strong', size: 13, colour: model.brandColour });
  paragraph(doc, add, clean(doc, model.organisation), { size: 11, colour: QUIET });
  doc.y = 158;
  paragraph(doc, add, 'Certificate of attendance', {
    type: 'H1',
    font: 'strong',
    size: 34,
    colour: model.brandColour,
  });
  paragraph(doc, add, 'Continuing professional development (CPD)', { size: 13, colour: QUIET });
  doc.moveDown(1.6);
  paragraph(doc, add, 'This is to certify that', { size: 12, colour: QUIET });
  const name = clean(doc, model.name);
  paragraph(doc, add, name, { font: 'strong', size: fittingSize(doc, name, 28, 14), gap: 4 });
  doc.moveDown(0.5);
  paragraph(doc, add, 'took part in', { size: 12, colour: QUIET });
  paragraph(doc, add, clean(doc, model.title), { font: 'strong', size: 18, gap: 4, height: 72 });
  doc.moveDown(0.3);
  paragraph(doc, add, formatDateTime(model.heldAt, model.zone), { size: 12.5 });
  paragraph(doc, add, `Time attended: ${formatDuration(model.minutes)}`, { size: 12.5 });
  drawAims(doc, add, model);
  drawCheckPanel(doc, add, model);
}

function drawAims(doc: Doc, add: Add, model: CertificateModel): void {
  const aims = model.learningAims
    .split('\n')
    .map((line) => clean(doc, line.replace(/^\s*[-*•]\s*/, '')))
    .filter((line) => line !== '');
  if (aims.length === 0) return;
  doc.moveDown(1.4);
  paragraph(doc, add, 'Learning aims', {
    type: 'H2',
    font: 'strong',
    size: 13,
    colour: model.brandColour,
    gap: 4,
  });
  const left = PANEL_TOP - 24 - doc.y;
  const options = { width: TEXT_WIDTH - 16, lineGap: 2 };
  const heightAt = (size: number) =>
    aims.reduce((sum, aim) => sum + doc.font('regular', size).heightOfString(aim, options) + 3, 0);
  const size = [11.5, 10.5, 9.5, 8.5, 7.5].find((candidate) => heightAt(candidate) <= left) ?? 7.5;
  add('L', () => undefined);
  for (const aim of aims) {
    if (doc.y > PANEL_TOP - 24) break;
    const room = PANEL_TOP - 20 - doc.y;
    add('LI', () => {
      doc.font('regular', size).fillColor(INK);
      const y = doc.y;
      doc.text('•', PAGE.margin, y, { lineBreak: false });
      doc.text(aim, PAGE.margin + 16, y, { ...options, height: room, ellipsis: true });
    });
    doc.x = PAGE.margin;
    doc.y += 3;
  }
}

const PANEL_HEIGHT = 112;
const PANEL_TOP = PAGE.height - 56 - PANEL_HEIGHT;

function drawCheckPanel(doc: Doc, add: Add, model: CertificateModel): void {
  decorate(doc, () => {
    doc.roundedRect(PAGE.margin - 16, PANEL_TOP, TEXT_WIDTH + 32, PANEL_HEIGHT, 6).fill(PANEL);
  });
  doc.x = PAGE.margin;
  doc.y = PANEL_TOP + 16;
  paragraph(doc, add, `Check code: ${model.checkCode}`, { font: 'strong', size: 13, gap: 3 });
  paragraph(doc, add, 'Anybody who has this certificate can check it here:', { size: 10.5, colour: QUIET });
  add('Link', () => {
    doc.font('regular', 10.5).fillColor(model.brandColour);
    doc.text(model.checkUrl, { width: TEXT_WIDTH, link: model.checkUrl, underline: true });
  });
  doc.y += 4;
  paragraph(
    doc,
    add,
    `Issued on ${formatDate(model.issuedAt, model.zone)} by ${clean(doc, model.organisation)}. It records attendance and is not an assessment.`,
    { size: 10.5, colour: QUIET, height: 30 },
  );
}

function drawReflection(doc: Doc, add: Add, model: CertificateModel): void {
  doc.y = 62;
  paragraph(doc, add, 'My reflection', {
    type: 'H1',
    font: 'strong',
    size: 24,
    colour: model.brandColour,
    gap: 4,
  });
  paragraph(doc, add, `${clean(doc, model.title)}, ${formatDate(model.heldAt, model.zone)}`, {
    size: 12,
    colour: QUIET,
    height: 34,
  });
  doc.moveDown(0.6);
  paragraph(
    doc,
    add,
    'This page is for your own CPD record; nobody collects it. The HCPC asks you to keep your record up to date, to learn in different ways that matter for your work, and to aim for better practice and a benefit to the people who use your service.',
    { size: 11 },
  );
  const top = doc.y + 18;
  const share = (PAGE.height - 60 - top) / PROMPTS.length;
  PROMPTS.forEach((prompt, index) => {
    doc.y = top + index * share;
    paragraph(doc, add, prompt, { type: 'H2', font: 'strong', size: 12.5 });
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

function paragraph(doc: Doc, add: Add, text: string, style: Style): void {
  add(style.type ?? 'P', () => {
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

/** One line of text without control characters, in its composed form, for which fonts have signs. */
function clean(doc: Doc, text: string): string {
  void doc;
  return text
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function collect(doc: Doc): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    doc.on('data', (chunk: Buffer) => chunks.push(chunk));
    doc.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))));
    doc.on('error', reject);
  });
}
