import { describe, expect, it } from 'vitest';
import { jobId, parseJobId } from '../../src/queue/job-id.ts';

describe('job ids', () => {
  it('hold the job, the key and the attempt, and can be read back', () => {
    const id = jobId('deliver', '0194c7a2-0000-8000-8000-000000000000_3', 2);
    expect(id).toBe('deliver.0194c7a2-0000-8000-8000-000000000000_3.2');
    expect(parseJobId(id)).toEqual({ jobKey: 'deliver.0194c7a2-0000-8000-8000-000000000000_3', attempt: 2 });
  });

  it.each(['', 'a:b', 'a.b', 'a b', 'é'])(
    'refuse the key %j, which the queue could not store or read back',
    (key) => {
      expect(() => jobId('deliver', key, 1)).toThrow('key of a deliver job');
    },
  );
});
