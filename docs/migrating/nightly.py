"""The script that cron ran every night at 2 o'clock: what docs/migrating.md starts from.

usage: nightly.py CONNINFO [MOMENT]
"""
import sys
import warnings

import numpy as np
import pandas as pd
import psycopg2
from psycopg2.extras import execute_values

warnings.filterwarnings("ignore", message="pandas only support")
connection = psycopg2.connect(sys.argv[1])
now = pd.Timestamp(sys.argv[2] if len(sys.argv) > 2 else pd.Timestamp.utcnow().tz_localize(None))

orders = pd.read_sql("SELECT order_id, customer_id, created_at AT TIME ZONE 'UTC' AS created_at, total"
                     "  FROM ecom.orders WHERE status <> 'cancelled'", connection)
orders["total"] = orders["total"].astype(float)

rfm = orders.groupby("customer_id").agg(
    recency_days=("created_at", lambda times: (now - times.max()).days),
    frequency_orders=("order_id", "count"),
    monetary_value=("total", "sum")).reset_index()
rfm["r_score"] = pd.qcut(rfm["recency_days"], 5, labels=[5, 4, 3, 2, 1]).astype(int)
# a third of the customers has one order: qcut on the counts themselves fails, "Bin edges must be unique"
rfm["f_score"] = pd.qcut(rfm["frequency_orders"].rank(method="first"), 5, labels=[1, 2, 3, 4, 5]).astype(int)
rfm["m_score"] = pd.qcut(rfm["monetary_value"], 5, labels=[1, 2, 3, 4, 5]).astype(int)
rfm["rfm_score"] = rfm["r_score"] + rfm["f_score"] + rfm["m_score"]
rfm["rfm_segment"] = np.select(
    [rfm["rfm_score"] >= 10, rfm["rfm_score"] >= 8, rfm["rfm_score"] >= 6, rfm["rfm_score"] >= 4],
    ["Loyal Customers", "Potential Loyalists", "Promising Customers", "At Risk"], "Hibernating")
rfm.insert(0, "run_date", now.date())

columns = list(rfm.columns)
with connection, connection.cursor() as cursor:
    execute_values(
        cursor,
        "INSERT INTO ecom.customer_rfm_daily ({}) VALUES %s ON CONFLICT (run_date, customer_id) DO UPDATE SET {}, updated_at = now()"
        .format(", ".join(columns), ", ".join(f"{c} = EXCLUDED.{c}" for c in columns[2:])),
        rfm.astype(object).values.tolist(), page_size=10000)
connection.close()
print(len(rfm), "customers")
