import type { CliIo } from '../host.ts';
import { formatNumber } from './text.ts';

export interface Progress {
  /** `done` of `total` units; call as often as you like, only a visible change is drawn. */
  update(done: number, total: number): void;
  /** Takes the bar away again. */
  end(): void;
}

const silent: Progress = { update: () => undefined, end: () => undefined };
const BAR = 24;

/** A progress bar on standard error where that is a terminal; nothing elsewhere, nor with `--json`. */
export function createProgress(io: CliIo, label: string, json: boolean): Progress {
  if (json || !io.isTTY) return silent;
  let shown = '';
  return {
    update(done, total) {
      const share = total <= 0 ? 0 : Math.min(1, done / total);
      const filled = Math.round(share * BAR);
      const text = `${label} ${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${formatNumber(Math.floor(share * 100))} %`;
      if (text === shown) return;
      shown = text;
      io.stderr.write(`\r\u001b[K${text}`);
    },
    end() {
      if (shown !== '') io.stderr.write('\r\u001b[K');
      shown = '';
    },
  };
}
