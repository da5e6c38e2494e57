/** What a new password hash costs by scrypt: 32 MiB and three passes, about 0.2 s. */
export const PASSWORD_COST = { logN: 15, blockSize: 8, parallel: 3 };
