/** Keys of the plan whose part is not built yet, and what each will do. A configuration that uses one is told so; none is ever ignored. */
export const plannedKeys: Readonly<Record<string, string>> = {
  kafka: 'publishing domain events to Kafka',
  topics: "reading a Debezium's topics in place of the binlog",
  gates: 'promotion by evidence',
  rollback: 'rolling back by evidence',
  record: 'one writer per record',
  dryRun: 'shadowing writes by running the new side dry',
  writes: 'moving the ownership of writes',
  writeBack: 'writing events back to legacy tables',
  onConflict: 'writing events back to legacy tables',
  reserveKeys: 'reserving blocks of legacy keys',
  parity: 'comparing legacy tables with projections',
  control: 'learning noise from a second legacy answer',
  reverse: 'comparing legacy while the new side serves',
  strict: 'learning noise from a second legacy answer',
  safe: 'shadowing a POST that only reads',
};
