/**
 * Takes the place of `src/organisation/password-cost.ts` in tests with a database: hundreds of them begin with
 * somebody who signs in. `test/organisation/passwords.pure.test.ts` holds the real cost.
 */
export const PASSWORD_COST = { logN: 4, blockSize: 8, parallel: 1 };
