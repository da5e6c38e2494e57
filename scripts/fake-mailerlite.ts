import 'temporal-polyfill/global';
import { parseArgs } from 'node:util';
import { startFakeMailerLite } from '../test/support/fake-mailerlite/index.ts';

/**
 * A MailerLite account on this machine, to try Convenor with. Nothing leaves the machine and no real account is
 * touched. Stop it with Ctrl+C; it forgets everything.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4010' },
    subscribers: { type: 'string', default: '25' },
    'api-key': { type: 'string', default: 'fake-key' },
  },
});

const fake = await startFakeMailerLite({
  port: Number(values.port),
  apiKey: values['api-key'],
  deliverAtOnce: true,
});
const { id } = fake.createGroup({ name: 'Meetings' });
fake.createSubscribers({ count: Number(values.subscribers), source: 'manual', groups: [String(id)] });

process.stdout.write(`MailerLite stand-in with ${values.subscribers} subscribers at ${fake.baseUrl}

Start Convenor against it:
  MAILERLITE_API_URL=${fake.baseUrl} MAILERLITE_API_KEY=${fake.apiKey} npm start

Let something happen there:
  curl -d '{"email":"person1@example.org","act":"unsubscribe"}' ${fake.baseUrl}/_control/act
  curl -d '{"kind":"rate_limited","retryAfter":30,"times":3}' ${fake.baseUrl}/_control/addFault
  curl -d '{"email":"person1@example.org"}' ${fake.baseUrl}/_control/subscriber
  curl -X POST ${fake.baseUrl}/_control/requests
`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void fake.close());
}
