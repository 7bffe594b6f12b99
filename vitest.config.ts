import { defineConfig } from 'vitest/config';

/** `.test.ts` needs nothing but Node; `.int.test.ts` needs the MariaDB that test/global-setup.ts finds or starts. */
export default defineConfig({
  test: {
    include: [
      'test/**/*.test.ts',
      '{contract,runtime,gateway,cdc-bridge,event-log,new-services,legacy-stub,cli}/**/*.test.ts',
    ],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    fileParallelism: true,
    maxWorkers: 2,
  },
});
