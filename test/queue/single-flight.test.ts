import { describe, expect, it } from 'vitest';
import { SingleFlight } from '../../src/queue/single-flight.ts';

/** Work whose runs a test ends one by one. */
function controlled() {
  const ends: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const flight = new SingleFlight(async () => {
    running++;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running--;
  });
  return { flight, ends, most: () => most };
}

describe('SingleFlight', () => {
  it('answers all requests during a run with one further run', async () => {
    const { flight, ends, most } = controlled();
    const first = flight.request();
    const later = [flight.request(), flight.request(), flight.request()];
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await first;
    await Promise.resolve();
    expect(ends).toHaveLength(2);
    ends[1]?.();
    await Promise.all(later);
    await flight.idle();
    expect(ends).toHaveLength(2);
    expect(most()).toBe(1);
  });

  it('hands an error to whoever asked, and works again afterwards', async () => {
    let runs = 0;
    const flight = new SingleFlight(() =>
      ++runs === 1 ? Promise.reject(new Error('once')) : Promise.resolve(),
    );
    const first = flight.request();
    const second = flight.request();
    await expect(first).rejects.toThrow('once');
    await expect(second).resolves.toBeUndefined();
    await flight.idle();
    expect(runs).toBe(2);
  });
});
