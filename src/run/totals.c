/*-------------------------------------------------------------------------
 *
 * totals.c
 *		The totals of snapshots by label: rfm_total.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "model/model.h"
#include "run/access.h"
#include "run/totals.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/tuplestore.h"

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

	total->wide = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(before),
													  NumericGetDatum(value)));
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
 * conflict with another. unnest with several arrays is a syntax: it has no
 * schema.
 */
static void
put_totals(const RfmScoredSnapshot *snapshot, const Total *cells, const char *by, char **label)
{
	int			scale = snapshot->customers->money.scale;
	Total	   *labels = palloc(RFM_CELLS * sizeof(Total));
	int			n = label ? count_labels(cells, label, scale, labels) : 0;
	Datum	   *column[4];
	Oid			types[] = {INT8OID, DATEOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, NUMERICARRAYOID};
	Datum		values[lengthof(types)];

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
	values[0] = Int64GetDatum(snapshot->model->id);
	values[1] = DateADTGetDatum(snapshot->run_date);
	values[2] = CStringGetTextDatum(by);
	values[3] = PointerGetDatum(construct_array(column[0], n, TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = PointerGetDatum(construct_array(column[1], n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[5] = PointerGetDatum(construct_array(column[2], n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[6] = PointerGetDatum(construct_array(column[3], n, NUMERICOID, -1, false, TYPALIGN_INT));
	rfm_execute(psprintf("DELETE FROM %s t WHERE t.model_id OPERATOR(pg_catalog.=) $1"
						 " AND t.run_date OPERATOR(pg_catalog.=) $2 AND t.by OPERATOR(pg_catalog.=) $3"
						 " AND ROW(t.label, t.customers, t.orders, t.revenue) NOT IN"
						 " (SELECT l.a, l.b, l.c, l.d FROM unnest($4, $5, $6, $7) AS l(a, b, c, d))",
						 rfm_public_name("rfm_total")),
				lengthof(values), types, values, NULL, SPI_OK_DELETE);
	rfm_execute(psprintf("INSERT INTO %s (model_id, run_date, by, label, customers, orders, revenue)"
						 " SELECT $1, $2, $3, l.a, l.b, l.c, l.d"
						 " FROM unnest($4, $5, $6, $7) AS l(a, b, c, d)"
						 " ON CONFLICT DO NOTHING",
						 rfm_public_name("rfm_total")),
				lengthof(values), types, values, NULL, SPI_OK_INSERT);
}

void
rfm_totals_write(const RfmScoredSnapshot *snapshot, bool hold)
{
	RfmIdentity	catalog;
	Total	   *cells = hold ? count_cells(snapshot) : NULL;

	rfm_catalog_enter(&catalog);
	put_totals(snapshot, cells, "segment", hold ? snapshot->segment : NULL);
	put_totals(snapshot, cells, "comment", hold ? snapshot->comment : NULL);
	rfm_catalog_leave(&catalog);
}

void
rfm_totals_delete(int64 model_id)
{
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(model_id);
	RfmIdentity	catalog;

	rfm_catalog_enter(&catalog);
	rfm_execute(psprintf("DELETE FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1",
						 rfm_public_name("rfm_total")),
				1, &type, &value, NULL, SPI_OK_DELETE);
	rfm_catalog_leave(&catalog);
}

void
rfm_totals_fetch(const char *name, ReturnSetInfo *rsinfo)
{
	RfmAccess	access;
	RfmModel   *model;
	Oid			type = INT8OID;
	Datum		value;
	RfmIdentity	catalog;

	rfm_access_open(name, &access);
	model = rfm_model_find(name, false);
	if ((!has_privs_of_role(GetUserId(), model->owner) &&
		 pg_class_aclcheck(model->target, GetUserId(), ACL_SELECT) != ACLCHECK_OK) ||
		check_enable_rls(model->target, InvalidOid, true) == RLS_ENABLED)
		return;

	value = Int64GetDatum(model->id);
	rfm_catalog_enter(&catalog);
	rfm_query(psprintf("SELECT run_date, by, label, customers, orders, revenue FROM %s"
					   " WHERE model_id OPERATOR(pg_catalog.=) $1", rfm_public_name("rfm_total")),
			  1, &type, &value, true);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	rfm_query_end();
	rfm_catalog_leave(&catalog);
}
