#!/bin/sh
# For the init folder of the container: the demo's shop up to today, and two snapshots of it.
set -e
psql -X -q -v ON_ERROR_STOP=1 -v orders="${SHOP_ORDERS:-100000}" -v customers="${SHOP_CUSTOMERS:-20000}" -v seed="${SHOP_SEED:-1}" \
	-f /usr/local/share/rfm/demo_shop.sql
psql -X -q -v ON_ERROR_STOP=1 -c "SELECT rfm_refresh((now() AT TIME ZONE 'UTC')::date - 30) AS a_month_ago, rfm_refresh() AS today"
