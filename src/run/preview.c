/*-------------------------------------------------------------------------
 *
 * preview.c
 *		A snapshot as rows of SQL, without a target: rfm_preview().
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/version.h"
#include "miscadmin.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/preview.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(rfm_preview);

void
rfm_preview_row(const RfmScoredSnapshot *snapshot, int64 i, RfmCell cell,
			Datum *values, bool *nulls)
{
	const RfmCustomers *customers = snapshot->customers;
	char	   *group = rfm_key_group_out(&customers->key_type, customers->key[i]);
	int			r = RFM_CELL_R(cell);
	int			f = RFM_CELL_F(cell);
	int			m = RFM_CELL_M(cell);

	memset(nulls, false, RFM_PREVIEW_COLUMNS);
	values[0] = DateADTGetDatum(snapshot->run_date);
	nulls[1] = group == NULL;
	values[1] = group ? CStringGetTextDatum(group) : (Datum) 0;
	values[2] = CStringGetTextDatum(rfm_key_out(&customers->key_type, customers->key[i]));
	values[3] = Int32GetDatum((int32) -customers->code[RFM_RECENCY][i]);
	values[4] = Int64GetDatum(customers->code[RFM_FREQUENCY][i]);
	values[5] = NumericGetDatum(rfm_axis_numeric(customers, RFM_MONETARY,
												 customers->code[RFM_MONETARY][i]));
	values[6] = Int32GetDatum(r);
	values[7] = Int32GetDatum(f);
	values[8] = Int32GetDatum(m);
	values[9] = Int32GetDatum(r + f + m);
	nulls[10] = snapshot->segment == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(snapshot->segment[cell]);
	nulls[11] = snapshot->comment == NULL;
	values[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(snapshot->comment[cell]);
	values[12] = CStringGetTextDatum(rfm_cell_text(snapshot->model, cell));
	values[13] = Int64GetDatum(rfm_cell_weighted(snapshot->model, cell));
}

/*
 * rfm_preview(run_date date, model text, score_group text) RETURNS TABLE (...)
 */
Datum
rfm_preview(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext mcxt;
	MemoryContext rowcxt;
	MemoryContext oldcxt;
	char	   *name;
	DateADT    *run_date;
	RfmScoredSnapshot snapshot;
	RfmIdentity owner;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm preview",
								 ALLOCSET_DEFAULT_SIZES);
	rowcxt = AllocSetContextCreate(mcxt, "rfm preview row", ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(mcxt);
	name = rfm_text_argument(fcinfo, 1, "model");
	run_date = rfm_optional_date(fcinfo, 0);
	rfm_progress_announce(name, run_date, true);
	rfm_snapshot_compute(rfm_model_load(name, false), run_date, rfm_optional_text(fcinfo, 2), false,
						 &snapshot);

	/* customers as text that rfm_score_now() takes, whatever the session's formats */
	rfm_owner_enter(&owner, snapshot.model->owner, snapshot.model->time_zone);
	MemoryContextSwitchTo(rowcxt);
	for (int64 i = 0; i < snapshot.customers->n; i++)
	{
		Datum		values[RFM_PREVIEW_COLUMNS];
		bool		nulls[RFM_PREVIEW_COLUMNS];

		rfm_preview_row(&snapshot, i, snapshot.scores->cell[i], values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(rowcxt);
		rfm_progress_done(1);
		CHECK_FOR_INTERRUPTS();
	}
	rfm_owner_leave(&owner);
	rfm_progress_end();
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	return (Datum) 0;
}
