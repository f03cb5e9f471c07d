/*-------------------------------------------------------------------------
 *
 * shmem.c
 *		The refresh that each backend computes, in shared memory.
 *
 * A slot is written as PgBackendStatus is: its owner makes the change count
 * odd, writes, and makes it even again; a reader copies until it has met the
 * same even count before and after.  Only the number of rows done changes
 * often, and from several processes: it is an atomic beside that.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "progress/shmem.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"

typedef struct SharedSlot
{
	uint32		changecount;	/* odd while the owner writes */
	RfmSlot		slot;			/* but for done */
	pg_atomic_uint64 done;
} SharedSlot;

static SharedSlot *slots = NULL;
static int	nslots = 0;
static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/*
 * The memory.
 */

static Size
slots_size(void)
{
	return mul_size(MaxBackends, sizeof(SharedSlot));
}

static void
slots_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(slots_size());
}

static void
slots_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = ShmemInitStruct("rfm progress", slots_size(), &found);
	nslots = MaxBackends;
	if (!found)
	{
		memset(slots, 0, slots_size());
		for (int i = 0; i < nslots; i++)
			pg_atomic_init_u64(&slots[i].done, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
rfm_slots_request(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = slots_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = slots_startup;
}

int
rfm_slots_count(void)
{
	return nslots;
}

/* The slot of a process, NULL where it has none. */
static SharedSlot *
slot_of(PGPROC *proc)
{
	int			number;

	if (slots == NULL || proc == NULL)
		return NULL;
	number = (int) (proc - ProcGlobal->allProcs);
	return number < nslots ? &slots[number] : NULL;
}

/*
 * Writing.
 */

static void
begin_change(SharedSlot *shared)
{
	/* an error in between would leave the count odd, and readers waiting */
	START_CRIT_SECTION();
	shared->changecount++;
	pg_write_barrier();
}

static void
end_change(SharedSlot *shared)
{
	pg_write_barrier();
	shared->changecount++;
	END_CRIT_SECTION();
}

void
rfm_slot_write(const RfmSlot *slot)
{
	SharedSlot *shared = slot_of(MyProc);

	if (shared == NULL)
		return;
	begin_change(shared);
	shared->slot = *slot;
	pg_atomic_write_u64(&shared->done, (uint64) slot->done);
	end_change(shared);
}

void
rfm_slot_clear(void)
{
	SharedSlot *shared = slot_of(MyProc);

	if (shared == NULL)
		return;
	begin_change(shared);
	shared->slot.pid = 0;
	end_change(shared);
}

int64
rfm_slot_add(int64 n)
{
	return (int64) pg_atomic_add_fetch_u64(&slot_of(MyProc)->done, n);
}

void
rfm_slot_add_for_leader(int64 n)
{
	PGPROC	   *leader = MyProc->lockGroupLeader;
	SharedSlot *shared = slot_of(leader);

	/* the leader's process entry is not given away before its workers end */
	if (shared && shared->slot.pid == leader->pid &&
		shared->slot.phase == RFM_PHASE_READ)
		pg_atomic_fetch_add_u64(&shared->done, n);
}

/*
 * Reading.
 */

bool
rfm_slot_read(int i, RfmSlot *slot)
{
	volatile SharedSlot *shared = &slots[i];

	for (;;)
	{
		uint32		before = shared->changecount;

		pg_read_barrier();
		memcpy(slot, unvolatize(RfmSlot *, &shared->slot), sizeof(RfmSlot));
		slot->done = (int64) pg_atomic_read_u64(&shared->done);
		pg_read_barrier();
		if (before == shared->changecount && before % 2 == 0)
			return slot->pid != 0;
		CHECK_FOR_INTERRUPTS();
	}
}
