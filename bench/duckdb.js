// The same scores by DuckDB's own engine, on its own file.
// usage: node duckdb.js load|score|version FILE RUN_DATE THREADS CSV
//   load: the orders from the CSV file; score: prints milliseconds, then a checksum; version: DuckDB's
const { DuckDBInstance } = require('@duckdb/node-api');

const [command, file, runDate, threads, csv] = process.argv.slice(2);

const load = `
CREATE TABLE orders (order_id BIGINT, customer_id BIGINT, created_at TIMESTAMP, total DECIMAL(12,2), status VARCHAR);
COPY orders FROM '${csv}' (FORMAT csv, HEADER false);
CHECKPOINT`;

const score = `
CREATE OR REPLACE TABLE scores AS
SELECT DATE '${runDate}' AS run_date, *, r_score + f_score + m_score AS rfm_score,
       CASE WHEN rfm_score >= 10 THEN 'Loyal Customers'
            WHEN rfm_score >= 8 THEN 'Potential Loyalists'
            WHEN rfm_score >= 6 THEN 'Promising Customers'
            WHEN rfm_score >= 4 THEN 'At Risk'
            ELSE 'Hibernating' END AS rfm_segment,
       CASE WHEN r_score >= 4 AND f_score >= 4 AND m_score >= 4 THEN 'Champions'
            WHEN r_score < 4 AND f_score >= 4 AND m_score >= 4 THEN 'Loyal High Spenders'
            WHEN f_score >= 4 AND m_score <= 3 THEN 'Loyal Budget Spenders'
            WHEN r_score >= 3 AND f_score <= 3 AND m_score >= 4 THEN 'Big Spenders'
            WHEN r_score = 5 AND f_score <= 2 AND m_score >= 4 THEN 'New High Value Customers'
            WHEN r_score = 5 AND f_score <= 2 AND m_score <= 2 THEN 'New Customers'
            WHEN r_score >= 4 AND f_score = 3 AND m_score = 3 THEN 'Potential Loyalists'
            WHEN r_score = 4 AND f_score = 2 AND m_score = 2 THEN 'Promising Customers'
            WHEN r_score <= 2 AND f_score >= 4 THEN 'Loyal At Risk'
            WHEN r_score <= 2 AND m_score >= 4 THEN 'Big Spenders At Risk'
            WHEN r_score = 2 AND f_score <= 2 AND m_score <= 2 THEN 'About to Churn'
            WHEN r_score = 1 AND f_score <= 2 AND m_score <= 2 THEN 'Hibernating'
            WHEN f_score = 1 AND m_score <= 2 THEN 'One-time Buyers'
            WHEN f_score >= 3 AND m_score = 1 THEN 'Bargain Hunters'
            WHEN r_score <= 3 AND f_score <= 2 AND m_score <= 2 THEN 'Low Value Customers'
            ELSE 'Others' END AS comments
FROM (SELECT customer_id, recency_days, frequency_orders, monetary_value,
             ntile(5) OVER (ORDER BY recency_days DESC, customer_id) AS r_score,
             ntile(5) OVER (ORDER BY frequency_orders, customer_id) AS f_score,
             ntile(5) OVER (ORDER BY monetary_value, customer_id) AS m_score
      FROM (SELECT customer_id, DATE '${runDate}' - max(created_at)::DATE AS recency_days,
                   count(*) AS frequency_orders, sum(total) AS monetary_value
            FROM orders
            WHERE status <> 'cancelled' AND created_at < DATE '${runDate}' + 1
            GROUP BY customer_id))`;

const checksum = `
SELECT concat_ws(' ', count(*), sum(customer_id * (100 * r_score + 10 * f_score + m_score)),
                 sum(recency_days), sum(frequency_orders), sum(monetary_value)) FROM scores`;

async function value(connection, sql) {
  return (await connection.runAndReadAll(sql)).getRows()[0][0];
}

async function main() {
  const instance = await DuckDBInstance.create(command === 'version' ? ':memory:' : file, { threads });
  const connection = await instance.connect();
  if (command === 'version') {
    console.log(await value(connection, 'SELECT version()'));
  } else if (command === 'load') {
    await connection.run(load);
  } else {
    const begun = process.hrtime.bigint();
    await connection.run(score);
    console.log(Number(process.hrtime.bigint() - begun) / 1e6);
    console.log(await value(connection, checksum));
  }
  connection.closeSync();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
