import type { Renderer } from '../render/renderer.ts';

/**
 * A renderer that is made when it is first used. A command that renders nothing is quicker by that, and works
 * also while one of the organisation's own templates is wrong: holding a run must not depend on it.
 */
export function lazyRenderer(make: () => Renderer): Renderer {
  let made: Renderer | undefined;
  const renderer = () => (made ??= make());
  return {
    mail: (kind, model) => renderer().mail(kind, model),
    whatsapp: (kind, model) => renderer().whatsapp(kind, model),
    page: (name, model) => renderer().page(name, model),
  };
}
