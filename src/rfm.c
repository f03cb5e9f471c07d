/*-------------------------------------------------------------------------
 *
 * rfm.c
 *		Module entry.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/guard.h"
#include "base/settings.h"
#include "progress/shmem.h"

RFM_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	rfm_settings_init();
	rfm_slots_request();
	rfm_guard_init();
}
