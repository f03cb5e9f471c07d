/*-------------------------------------------------------------------------
 *
 * totals.c
 *		The totals of snapshots by label: rfm_total.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "model/model.h"
#include "run/access.h"
#include "run/arguments.h"
#include "run/totals.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rls.h"
#include "utils/tuplestore.h"
#include "value/numeric.h"

PG_FUNCTION_INFO_V1(rfm_totals);

/* Totals of customers: those of a cell, then those of a label. */
typedef struct Total
{
	const char *label;
	int64		customers;
	int64		orders;
	int64		scaled;			/* money, beside what is in wide */
	Numeric		wide;			/* NULL: nothing */
} Total;

bool
rfm_totals_hold(const RfmScoredSnapshot *snapshot, const RfmTarget *target,
				const RfmCounts *counts)
{
	const RfmMoney *money = &snapshot->customers->money;
	int32		typmod = target->typmod[RFM_COL_MONETARY];

	if (snapshot->model->keep_stale || money->form == RFM_FORM_REAL || counts->altered > 0)
		return false;
	if (target->attnum[RFM_COL_MONETARY] == 0)
		return true;
	/* the scale of a numeric in its typmod: see numerictypmodin() */
	return target->type[RFM_COL_MONETARY] == NUMERICOID &&
		(typmod < (int32) VARHDRSZ ||
		 (money->form == RFM_FORM_SCALED &&
		  (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024 >= money->scale));
}

/* Add a numeric, which the caller keeps. */
static void
add_wide(Total *total, Numeric value)
{
	Numeric		before = total->wide ? total->wide : int64_to_numeric(0);

	total->wide = rfm_numeric_call(numeric_add, before, value);
	pfree(before);
}

/* Add money, in units of its scale. */
static void
add_money(Total *total, int64 value, int scale)
{
	int64		sum;

	if (!pg_add_s64_overflow(total->scaled, value, &sum))
	{
		total->scaled = sum;
		return;
	}
	sum = total->scaled;
	total->scaled = value;
	add_wide(total, int64_div_fast_to_numeric(sum, scale));
}

/* Add up the customers of every cell. */
static Total *
count_cells(const RfmScoredSnapshot *snapshot)
{
	const RfmCustomers *customers = snapshot->customers;
	Total	   *cells = palloc0(RFM_CELLS * sizeof(Total));

	for (int64 i = 0; i < customers->n; i++)
	{
		Total	   *cell = &cells[snapshot->scores->cell[i]];

		cell->customers++;
		cell->orders += customers->code[RFM_FREQUENCY][i];
		if (customers->money.form == RFM_FORM_SCALED)
			add_money(cell, customers->code[RFM_MONETARY][i], customers->money.scale);
		else
			add_wide(cell, rfm_money_numeric(&customers->money, customers->code[RFM_MONETARY][i]));
	}
	return cells;
}

/* Add up the cells that have a label in common; returns how many labels there are. */
static int
count_labels(const Total *cells, char **label, int scale, Total *labels)
{
	int			n = 0;

	for (int c = 0; c < RFM_CELLS; c++)
	{
		int			l = 0;

		if (cells[c].customers == 0)
			continue;
		while (l < n && strcmp(labels[l].label, label[c]) != 0)
			l++;
		if (l == n)
			labels[n++] = (Total) {.label = label[c]};
		labels[l].customers += cells[c].customers;
		labels[l].orders += cells[c].orders;
		add_money(&labels[l], cells[c].scaled, scale);
		if (cells[c].wide)
			add_wide(&labels[l], cells[c].wide);
	}
	return n;
}

/*
 * Store the rows of one kind of label; none if label is NULL. Existing equal
 * rows are not touched, so that a refresh that changes nothing does not
 * conflict with another.
 */
static void
put_totals(const RfmScoredSnapshot *snapshot, const Total *cells, const char *by, char **label)
{
	const RfmParam *params;
	int			scale = snapshot->customers->money.scale;
	Total	   *labels = palloc(RFM_CELLS * sizeof(Total));
	int			n = label ? count_labels(cells, label, scale, labels) : 0;
	Datum	   *column[4];

	for (int c = 0; c < (int) lengthof(column); c++)
		column[c] = palloc(Max(n, 1) * sizeof(Datum));
	for (int l = 0; l < n; l++)
	{
		column[0][l] = CStringGetTextDatum(labels[l].label);
		column[1][l] = Int64GetDatum(labels[l].customers);
		column[2][l] = Int64GetDatum(labels[l].orders);
		add_wide(&labels[l], int64_div_fast_to_numeric(labels[l].scaled, scale));
		column[3][l] = NumericGetDatum(labels[l].wide);
	}
	params = RFM_PARAMS(rfm_int8(snapshot->model->id), rfm_date(snapshot->run_date), rfm_text(by),
						rfm_array(TEXTARRAYOID, column[0], n), rfm_array(INT8ARRAYOID, column[1], n),
						rfm_array(INT8ARRAYOID, column[2], n), rfm_array(NUMERICARRAYOID, column[3], n));
	rfm_catalog_execute("DELETE FROM @rfm_total t WHERE t.model_id = $1 AND t.run_date = $2 AND t.by = $3"
						" AND ROW(t.label, t.customers, t.orders, t.revenue) NOT IN"
						" (SELECT l.a, l.b, l.c, l.d FROM unnest($4, $5, $6, $7) AS l(a, b, c, d))",
						SPI_OK_DELETE, params);
	rfm_catalog_execute("INSERT INTO @rfm_total (model_id, run_date, by, label, customers, orders, revenue)"
						" SELECT $1, $2, $3, l.a, l.b, l.c, l.d FROM unnest($4, $5, $6, $7) AS l(a, b, c, d)"
						" ON CONFLICT DO NOTHING",
						SPI_OK_INSERT, params);
}

void
rfm_totals_write(const RfmScoredSnapshot *snapshot, bool hold)
{
	Total	   *cells = hold ? count_cells(snapshot) : NULL;

	put_totals(snapshot, cells, "segment", hold ? snapshot->segment : NULL);
	put_totals(snapshot, cells, "comment", hold ? snapshot->comment : NULL);
}

/*
 * rfm_internal.totals(model text) RETURNS SETOF snapshot_total: the stored totals
 * of a model's snapshots.  None if the current user may not SELECT from the whole
 * target, or if row security restricts its rows.
 */
Datum
rfm_totals(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RfmModel   *model;
	RfmIdentity	catalog;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	model = rfm_access_model(rfm_text_argument(fcinfo, 0, "model"));
	if ((!has_privs_of_role(GetUserId(), model->owner) &&
		 pg_class_aclcheck(model->target, GetUserId(), ACL_SELECT) != ACLCHECK_OK) ||
		check_enable_rls(model->target, InvalidOid, true) == RLS_ENABLED)
		return (Datum) 0;
	rfm_catalog_query(&catalog, "SELECT run_date, by, label, customers, orders, revenue FROM @rfm_total"
					  " WHERE model_id = $1", RFM_PARAMS(rfm_int8(model->id)), true);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	rfm_catalog_query_end(&catalog);
	return (Datum) 0;
}
