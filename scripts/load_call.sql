-- After load_orders.sql: the call that does the same on a server where the file's columns are those of a table public.orders.

-- the columns in SQL, and what the rows are like
CREATE TABLE part AS
SELECT (SELECT name FROM taken WHERE what = 'customer_id') AS customer_name, (SELECT name FROM taken WHERE what = 'created_at') AS time_name,
       (SELECT name FROM taken WHERE what = 'order_id') AS order_name, mode,
       (SELECT string_agg(format('%I', name), ' * ' ORDER BY what) FROM taken WHERE what IN ('total', 'quantity', 'unit_price')) AS amount,
       (SELECT format('coalesce(abs(%I), 0)', name) FROM taken WHERE what = 'refunded') AS refunded,
       (SELECT format('%I IN (%s)', t.name, string_agg(quote_literal(s.name), ', ' ORDER BY s.name))
        FROM taken AS t, status AS s WHERE t.what = 'status' AND NOT s.counts GROUP BY t.name) AS bad_status,
       (SELECT format(CASE WHEN boolean THEN '%I' ELSE '%I IS NOT NULL' END, name) FROM taken, flag WHERE what = 'cancelled_at') AS cancelled,
       coalesce(bool_or(remark LIKE 'a refund:%'), false) AS negative,
       -- the lines of an order, one by one, do not say what they say together
       coalesce(bool_or(lines > 1 AND (partly OR status_partly OR many_customers OR refunded > 0 OR least < 0 AND largest > 0)), false) AS mixed,
       coalesce(bool_or(lines > 1 AND amounts <> 1), false) AS not_once
FROM done WHERE customer_id IS NOT NULL AND created_at IS NOT NULL GROUP BY mode;

CREATE TABLE model AS
SELECT *, amount || coalesce(' - ' || refunded, '') AS net,
       concat_ws(' AND ', '(' || bad_status || ') IS NOT TRUE', '(' || cancelled || ') IS NOT TRUE') AS good,
       -- an amount on every line of an order, or lines that are to be taken together
       mode = 'repeat' OR mode = 'sum' AND mixed OR mode = 'first' AND (not_once OR NOT whole) AS view
FROM part,
     (SELECT count(*) > 0 AS fold FROM mail WHERE addresses > customers) AS folding,
     -- where the amount stands on one line of an order: does all else stand there?
     (SELECT coalesce(bool_and(e.customer_id = d.customer_id AND e.created_at = d.created_at AND e.cancelled = d.any_cancelled
                               AND e.status IS NOT DISTINCT FROM coalesce(d.good_status, d.bad_status)), true) AS whole
      FROM entry AS e JOIN done AS d USING (order_id) WHERE d.lines > 1 AND e.amount IS NOT NULL) AS wholeness;

-- the lines of an order put together
CREATE TABLE made AS
SELECT customer, CASE WHEN mode <> 'single' THEN format(E'SELECT %s AS order_id, min(%s) AS customer_id, max(%I) AS created_at,\n           %s AS total,\n           %s AS counts\n    FROM public.orders GROUP BY %1$s',
                        quote_ident(order_name), customer, time_name,
                        CASE WHEN mode = 'sum' THEN format('sum(%s)', amount) || coalesce(' FILTER (WHERE ' || nullif(good, '') || ')', '')
                             ELSE format('max(%s)', amount) END || coalesce(' - max(' || refunded || ')', ''),
                        coalesce(nullif(concat_ws(' AND ', 'bool_and(' || bad_status || ') IS NOT TRUE',
                                                  CASE mode WHEN 'sum' THEN 'bool_and(' ELSE 'bool_or(' END || cancelled || ') IS NOT TRUE'), ''), 'true')) END AS query
FROM model, LATERAL (SELECT format(CASE WHEN fold THEN 'lower(%I)' ELSE '%I' END, customer_name) AS customer) AS c;

-- A literal that reads well
CREATE FUNCTION literal(value text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN value !~ '[''\\]' THEN '''' || value || '''' WHEN strpos(value, '$') = 0 THEN concat('$', '$', value, '$', '$') ELSE quote_literal(value) END
$$;

UPDATE file SET call = (
    SELECT CASE WHEN view THEN format(E'    CREATE VIEW public.orders_once AS\n    %s;\n', query) ELSE '' END
           || E'    SELECT rfm_create_model(''orders'',\n        '
           || concat_ws(E',\n        ',
                        format('source     => ''public.%s'', target => ''public.customer_rfm_daily''', CASE WHEN view THEN 'orders_once' ELSE 'orders' END),
                        format('customer   => %s, ordered_at => %s', literal(CASE WHEN view THEN 'customer_id' WHEN fold THEN customer ELSE customer_name END),
                               literal(CASE WHEN view THEN 'created_at' ELSE time_name END)),
                        CASE WHEN mode = 'sum' AND NOT view THEN format('order_id   => %s', literal(order_name)) END,
                        format('amount     => %s', literal(CASE WHEN view THEN 'total' ELSE net END)),
                        'filter     => ' || literal(nullif(filter, '')))
           || E');\n    SELECT rfm_refresh(model => ''orders'');'
    FROM model, made,
         LATERAL (SELECT CASE WHEN view THEN 'counts' || CASE WHEN negative THEN ' AND coalesce(total, 0) >= 0' ELSE '' END
                              ELSE concat_ws(' AND ', CASE WHEN mode = 'first' THEN amount || ' IS NOT NULL' END, nullif(good, ''),
                                             CASE WHEN negative THEN format('coalesce(%s, 0) >= 0', net) END) END AS filter) AS f);
