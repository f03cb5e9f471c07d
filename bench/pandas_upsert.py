"""Scores of today's kind: SQL groups, pandas scores and labels, psycopg2 upserts. Prints its milliseconds.

usage: pandas_upsert.py CONNINFO RUN_DATE
"""
import sys
import time
import warnings

import numpy
import pandas
import psycopg2
from psycopg2.extras import execute_values

warnings.filterwarnings("ignore", message="pandas only support")    # psycopg2 works as well
conninfo, run_date = sys.argv[1:]
begun = time.monotonic()
connection = psycopg2.connect(conninfo)

df = pandas.read_sql(
    """SELECT customer_id, max(created_at)::date AS last_order, count(*) AS frequency_orders, sum(total) AS monetary_value
       FROM bench.orders WHERE status <> 'cancelled' AND created_at < date %(run_date)s + 1
       GROUP BY customer_id""",
    connection, params={"run_date": run_date}, parse_dates=["last_order"])
df["recency_days"] = (pandas.Timestamp(run_date) - df["last_order"]).dt.days
df["monetary_value"] = df["monetary_value"].astype(float)


def quintile(column, labels):
    return pandas.qcut(column.rank(method="first"), 5, labels=labels).astype(int)


r = df["r_score"] = quintile(df["recency_days"], [5, 4, 3, 2, 1])
f = df["f_score"] = quintile(df["frequency_orders"], [1, 2, 3, 4, 5])
m = df["m_score"] = quintile(df["monetary_value"], [1, 2, 3, 4, 5])
total = df["rfm_score"] = r + f + m
df["rfm_segment"] = numpy.select(
    [total >= 10, total >= 8, total >= 6, total >= 4],
    ["Loyal Customers", "Potential Loyalists", "Promising Customers", "At Risk"], "Hibernating")
df["comments"] = numpy.select(
    [(r >= 4) & (f >= 4) & (m >= 4), (r < 4) & (f >= 4) & (m >= 4), (f >= 4) & (m <= 3), (r >= 3) & (f <= 3) & (m >= 4),
     (r == 5) & (f <= 2) & (m >= 4), (r == 5) & (f <= 2) & (m <= 2), (r >= 4) & (f == 3) & (m == 3),
     (r == 4) & (f == 2) & (m == 2), (r <= 2) & (f >= 4), (r <= 2) & (m >= 4), (r == 2) & (f <= 2) & (m <= 2),
     (r == 1) & (f <= 2) & (m <= 2), (f == 1) & (m <= 2), (f >= 3) & (m == 1), (r <= 3) & (f <= 2) & (m <= 2)],
    ["Champions", "Loyal High Spenders", "Loyal Budget Spenders", "Big Spenders", "New High Value Customers",
     "New Customers", "Potential Loyalists", "Promising Customers", "Loyal At Risk", "Big Spenders At Risk",
     "About to Churn", "Hibernating", "One-time Buyers", "Bargain Hunters", "Low Value Customers"], "Others")
df["run_date"] = run_date

columns = ["run_date", "customer_id", "recency_days", "frequency_orders", "monetary_value", "r_score", "f_score",
           "m_score", "rfm_score", "rfm_segment", "comments"]
with connection, connection.cursor() as cursor:
    execute_values(
        cursor,
        "INSERT INTO bench.scores_pandas (%s) VALUES %%s ON CONFLICT (run_date, customer_id) DO UPDATE SET %s, updated_at = now()"
        % (", ".join(columns), ", ".join("%s = EXCLUDED.%s" % (c, c) for c in columns[2:])),
        zip(*(df[c].tolist() for c in columns)), page_size=10000)
connection.close()
print("%.3f" % ((time.monotonic() - begun) * 1000))
