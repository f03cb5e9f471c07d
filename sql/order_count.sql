-- which rows are orders, and how many: refunds, and tables that are summed up already
\set SHOW_CONTEXT never
CREATE SCHEMA net;
CREATE TABLE net.orders (order_id int, customer_id text, created_at date, total numeric(8,2), kind text, visits int);
INSERT INTO net.orders VALUES
    (1, 'ann', '2026-01-05', 30, 'sale', 1),
    (1, 'ann', '2026-01-25', -10, 'refund', 0),
    (2, 'bob', '2026-01-10', 50, 'sale', 2),
    (3, 'bob', '2026-01-12', 20, 'sale', 1),
    (3, 'bob', '2026-01-12', 5, 'sale', 1),
    (4, 'cid', '2026-01-20', -7, 'refund', 0),
    (5, 'dot', '2026-01-28', 11, NULL, NULL);

-- a refund adds its amount: it is no order and no visit; who has no order is not there
SELECT rfm_create_model('net', 'net.orders', 'net.scores', order_count => $$kind = 'sale'$$);
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'net');
-- a refund of the 25th does not change the 15th
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-15', 'net');
-- rows of one order
UPDATE rfm_model SET order_id = 'order_id' WHERE model = 'net';
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'net');
-- the latest order is no refund
UPDATE rfm_model SET as_of = 'latest_order' WHERE model = 'net';
SELECT max(run_date) FROM rfm_preview(NULL, 'net');
UPDATE rfm_model SET order_id = NULL WHERE model = 'net';
SELECT rfm_refresh('2026-01-31', 'net');
SELECT customer_id, frequency_orders, monetary_value FROM rfm_score_now('ann', 'net');
SELECT customer_id FROM rfm_score_now('cid', 'net');

-- every date of a backfill, whichever way it reads, is a preview of that date
CALL rfm_backfill('2026-01-04', '2026-01-30', 'net');
CREATE FUNCTION net.differences() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint := 0;
BEGIN
    FOR d IN 0 .. 26 LOOP
        n := n + (SELECT count(*) FROM (SELECT customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score
                                          FROM net.scores WHERE run_date = date '2026-01-04' + d) s
                     FULL JOIN rfm_preview(date '2026-01-04' + d, 'net') p USING (customer_id)
                   WHERE (s.recency_days, s.frequency_orders, s.monetary_value, s.r_score, s.f_score, s.m_score)
                         IS DISTINCT FROM (p.recency_days, p.frequency_orders, p.monetary_value, p.r_score, p.f_score, p.m_score));
    END LOOP;
    RETURN n;
END $$;
SELECT net.differences(), count(DISTINCT run_date) FROM net.scores;
SET rfm.grouped_reading = on;
SELECT net.differences();
RESET rfm.grouped_reading;

-- a number: rows that are summed up already
UPDATE rfm_model SET order_count = 'visits', as_of = 'today' WHERE model = 'net';
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'net');
SET rfm.grouped_reading = on;
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'net');
RESET rfm.grouped_reading;

-- what is no such number
UPDATE rfm_model SET order_id = 'order_id' WHERE model = 'net';
UPDATE rfm_model SET order_count = 'total' WHERE model = 'net';
UPDATE rfm_model SET order_count = 'visit' WHERE model = 'net';
UPDATE rfm_model SET order_count = 'visits - 1' WHERE model = 'net';
SELECT count(*) FROM rfm_preview('2026-01-31', 'net');
SET rfm.grouped_reading = on;
SELECT count(*) FROM rfm_preview('2026-01-31', 'net');
RESET rfm.grouped_reading;
UPDATE rfm_model SET order_count = '5000000000' WHERE model = 'net';
SELECT count(*) FROM rfm_preview('2026-01-31', 'net');
SELECT rfm_drop_model('net', drop_target => true);
DROP SCHEMA net CASCADE;
