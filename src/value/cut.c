/*-------------------------------------------------------------------------
 *
 * cut.c
 *		Order statistics, and the cut points of one axis of scores.
 *
 * Only a few ranks are wanted, so the values are not sorted completely.  A
 * histogram over the leading bits of (value - minimum) shows which of its
 * buckets contains a wanted rank.  The members of those few buckets are
 * gathered and processed again, until a bucket contains a single value, or so
 * few that sorting them is cheap.  Each level settles HISTOGRAM_BITS bits
 * more, so there are at most four.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "value/cut.h"

#define HISTOGRAM_BITS	16
#define HISTOGRAM_SIZE	(UINT64CONST(1) << HISTOGRAM_BITS)

/* Up to this number, values are sorted. */
#define SORT_LIMIT		4096

/* Values looked at between two checks for interrupts. */
#define BLOCK_VALUES	65536

/* Values that every cut looks at in turn, while they are in the cache. */
#define TIE_BLOCK_VALUES 1024

#define ST_SORT sort_values
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* A rank that is asked for, and where its answer goes. */
typedef struct WantedRank
{
	int64		rank;
	RfmOrderStat *stat;
} WantedRank;

#define ST_SORT sort_wanted
#define ST_ELEMENT_TYPE WantedRank
#define ST_COMPARE(a, b) ((a)->rank < (b)->rank ? -1 : (a)->rank > (b)->rank)
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* A histogram bucket that holds wanted ranks and more than one value. */
typedef struct WantedBucket
{
	uint64		number;
	int64		count;			/* values in it */
	int64		first;			/* overall rank of the smallest of them */
	const WantedRank *wanted;
	int			nwanted;
} WantedBucket;

/* The wanted ranks, which ascend, all fall among the values from low to high. */
static void select_ranks(const int64 *values, int64 n, int64 low, int64 high, int64 first,
						 const WantedRank *wanted, int nwanted);

/*
 * Return the position of the first of ascending values that is not below
 * value.
 */
