/** Lets this process load TypeScript: Node 24 does so by itself, tsx does it for older ones. Costs memory and, per request, names of functions. */
const [major] = process.versions.node.split('.').map(Number);
if (major < 24 || !process.features.typescript) (await import('tsx/esm/api')).register();
