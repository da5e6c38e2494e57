/** `npm run bench -- <part> [arguments]`: measures one part and writes what it found into docs/performance.md. */
import 'temporal-polyfill/global';
import { publish, type PartReport } from './report.ts';

/** One part: measures, and gives back what it found. It leaves no process and no file behind. */
type Part = (args: readonly string[]) => Promise<PartReport>;

const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  pages: () => import('./pages.ts').then((m) => m.measurePages),
  wire: () => import('./wire.ts').then((m) => m.measureWire),
  send: () => import('./send.ts').then((m) => m.measureSend),
  plan: () => import('./plan.ts').then((m) => m.measurePlan),
  stages: () => import('./stages.ts').then((m) => m.measureStages),
  sync: () => import('./sync.ts').then((m) => m.measureSync),
  start: () => import('./start.ts').then((m) => m.measureStart),
};

const [name = '', ...args] = process.argv.slice(2);
const load = PARTS[name];
if (load === undefined) {
  process.stderr.write(`Which part? npm run bench -- ${Object.keys(PARTS).join(' | ')}\n`);
  process.exitCode = 2;
} else {
  const part = await load();
  publish(name, await part(args));
}
