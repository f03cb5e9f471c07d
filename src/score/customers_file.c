/*-------------------------------------------------------------------------
 *
 * customers_file.c
 *		The customers of a snapshot in a temporary file.
 *
 * Only once all have been seen is it known at which scale every sum is an
 * integer, so sums stand in the file with the scale of their own.  Where there
 * is no such scale, the ranks of all sums are made in memory, bound or not:
 * money of more than eighteen digits is too rare for more.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/spill.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "score/customers_file.h"
#include "utils/memutils.h"
#include "value/numeric.h"

#define BLOCK_ROWS 4096

/* What stands before the arrays of a block. */
typedef struct BlockHeader
{
	int64		rows;
	Size		key_bytes;		/* images of by-reference keys */
	Size		wide_bytes;		/* images of wide sums */
} BlockHeader;

typedef struct BlockPlace
{
	int			fileno;
	off_t		offset;
} BlockPlace;

/* Images one after another, each at an aligned place. */
typedef struct Images
{
	char	   *data;
	Size		used;
	Size		space;
} Images;

struct RfmCustomersFile
{
	MemoryContext mcxt;
	BufFile    *file;
	BlockPlace *place;
	int64		nblocks;
	int64		place_space;
	bool		by_reference;
	int64	   *rank;			/* RFM_MONEY_WIDE: the codes of money by row */

	/* the block at hand */
	BlockHeader header;
	Datum	   *key;			/* by-reference ones: while written, offsets */
	int64	   *code[RFM_AXES];
	uint8	   *scale;
	uint32	   *wide;			/* where the image of a wide sum is, plus one */
	Images		keys;
	Images		wides;
};

/*
 * Writing.
 */

static RfmCustomersFile *
create_file(bool by_reference)
{
	RfmCustomersFile *f = palloc0(sizeof(RfmCustomersFile));

	f->mcxt = CurrentMemoryContext;
	f->by_reference = by_reference;
	PrepareTempTablespaces();
	f->file = BufFileCreateTemp(false);
	f->place_space = 64;
	f->place = palloc(f->place_space * sizeof(BlockPlace));
	f->key = palloc(BLOCK_ROWS * sizeof(Datum));
	for (int axis = 0; axis < RFM_AXES; axis++)
		f->code[axis] = palloc(BLOCK_ROWS * sizeof(int64));
	f->scale = palloc(BLOCK_ROWS);
	f->wide = palloc(BLOCK_ROWS * sizeof(uint32));
	return f;
}

static void
reserve_images(RfmCustomersFile *f, Images *images, Size space)
{
	if (space <= images->space)
		return;
	if (images->data)
		images->data = repalloc_huge(images->data, space);
	else
		images->data = MemoryContextAllocHuge(f->mcxt, space);
	images->space = space;
}

/* Returns where the image is. */
static Size
add_image(RfmCustomersFile *f, Images *images, const void *image, Size size)
{
	Size		at = images->used;

	if (at + MAXALIGN(size) > images->space)
		reserve_images(f, images, Max(at + MAXALIGN(size), images->space * 2 + 65536));
	memcpy(images->data + at, image, size);
	/* nothing that happened to be in memory goes to a file */
	memset(images->data + at + size, 0, MAXALIGN(size) - size);
	images->used += MAXALIGN(size);
	return at;
}

static void
write_block(RfmCustomersFile *f)
{
	BlockHeader *h = &f->header;

	if (h->rows == 0)
		return;
	if (f->nblocks == f->place_space)
	{
		f->place_space *= 2;
		f->place = repalloc_huge(f->place, f->place_space * sizeof(BlockPlace));
	}
	BufFileTell(f->file, &f->place[f->nblocks].fileno, &f->place[f->nblocks].offset);
	f->nblocks++;

	h->key_bytes = f->keys.used;
	h->wide_bytes = f->wides.used;
	BufFileWrite(f->file, h, sizeof(*h));
	BufFileWrite(f->file, f->key, h->rows * sizeof(Datum));
	for (int axis = 0; axis < RFM_AXES; axis++)
		BufFileWrite(f->file, f->code[axis], h->rows * sizeof(int64));
	BufFileWrite(f->file, f->scale, h->rows);
	BufFileWrite(f->file, f->wide, h->rows * sizeof(uint32));
	if (h->key_bytes > 0)
		BufFileWrite(f->file, f->keys.data, h->key_bytes);
	if (h->wide_bytes > 0)
		BufFileWrite(f->file, f->wides.data, h->wide_bytes);
	h->rows = 0;
	f->keys.used = f->wides.used = 0;
	CHECK_FOR_INTERRUPTS();
}

