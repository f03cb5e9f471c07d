-- the default model over a target that is there, with rows, columns of its own and logs
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int, created_at timestamp, total numeric(10,2), status varchar(20));
INSERT INTO ecom.orders
SELECT i, i % 5 + 1, timestamp '2026-01-01' + i * interval '1 day', i, CASE WHEN i % 7 = 0 THEN 'cancelled' ELSE 'completed' END
  FROM generate_series(1, 40) i;
CREATE TABLE ecom.customer_rfm_daily (
    id bigserial, run_date date NOT NULL, customer_id int NOT NULL, recency_days int, frequency_orders int,
    monetary_value numeric(12,2), r_score int, f_score int, m_score int, rfm_score int, rfm_segment varchar(50),
    comments varchar(100), logs jsonb, note text DEFAULT 'new', created_at timestamp DEFAULT '2020-01-01',
    PRIMARY KEY (run_date, customer_id));
INSERT INTO ecom.customer_rfm_daily (run_date, customer_id, recency_days, rfm_segment, note)
VALUES ('2026-02-28', 1, 99, 'old', 'kept'), ('2026-02-28', 77, 1, 'gone', 'gone'), ('2026-02-27', 1, 5, 'yesterday', 'stays');

SELECT rfm_refresh('2026-02-28');
SELECT id, run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score,
       rfm_segment, comments, logs - 'refreshed_at' AS logs, note, created_at = '2020-01-01' AS "created before"
  FROM ecom.customer_rfm_daily ORDER BY run_date, customer_id;
SELECT run_date, customers, orders, inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'default' ORDER BY run_id DESC LIMIT 1;
-- nothing changed: nothing written, not even logs
SELECT rfm_refresh('2026-02-28');
SELECT inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'default' ORDER BY run_id DESC LIMIT 1;

SELECT rfm_drop_model('default', true);

-- a status that is compared without regard to case is so here, too
CREATE EXTENSION citext;
ALTER TABLE ecom.orders ALTER status TYPE citext;
UPDATE ecom.orders SET status = 'Cancelled' WHERE order_id = 8;
SELECT sum(frequency_orders) AS orders, (SELECT count(*) FROM ecom.orders WHERE status <> 'cancelled') AS as_in_sql FROM rfm_preview('2026-02-28');
SELECT rfm_refresh('2026-02-28');
SELECT filter FROM rfm_model WHERE model = 'default';
SELECT rfm_drop_model('default', true);
DROP SCHEMA ecom CASCADE;
DROP EXTENSION citext;
