import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../src/config/redis-url.ts';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://localhost', { kind: 'single', tls: false, url: 'redis://localhost' }],
    [
      'rediss://user:p%40ss@managed.example:6380/2',
      {
        kind: 'single',
        tls: true,
        username: 'user',
        password: 'p@ss',
        url: 'rediss://user:p%40ss@managed.example:6380/2',
      },
    ],
    ['unix:///run/redis%20a/redis.sock', { kind: 'socket', tls: false, path: '/run/redis a/redis.sock' }],
    [
      'redis+sentinel://:secret@a.example,b.example:26380,[::1]:1/convenor/1',
      {
        kind: 'sentinel',
        tls: false,
        password: 'secret',
        name: 'convenor',
        database: 1,
        hosts: [
          { host: 'a.example', port: 26_379 },
          { host: 'b.example', port: 26_380 },
          { host: '::1', port: 1 },
        ],
      },
    ],
    [
      'rediss+cluster://a:7000,b',
      {
        kind: 'cluster',
        tls: true,
        hosts: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseRedisUrl(text)).toEqual(expected);
  });

  it.each([
    'localhost:6379',
    'http://localhost',
    'redis://',
    'unix://',
    'redis+sentinel://a:1',
    'redis+sentinel:///name',
    'redis+sentinel://a:1/name/x',
    'redis+cluster://a:x',
    'redis+cluster://a:1,,b:2',
    'redis+cluster://a:1/3',
  ])('refuses %s', (text) => {
    expect(parseRedisUrl(text)).toBeUndefined();
  });
});