static int64
lower_bound(const int64 *sorted, int64 n, int64 value)
{
	int64		low = 0;

	while (n > 0)
	{
		int64		half = n / 2;

		if (sorted[low + half] < value)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return low;
}

static void
select_by_sorting(int64 *values, int64 n, int64 first,
				  const WantedRank *wanted, int nwanted)
{
	sort_values(values, n);
	for (int i = 0; i < nwanted; i++)
	{
		int64		rank = wanted[i].rank - first;

		wanted[i].stat->value = values[rank];
		wanted[i].stat->ties_before =
			rank - lower_bound(values, n, values[rank]);
	}
}

static void
find_range(const int64 *values, int64 n, int64 *min, int64 *max)
{
	int64		low = PG_INT64_MAX;
	int64		high = PG_INT64_MIN;

	for (int64 start = 0, end; start < n; start = end)
	{
		end = Min(n, start + BLOCK_VALUES);
		for (int64 i = start; i < end; i++)
		{
			low = Min(low, values[i]);
			high = Max(high, values[i]);
		}
		CHECK_FOR_INTERRUPTS();
	}
	*min = low;
	*max = high;
}

/* The difference of two values may exceed int64, but never uint64. */
static inline uint64
bucket_of(int64 value, int64 min, int shift)
{
	return ((uint64) value - (uint64) min) >> shift;
}

static void
fill_histogram(const int64 *values, int64 n, int64 min, int shift, int64 *histogram)
{
	for (int64 start = 0, end; start < n; start = end)
	{
		end = Min(n, start + BLOCK_VALUES);
		for (int64 i = start; i < end; i++)
			histogram[bucket_of(values[i], min, shift)]++;
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Find the histogram bucket of each wanted rank.  A bucket as wide as one
 * value answers at once; the others are listed in buckets.  Returns their
 * number.
 */
static int
find_buckets(const int64 *histogram, int64 min, int shift, int64 first,
			 const WantedRank *wanted, int nwanted, WantedBucket *buckets)
{
	uint64		number = 0;
	int			nbuckets = 0;

	for (int i = 0; i < nwanted; i++)
	{
		while (first + histogram[number] <= wanted[i].rank)
			first += histogram[number++];

		if (shift == 0)
		{
			wanted[i].stat->value = (int64) ((uint64) min + number);
			wanted[i].stat->ties_before = wanted[i].rank - first;
		}
		else if (nbuckets > 0 && buckets[nbuckets - 1].number == number)
			buckets[nbuckets - 1].nwanted++;
		else
		{
			WantedBucket *bucket = &buckets[nbuckets++];

			bucket->number = number;
			bucket->count = histogram[number];
			bucket->first = first;
			bucket->wanted = &wanted[i];
			bucket->nwanted = 1;
		}
	}
	return nbuckets;
}

/*
 * Copy the members of the wanted buckets, bucket by bucket.  next says, for
 * each bucket of the histogram, where its next member goes; negative: nowhere.
 */
static void
gather_members(const int64 *values, int64 n, int64 min, int shift,
			   int64 *next, int64 *members)
{
	for (int64 start = 0, end; start < n; start = end)
	{
		end = Min(n, start + BLOCK_VALUES);
		for (int64 i = start; i < end; i++)
		{
			int64	   *position = &next[bucket_of(values[i], min, shift)];

			if (*position >= 0)
				members[(*position)++] = values[i];
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Look at the members of the wanted buckets, total in all, by themselves.
 * histogram, of size buckets, has done its work: its memory becomes the map.
 */
static void
select_in_members(const int64 *values, int64 n, int64 min, int shift, int64 *histogram,
				  uint64 size, const WantedBucket *buckets, int nbuckets, int64 total)
{
	int64	   *members = MemoryContextAllocHuge(CurrentMemoryContext, total * sizeof(int64));
	int64		at = 0;

	memset(histogram, 0xFF, size * sizeof(int64));
	for (int i = 0; i < nbuckets; i++)
	{
		histogram[buckets[i].number] = at;
		at += buckets[i].count;
	}
	gather_members(values, n, min, shift, histogram, members);

	at = 0;
	for (int i = 0; i < nbuckets; i++)
	{
		const WantedBucket *bucket = &buckets[i];

		if (bucket->count <= SORT_LIMIT)
			select_by_sorting(members + at, bucket->count, bucket->first,
							  bucket->wanted, bucket->nwanted);
		else
		{
			int64		low;
			int64		high;

			find_range(members + at, bucket->count, &low, &high);
			select_ranks(members + at, bucket->count, low, high, bucket->first,
						 bucket->wanted, bucket->nwanted);
		}
		at += bucket->count;
	}
	pfree(members);
}

/*
 * Answer the wanted ranks among values from low to high; first is the overall
 * rank of the smallest of them.
 */
static void
select_ranks(const int64 *values, int64 n, int64 low, int64 high, int64 first,
			 const WantedRank *wanted, int nwanted)
{
	uint64		range = (uint64) high - (uint64) low;
	int			shift = range == 0 ? 0 : Max(0, pg_leftmost_one_pos64(range) + 1 - HISTOGRAM_BITS);
	uint64		size = (range >> shift) + 1;
	int64	   *histogram = palloc0(size * sizeof(int64));
	WantedBucket *buckets = palloc(nwanted * sizeof(WantedBucket));
	int			nbuckets;
	int64		total = 0;

	Assert(size <= HISTOGRAM_SIZE);
	fill_histogram(values, n, low, shift, histogram);
	nbuckets = find_buckets(histogram, low, shift, first, wanted, nwanted, buckets);
	for (int i = 0; i < nbuckets; i++)
		total += buckets[i].count;
	if (nbuckets > 0)
		select_in_members(values, n, low, shift, histogram, size, buckets, nbuckets, total);

	pfree(buckets);
	pfree(histogram);
}

void
rfm_order_stats(const int64 *values, int64 n, const int64 *ranks, int nranks,
				RfmOrderStat *stats)
{
	WantedRank *wanted;
	int64		low;
	int64		high;

	if (nranks == 0)
		return;

	wanted = palloc(nranks * sizeof(WantedRank));
	for (int i = 0; i < nranks; i++)
	{
		Assert(ranks[i] >= 0 && ranks[i] < n);
		wanted[i].rank = ranks[i];
		wanted[i].stat = &stats[i];
	}
	sort_wanted(wanted, nranks);
	find_range(values, n, &low, &high);
	/* few values are sorted, unless there are more of them than can be told apart */
	if (n <= SORT_LIMIT && (uint64) high - (uint64) low >= (uint64) n)
	{
		int64	   *copy = palloc(n * sizeof(int64));

		memcpy(copy, values, n * sizeof(int64));
		select_by_sorting(copy, n, 0, wanted, nranks);
		pfree(copy);
	}
	else
		select_ranks(values, n, low, high, 0, wanted, nranks);
	pfree(wanted);
}

void
rfm_equal_fractions(int buckets, RfmFraction *fraction)
{
	for (int i = 0; i < buckets - 1; i++)
	{
		fraction[i].numerator = i + 1;
		fraction[i].denominator = buckets;
	}
}

void
rfm_quantile_position(int64 n, RfmFraction fraction, int64 *rank, int64 *numerator)
{
	/* (n - 1) * numerator might overflow; the parts of n - 1 do not */
	int64		whole = (n - 1) / fraction.denominator;
	int64		part = (n - 1) % fraction.denominator * fraction.numerator;

	*rank = whole * fraction.numerator + part / fraction.denominator;
	*numerator = part % fraction.denominator;
}

void
rfm_quantiles_of(const int64 *values, int64 n, const RfmFraction *fraction, int nquantiles,
				 RfmQuantile *quantiles)
{
	int64	   *ranks = palloc(2 * nquantiles * sizeof(int64));
	RfmOrderStat *stats = palloc(2 * nquantiles * sizeof(RfmOrderStat));

	Assert(n > 0);
	for (int i = 0; i < nquantiles; i++)
	{
		int64		rank;

		rfm_quantile_position(n, fraction[i], &rank, &quantiles[i].numerator);
		quantiles[i].denominator = fraction[i].denominator;
		ranks[2 * i] = rank;
		ranks[2 * i + 1] = quantiles[i].numerator > 0 ? rank + 1 : rank;
	}
	rfm_order_stats(values, n, ranks, 2 * nquantiles, stats);
	for (int i = 0; i < nquantiles; i++)
	{
		quantiles[i].lower = stats[2 * i].value;
		quantiles[i].upper = stats[2 * i + 1].value;
	}

	pfree(stats);
	pfree(ranks);
}

/*
 * Find the rows at which runs of equal codes are cut in two: tie[i] becomes
 * the number of the row that has before[i] rows of the same code value[i]
 * before it.
 */
static void
find_tie_rows(const int64 *codes, int64 n, int ncuts, const int64 *value,
			  const int64 *before, int64 *tie)
{
	int64		left[RFM_MAX_CUTS];
	int			nopen = 0;

	for (int i = 0; i < ncuts; i++)
	{
		left[i] = before[i];
		/* a run that is not cut needs no row */
		tie[i] = before[i] == 0 ? 0 : -1;
		nopen += tie[i] < 0;
	}

	for (int64 start = 0; start < n && nopen > 0; start += TIE_BLOCK_VALUES)
	{
		const int64 *block = codes + start;
		int64		count = Min(n - start, TIE_BLOCK_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < ncuts; i++)
		{
			int64		hits = 0;
			int64		at = 0;

			if (tie[i] >= 0)
				continue;
			for (int64 row = 0; row < count; row++)
				hits += block[row] == value[i];
			if (hits <= left[i])
			{
				left[i] -= hits;
				continue;
			}
			while (block[at] != value[i] || left[i]-- > 0)
				at++;
			tie[i] = start + at;
			nopen--;
		}
	}
	Assert(nopen == 0);
}

/*
 * Return the 0-based rank among n codes whose value makes cut number j (1-based)
 * of any method but breaks; n where no row lies above the cut.
 */
static int64
cut_rank(int64 n, RfmMethod method, int buckets, bool reversed,
		 const RfmFraction *fraction, int j)
{
	RfmFraction natural;
	int64		rank;
	int64		numerator;

	switch (method)
	{
		case RFM_NTILE:
			/* the first row of the next bucket: the first n % k have one more */
			return n / buckets * j + Min(j, n % buckets);

		case RFM_RANK:
			/* k * (rank - 1) / n reaches j above the first ceil(j * n / k) */
			return n / buckets * j + (n % buckets * j + buckets - 1) / buckets - 1;

		case RFM_QUANTILE:
		case RFM_PERCENTILE:

			/*
			 * No value lies between the two that the quantile lies between:
			 * above the quantile is above the lower one.  Of reversed codes
			 * the cuts come in the opposite order, and the lower natural
			 * value stands as far from the end as the lower code would from
			 * the start.
			 */
			natural = fraction[j - 1];
			if (reversed)
				natural.numerator = natural.denominator - natural.numerator;
			rfm_quantile_position(n, natural, &rank, &numerator);
			return reversed ? n - 1 - rank : rank;

		default:
			elog(ERROR, "unexpected method of cutting: %d", (int) method);
	}
}

void
rfm_find_cuts(const int64 *codes, int64 n, RfmMethod method, int buckets,
			  bool reversed, const RfmFraction *fraction, RfmCuts *cuts)
{
	int64		ranks[RFM_MAX_CUTS];
	int64		before[RFM_MAX_CUTS];
	RfmOrderStat stats[RFM_MAX_CUTS];
	int			nreached = 0;

	Assert(method != RFM_BREAKS);
	Assert(buckets >= RFM_MIN_BUCKETS && buckets <= RFM_MAX_BUCKETS);

	cuts->buckets = buckets;
	for (int i = 0; i < buckets - 1; i++)
	{
		/* a cut that no row reaches */
		cuts->value[i] = PG_INT64_MAX;
		cuts->tie[i] = PG_INT64_MAX;

		if (n == 0)
			continue;
		ranks[nreached] = cut_rank(n, method, buckets, reversed, fraction, i + 1);
		if (ranks[nreached] < n)
			nreached++;
	}
	if (nreached == 0)
		return;

	/* cuts ascend, so those within reach come first */
	rfm_order_stats(codes, n, ranks, nreached, stats);
	for (int i = 0; i < nreached; i++)
	{
		cuts->value[i] = stats[i].value;
		before[i] = stats[i].ties_before;
		if (rfm_cuts_at_quantiles(method) && reversed)
			cuts->tie[i] = 0;
	}
	if (method == RFM_NTILE)
		find_tie_rows(codes, n, nreached, cuts->value, before, cuts->tie);
}
