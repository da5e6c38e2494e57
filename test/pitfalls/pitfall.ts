/** A guard taken out: the named test must fail then. */
export interface Mutation {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** A second guard that stands behind the first. */
  readonly and?: Mutation;
}

/** A way in which systems of this kind go wrong, and the test that holds this one against it. */
export interface Pitfall {
  readonly row: string;
  readonly about: string;
  readonly file: string;
  readonly test: string;
  readonly mutation: Mutation;
}

/** A mutation and those behind it. */
export function guardsOf(mutation: Mutation): Mutation[] {
  return [mutation, ...(mutation.and ? guardsOf(mutation.and) : [])];
}
