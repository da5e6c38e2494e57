import type { FastifyInstance } from 'fastify';

interface PluginNeeds {
  readonly name: string;
  /** Names of the plugins that must be there before this one. */
  readonly needs?: readonly string[];
}

/**
 * A named plugin whose hooks and decorators hold for the whole server. Fastify refuses to start when something
 * that it needs is not registered before it.
 */
export function serverPlugin(
  { name, needs = [] }: PluginNeeds,
  register: (app: FastifyInstance) => void | Promise<void>,
): (app: FastifyInstance) => Promise<void> {
  const plugin = async (app: FastifyInstance): Promise<void> => {
    await register(app);
  };
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: name,
    [Symbol.for('plugin-meta')]: { name, fastify: '5.x', dependencies: [...needs] },
  });
}

/** A named group of routes, with hooks of its own that nobody else sees. */
export function routes(
  { name, needs = [] }: PluginNeeds,
  register: (app: FastifyInstance) => void | Promise<void>,
): (app: FastifyInstance) => Promise<void> {
  const plugin = async (app: FastifyInstance): Promise<void> => {
    await register(app);
  };
  return Object.assign(plugin, {
    [Symbol.for('fastify.display-name')]: name,
    [Symbol.for('plugin-meta')]: { name, fastify: '5.x', dependencies: [...needs] },
  });
}