static void
add_customer(RfmCustomersFile *f, const RfmKeyType *kt, const RfmEntry *e,
			 int64 recency, int64 money)
{
	int64		at = f->header.rows++;

	f->key[at] = f->by_reference ?
		(Datum) add_image(f, &f->keys, DatumGetPointer(e->key), rfm_key_size(kt, e->key)) : e->key;
	f->code[RFM_RECENCY][at] = recency;
	f->code[RFM_FREQUENCY][at] = e->orders;
	f->code[RFM_MONETARY][at] = money;
	f->scale[at] = e->scale;
	f->wide[at] = 0;
	if (e->form == RFM_FORM_WIDE)
		f->wide[at] = (uint32) add_image(f, &f->wides, e->sum.numeric, VARSIZE(e->sum.numeric)) + 1;
	if (f->header.rows == BLOCK_ROWS)
		write_block(f);
}

/*
 * Reading.
 */

static void
read_block(RfmCustomersFile *f, int64 block)
{
	BlockHeader *h = &f->header;

	if (BufFileSeek(f->file, f->place[block].fileno, f->place[block].offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in temporary file of a snapshot")));
	rfm_BufFileReadExact(f->file, h, sizeof(*h));
	rfm_BufFileReadExact(f->file, f->key, h->rows * sizeof(Datum));
	for (int axis = 0; axis < RFM_AXES; axis++)
		rfm_BufFileReadExact(f->file, f->code[axis], h->rows * sizeof(int64));
	rfm_BufFileReadExact(f->file, f->scale, h->rows);
	rfm_BufFileReadExact(f->file, f->wide, h->rows * sizeof(uint32));
	reserve_images(f, &f->keys, h->key_bytes);
	if (h->key_bytes > 0)
		rfm_BufFileReadExact(f->file, f->keys.data, h->key_bytes);
	reserve_images(f, &f->wides, h->wide_bytes);
	if (h->wide_bytes > 0)
		rfm_BufFileReadExact(f->file, f->wides.data, h->wide_bytes);
	if (f->by_reference)
		for (int64 i = 0; i < h->rows; i++)
			f->key[i] = PointerGetDatum(f->keys.data + (Size) f->key[i]);
}

void
rfm_customers_file_read(RfmCustomers *customers, int64 row)
{
	RfmCustomersFile *f = customers->file;
	const RfmMoney *money = &customers->money;

	CHECK_FOR_INTERRUPTS();
	read_block(f, row / BLOCK_ROWS);
	customers->first = row - row % BLOCK_ROWS;
	customers->end = customers->first + f->header.rows;
	if (money->kind == RFM_MONEY_WIDE)
		memcpy(f->code[RFM_MONETARY], f->rank + customers->first, f->header.rows * sizeof(int64));
	else if (money->kind == RFM_MONEY_SCALED)
		for (int64 i = 0; i < f->header.rows; i++)
			f->code[RFM_MONETARY][i] *= rfm_power_of_ten[money->scale - f->scale[i]];
}

int64
rfm_customers_file_rows(const RfmCustomersFile *file)
{
	return Max((int64) (rfm_memory_bound() / 4 / sizeof(int64)), BLOCK_ROWS);
}

void
rfm_customers_file_close(RfmCustomersFile *file)
{
	BufFileClose(file->file);
}

/*
 * From the spill to the file.
 */

/* What has been seen of exact sums, by scale. */
typedef struct SumRange
{
	bool		any;
	int64		lowest;
	int64		highest;
} SumRange;

static void
note_sum(SumRange *range, int64 scaled)
{
	range->lowest = range->any ? Min(range->lowest, scaled) : scaled;
	range->highest = range->any ? Max(range->highest, scaled) : scaled;
	range->any = true;
}

/* The scale at which all sums are int64, or -1. */
static int
common_scale(const SumRange *range)
{
	int			common = 0;

	for (int scale = 0; scale <= RFM_MAX_SCALE; scale++)
		if (range[scale].any)
			common = scale;
	for (int scale = 0; scale <= RFM_MAX_SCALE; scale++)
	{
		RfmSum		lowest = {.scaled = range[scale].lowest};
		RfmSum		highest = {.scaled = range[scale].highest};
		int64		scaled;

		if (range[scale].any &&
			!(rfm_sum_scaled(&lowest, RFM_FORM_SCALED, (uint8) scale, common, &scaled) &&
			  rfm_sum_scaled(&highest, RFM_FORM_SCALED, (uint8) scale, common, &scaled)))
			return -1;
	}
	return common;
}

/* Ranks all sums, where they have no scale in common. */
static void
rank_sums(RfmCustomers *customers)
{
	RfmCustomersFile *f = customers->file;
	Numeric    *values = rfm_alloc_array(f->mcxt, customers->n, sizeof(Numeric), false);
	int64		row = 0;

	for (int64 block = 0; block < f->nblocks; block++)
	{
		read_block(f, block);
		for (int64 i = 0; i < f->header.rows; i++)
		{
			RfmSum		sum = {.scaled = f->code[RFM_MONETARY][i]};

			if (f->wide[i] > 0)
				sum.numeric = (Numeric) (f->wides.data + f->wide[i] - 1);
			values[row++] = rfm_sum_numeric(&sum, f->wide[i] > 0 ? RFM_FORM_WIDE : RFM_FORM_SCALED,
											f->scale[i]);
		}
		CHECK_FOR_INTERRUPTS();
	}
	f->rank = rfm_alloc_array(f->mcxt, customers->n, sizeof(int64), false);
	customers->money.code = f->rank;
	rfm_money_rank(&customers->money, values, customers->n);
	pfree(values);
}

/* Is a sum above the model's limit? */
static bool
above_limit(const RfmEntry *e, int64 code, Numeric limit)
{
	RfmMoney	money = {.kind = RFM_MONEY_SCALED, .scale = e->scale};
	int64		first;

	if (limit == NULL)
		return true;
	if (e->form == RFM_FORM_WIDE)
		return rfm_numeric_cmp(e->sum.numeric, limit) > 0;
	if (e->form == RFM_FORM_FLOAT)
		money.kind = RFM_MONEY_REAL;
	return rfm_money_first_code(&money, limit, true, &first) && code >= first;
}

static void
write_customers(RfmCustomers *customers, const RfmModel *model, const RfmSource *source,
				RfmCollector *c, SumRange *range, bool *wide)
{
	MemoryContext rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm spilled customer",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(rowcxt);
	RfmEntry	e;
	double		low;

	while (rfm_spill_next(c, &e, &low))
	{
		int64		recency = rfm_recency_code(c, &e, source, customers->run_date);
		int64		money = e.form == RFM_FORM_WIDE ? 0 : e.sum.scaled;

		if (c->amount_kind == RFM_AMOUNT_FLOAT)
		{
			money = rfm_double_to_code(rfm_sum_real(&e.sum, e.form, low));
			e.form = RFM_FORM_FLOAT;
		}
		if (above_limit(&e, money, model->monetary_above))
		{
			if (e.form == RFM_FORM_SCALED)
				note_sum(&range[e.scale], money);
			*wide |= e.form == RFM_FORM_WIDE;
			add_customer(customers->file, &c->customer_type, &e, recency, money);
			customers->n++;
		}
		rfm_progress_done(1);
		MemoryContextReset(rowcxt);
		if (customers->n % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	write_block(customers->file);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(rowcxt);
}

void
rfm_customers_from_spill(RfmCustomers *customers, const RfmModel *model,
						 const RfmSource *source, RfmCollector *c)
{
	RfmCustomersFile *f = create_file(rfm_key_by_reference(&c->customer_type));
	SumRange	range[RFM_MAX_SCALE + 1] = {{0}};
	bool		wide = false;
	int			scale;

	customers->file = f;
	customers->key = f->key;
	for (int axis = 0; axis < RFM_AXES; axis++)
		customers->code[axis] = f->code[axis];

	rfm_spill_table(c);
	rfm_spill_finish(c);
	write_customers(customers, model, source, c, range, &wide);

	if (c->amount_kind == RFM_AMOUNT_FLOAT)
		customers->money.kind = RFM_MONEY_REAL;
	else if (!wide && (scale = common_scale(range)) >= 0)
		customers->money.scale = scale;
	else
		rank_sums(customers);
	rfm_spill_end(c);
	MemoryContextDelete(c->mcxt);
}
