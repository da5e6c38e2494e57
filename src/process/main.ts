import 'temporal-polyfill/global';

// Loaded after the line above has run: the bundle may otherwise put modules that use Temporal before it.
await import('./program.ts');
