/*-------------------------------------------------------------------------
 *
 * progress.c
 *		The phases of a refresh: how long each took, and where it stands.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "progress.h"

bool		rfm_show_progress = false;

static const char *const phase_name[RFM_PHASES] = {
	[RFM_PHASE_READ] = "read",
	[RFM_PHASE_SORT] = "sort",
	[RFM_PHASE_SCORE] = "score",
	[RFM_PHASE_WRITE] = "write"
};

void
rfm_progress_start(RfmProgress *progress)
{
	memset(progress, 0, sizeof(*progress));
	INSTR_TIME_SET_CURRENT(progress->since);
}

void
rfm_progress_next(RfmProgress *progress, const char *detail,...)
{
	instr_time	now;
	instr_time	elapsed;

	Assert(progress->phase < RFM_PHASE_DONE);
	INSTR_TIME_SET_CURRENT(now);
	elapsed = now;
	INSTR_TIME_SUBTRACT(elapsed, progress->since);
	progress->millisec[progress->phase] = INSTR_TIME_GET_MILLISEC(elapsed);
	progress->since = now;

	if (rfm_show_progress)
	{
		StringInfoData text;

		initStringInfo(&text);
		for (;;)
		{
			va_list		args;
			int			needed;

			va_start(args, detail);
			needed = appendStringInfoVA(&text, detail, args);
			va_end(args);
			if (needed == 0)
				break;
			enlargeStringInfo(&text, needed);
		}
		ereport(NOTICE,
				(errmsg("%s: %s (%.0f ms)", phase_name[progress->phase], text.data,
						progress->millisec[progress->phase])));
		pfree(text.data);
	}
	progress->phase++;
}

char *
rfm_progress_json(const RfmProgress *progress)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int phase = 0; phase < RFM_PHASES; phase++)
		appendStringInfo(&json, "%s\"%s\": %.3f", phase > 0 ? ", " : "{",
						 phase_name[phase], progress->millisec[phase]);
	appendStringInfoChar(&json, '}');
	return json.data;
}
