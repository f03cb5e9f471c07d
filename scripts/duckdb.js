// The part of DuckDB's command line that docs/migrating.md needs, over its engine for Node.js: duckdb.js -c SQL
const { DuckDBInstance } = require('@duckdb/node-api');

(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(process.argv[3]);
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
