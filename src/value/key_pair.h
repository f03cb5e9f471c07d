/*-------------------------------------------------------------------------
 *
 * key_pair.h
 *		Keys of two parts: a group, and a customer in it.
 *
 * If customers are scored within groups, a row of a snapshot is identified by
 * a pair.  It is a key like any other: one image, which is hashed, compared,
 * stored and sent as a whole, and sorted by group and then by customer.
 *
 * Of two integers or uuids the image is their bytes, most significant first:
 * its order is that of the bytes.  Of other types it is a varlena that holds
 * both images.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_KEY_PAIR_H
#define RFM_VALUE_KEY_PAIR_H

#include "value/key.h"

/*
 * rfm_key_pair_init: Determine how pairs of keys of two types are handled.  What
 * that takes is allocated in mcxt.
 */
extern void rfm_key_pair_init(RfmKeyType *kt, const RfmKeyType *group,
							  const RfmKeyType *customer, MemoryContext mcxt);

/*
 * rfm_key_pair: Return the key for two values as the executor gives them, neither
 * of them null.  A flat pair is put into place, which has room for
 * RFM_FLAT_PAIR_SIZE bytes, as it takes longer to allocate it than to make it; other
 * pairs, and all if place is NULL, are palloc'd.
 */
extern Datum rfm_key_pair(const RfmKeyType *kt, Datum group, Datum customer, char *place);

#define RFM_FLAT_PAIR_SIZE (RFM_KEY_PARTS * 16)

/*
 * rfm_key_part: Return a part of a key.  It may point into the key.  A key that
 * is no pair is a customer, and has no group.
 */
extern Datum rfm_key_part(const RfmKeyType *kt, Datum key, RfmKeyPart part);

/* rfm_key_part_type: Return the type of a part; NULL for the group of a key that has none. */
extern const RfmKeyType *rfm_key_part_type(const RfmKeyType *kt, RfmKeyPart part);

/* rfm_key_same_group: Are two keys of one group?  Keys that are no pairs are. */
extern bool rfm_key_same_group(const RfmKeyType *kt, Datum a, Datum b);

#endif							/* RFM_VALUE_KEY_PAIR_H */
