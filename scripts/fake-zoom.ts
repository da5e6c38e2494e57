import 'temporal-polyfill/global';
import { systemClock } from '../src/kernel/clock.ts';
import { startFakeZoom } from '../test/support/fake-zoom/server.ts';

/** A Zoom to try Convenor with: `npm run fake:zoom [port]`, then start Convenor with the settings that it prints. */
const zoom = await startFakeZoom({ account: { clock: systemClock }, port: Number(process.argv[2] ?? 4010) });
const { accountId, clientId, clientSecret, users } = zoom.account;
process.stdout.write(
  [
    'A pretend Zoom is running. Nothing reaches the real one.',
    '',
    `ZOOM_ACCOUNT_ID=${accountId}`,
    `ZOOM_CLIENT_ID=${clientId}`,
    `ZOOM_CLIENT_SECRET=${clientSecret}`,
    `ZOOM_API_URL=${zoom.apiUrl}`,
    `ZOOM_OAUTH_URL=${zoom.oauthUrl}`,
    `ZOOM_WEBHOOK_SECRET=fake-webhook-secret`,
    '',
    `Hosts:   ${users.map((user) => user.email).join(', ')}`,
    `Control: ${zoom.controlUrl} (GET /state, POST /faults, POST /webhook, POST /meetings/ID/run, …)`,
    '',
  ].join('\n'),
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void zoom.stop());
