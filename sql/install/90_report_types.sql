-- The report --------------------------------------------------------------
--
-- rfm_report() reads snapshots into a few small arrays of the types below, and
-- every other function here turns some of them into a part of one page.  The
-- page is HTML that is well-formed XML too, has no script and refers to
-- nothing outside itself.  All that comes from a table or from a parameter
-- passes through report_text() on its way into it.
--
-- How numbers and money are written is decided once, by report_page(): the parts
-- write marks, control characters that report_text() lets nobody else write: 1 for
-- the separator of thousands, 2 for the decimal one, 3 for the currency.

-- All that the page says of one snapshot by itself: its customers by score.
CREATE TYPE rfm_internal.report_cell AS (
    r         int4,
    f         int4,
    m         int4,
    segment   text,
    comment   text,
    customers int8,
    repeated  int8,
    recent    int8,
    orders    numeric,
    revenue   numeric,
    days      numeric,
    low       numeric[],
    high      numeric[],
    alive     float8,
    coming    float8,
    worth     float8
);
COMMENT ON TYPE rfm_internal.report_cell IS
    'internal: customers of a snapshot with the same scores and labels: how many have several orders, how many bought in the last period, lowest and highest recency, frequency and monetary value and, where the target has forecasts, how many still are customers, and the orders and revenue to come';

CREATE TYPE rfm_internal.report_move AS (
    from_scores  int4,
    to_scores    int4,
    from_segment text,
    to_segment   text,
    change       int4,
    customers    int8,
    buyers       int8,
    recent       int8,
    orders       numeric,
    revenue      numeric,
    later        numeric,
    worth        numeric
);
COMMENT ON TYPE rfm_internal.report_move IS
    'internal: customers in both of two snapshots, by scores and segments: the change of the sum of scores; how many bought between the two, and in the period before the earlier one; their orders and revenue between the two, and their orders and monetary value in the later one';

CREATE TYPE rfm_internal.report_mover AS (
    customer     text,
    from_segment text,
    to_segment   text,
    from_score   int4,
    to_score     int4,
    days         numeric,
    orders       numeric,
    revenue      numeric
);
COMMENT ON TYPE rfm_internal.report_mover IS
    'internal: one customer in two snapshots; days, orders and revenue are those of the later one';

CREATE TYPE rfm_internal.report_point AS (
    run_date  date,
    segment   text,
    customers int8
);
COMMENT ON TYPE rfm_internal.report_point IS
    'internal: a segment in one of the snapshots of the trend';

CREATE TYPE rfm_internal.report_scale AS (
    axis   int4,
    bins   int4,
    low    float8,
    high   float8,
    beyond bool,
    logs   bool,
    ties   numeric[]
);
COMMENT ON TYPE rfm_internal.report_scale IS
    'internal: the scale of a histogram: its axis (1 to 3 for r, f and m), whether there are values beyond its end, whether it is logarithmic, and the values that a cut goes through';
