import type { FakeAccount, Routes, StoredField } from './account.ts';
import { limitOf, numberedPage } from './paging.ts';
import { invalid, noSuch } from './reply.ts';

export const fieldRoutes: Routes = {
  'GET /fields': (request) => {
    const { account, query } = request;
    const keyword = query.get('filter[keyword]')?.toLowerCase() ?? '';
    const type = query.get('filter[type]');
    const found = [...account.fields.values()].filter(
      (field) => field.name.toLowerCase().includes(keyword) && (type === null || field.type === type),
    );
    const key = query.get('sort') === 'name' ? 'name' : query.get('sort') === 'type' ? 'type' : undefined;
    const fields = key === undefined ? found : found.toSorted((a, b) => (a[key] < b[key] ? -1 : 1));
    return numberedPage(request, fields, limitOf(request, 25, 100), (field) => ({
      ...present(field),
      used_in_automations: false,
    }));
  },
  'POST /fields': ({ account, body }) => {
    const name = readName(account, body);
    const type = body['type'];
    if (typeof type !== 'string' || !['text', 'number', 'date'].includes(type)) {
      throw invalid({ type: ['The selected type is invalid.'] });
    }
    return { status: 201, body: { data: present(account.createField(name, type)) } };
  },
  'PUT /fields/{id}': ({ account, params, body }) => {
    const field = findField(account, params['id']!);
    // The key stays as it was first made.
    field.name = readName(account, body, field);
    return { status: 200, body: { data: present(field) } };
  },
  'DELETE /fields/{id}': ({ account, params }) => {
    account.fields.delete(findField(account, params['id']!).id);
    return { status: 204 };
  },
};

function present(field: StoredField): Record<string, unknown> {
  return { id: field.id, name: field.name, key: field.key, type: field.type, is_default: field.isDefault };
}

function findField(account: FakeAccount, id: string): StoredField {
  const field = account.fields.get(id);
  if (field === undefined) throw noSuch('Field', id);
  return field;
}

function readName(account: FakeAccount, body: Readonly<Record<string, unknown>>, own?: StoredField): string {
  const name = body['name'];
  if (typeof name !== 'string' || name === '') throw invalid({ name: ['The name field is required.'] });
  if ([...account.fields.values()].some((field) => field !== own && field.name === name)) {
    throw invalid({ name: ['Field name must be unique'] });
  }
  return name;
}
