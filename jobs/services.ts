import type { Config } from '../src/config/load.ts';
import type { Db } from '../src/db/open.ts';
import type { Clock } from '../src/kernel/clock.ts';
import type { Log } from '../src/kernel/log.ts';
import type { SendingPace } from '../src/mail/pace.ts';
import type { Mailer } from '../src/mail/types.ts';
import type { MailerLiteClient } from '../src/mailerlite/client.ts';
import type { Settings } from '../src/organisation/settings.ts';
import type { Renderer } from '../src/render/renderer.ts';
import type { AddressHash } from '../src/subscribers/address-hash.ts';
import type { Links } from '../src/subscribers/links.ts';
import type { ZoomClient } from '../src/zoom/client.ts';

/** What the background work uses. */
export interface Services {
  /**
   * Names this process in claims. Its row `worker:<workerId>` in `heartbeats` is renewed every two seconds while the
   * process works; when that stops, what it had claimed is given up.
   */
  readonly workerId: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Db;
  readonly mailer: Mailer;
  /** How fast mail to the group may go; absent where nothing limits it. */
  readonly sendingPace?: SendingPace | undefined;
  /** Absent without a key: the synchronisation is off. */
  readonly mailerlite?: MailerLiteClient | undefined;
  readonly renderer: Renderer;
  readonly links: Links;
  readonly addressHash: AddressHash;
  /** Absent when no Zoom account is configured. */
  readonly zoom?: ZoomClient | undefined;
  /** The organisation's settings as they are now. */
  readonly settings: () => Promise<Settings>;
}
