import { escapeHtml } from './slots.ts';

const MARKS = [
  [/(^|[\s(])\*([^*\n]+)\*(?=$|[\s).,:;!?])/gm, 'strong'],
  [/(^|[\s(])_([^_\n]+)_(?=$|[\s).,:;!?])/gm, 'em'],
  [/(^|[\s(])~([^~\n]+)~(?=$|[\s).,:;!?])/gm, 's'],
] as const;

const ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>".,:;!?)]/g;

/** A WhatsApp text as WhatsApp shows it, as HTML: its marks for bold, italic and struck out, and links. */
export function whatsappLook(text: string): string {
  // Marks inside an address mean nothing, so addresses are taken out first and put back last.
  const addresses: string[] = [];
  let html = escapeHtml(
    text.replace(ADDRESS, (address) => {
      addresses.push(address);
      return `\ue000${addresses.length - 1}\ue001`;
    }),
  );
  for (const [pattern, tag] of MARKS) html = html.replace(pattern, `$1<${tag}>$2</${tag}>`);
  return html
    .replace(/\ue000(\d+)\ue001/g, (_mark, index: string) => {
      const address = escapeHtml(addresses[Number(index)]!);
      return `<a href="${address}" rel="noreferrer">${address}</a>`;
    })
    .replaceAll('\n', '<br>');
}
