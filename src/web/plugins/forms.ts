import formbody from '@fastify/formbody';
import multipart from '@fastify/multipart';
import type { UploadedFile } from '../form.ts';
import { serverPlugin } from '../plugin.ts';

/** The largest file that a form takes: a list of 100,000 people needs about 8 MB. */
const MAX_FILE_BYTES = 24 * 1024 * 1024;

/** Reads both encodings of a form. In either case `request.body` has the fields by name; see `fileField` for files. */
export const forms = serverPlugin({ name: 'forms' }, async (app) => {
  await app.register(formbody, { bodyLimit: 512 * 1024 });
  await app.register(multipart, {
    attachFieldsToBody: 'keyValues',
    async onFile(part) {
      const file: UploadedFile = { name: (part.filename ?? '').slice(0, 200), bytes: await part.toBuffer() };
      Object.assign(part, { value: file });
    },
    limits: { fileSize: MAX_FILE_BYTES, files: 1, fields: 100, fieldSize: 512 * 1024 },
  });
});
