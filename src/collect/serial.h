/*-------------------------------------------------------------------------
 *
 * serial.h
 *		The collector's table as a string of bytes, and back.
 *
 * A worker writes its table, the leader reads customers and orders from it one
 * after another; a run (spill.h) is written so in parts.  Only our own
 * processes write such bytes: SQL cannot hand any to the function that reads
 * them, as it has an argument of type internal and is strict.  So they are in
 * native byte order and are trusted; it is only checked that reads stay within
 * them.
 *
 * What the customers have in common is not repeated: each number travels as
 * its distance from the smallest of its kind, in as many bytes as the largest
 * distance needs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_SERIAL_H
#define RFM_COLLECT_SERIAL_H

#include "collect/types.h"

/* Numbers of one kind: they lie between base and base + 256^width. */
typedef struct RfmFrame
{
	int64		base;
	int64		width;			/* bytes of a number, 0 to 8 */
} RfmFrame;

/* The numbers of a customer, and of an order. */
typedef enum RfmField
{
	RFM_FIELD_KEY,				/* by-reference keys: the size of the image */
	RFM_FIELD_LAST,
	RFM_FIELD_SUM,				/* wide sums: the size of the image */
	RFM_FIELD_ORDERS,
	RFM_FIELD_FORM,				/* form and scale of the sum */
	RFM_ENTRY_FIELDS,
	RFM_FIELD_ORDER = RFM_ENTRY_FIELDS, /* of by-reference ids: the size */
	RFM_FIELD_CUSTOMER,			/* how many customers come before its own */
	RFM_FIELDS
} RfmField;

typedef struct RfmSerialHeader
{
	RfmCollected types;
	bool		in_key_order;	/* so come the customers */
	int64		ticket;			/* above 0: the table itself, in this backend */
	int64		nentries;
	int64		norders;
	int64		rows;
	int64		nruns;			/* which follow the header */
	RfmFrame	frame[RFM_FIELDS];
} RfmSerialHeader;

/* A serialized table being read. */
typedef struct RfmSerial
{
	RfmSerialHeader header;
	const RfmRun *run;
	const char *at;
	const char *end;
} RfmSerial;

/* What of a table is written, and in which order. */
typedef struct RfmSerialPart
{
	const uint32 *customer;		/* their numbers */
	int64		ncustomers;
	const Datum *order;			/* of these customers */
	int64		norders;
	const uint32 *position;		/* of the customer of each order among them; NULL: the
								 * orders come customer by customer, without it */
} RfmSerialPart;

/*
 * rfm_serial_measure: Fill the header of a part of a table; returns how many
 * bytes rfm_serial_fill will write with it.
 */
extern Size rfm_serial_measure(const RfmCollector *c, const RfmSerialPart *part,
							   RfmSerialHeader *header);

/* rfm_serial_fill: Write the part. */
extern void rfm_serial_fill(const RfmCollector *c, const RfmSerialPart *part,
							const RfmSerialHeader *header, char *to);

/*
 * rfm_serial_write: Return a table, and the names of its runs, as bytea, palloc'd;
 * NULL where that is more than one datum can hold.
 */
extern bytea *rfm_serial_write(const RfmCollector *c);

/*
 * rfm_serial_hand_over: Return, instead of a table, the ticket that claims it,
 * for a reader in this backend.
 */
extern bytea *rfm_serial_hand_over(RfmCollector *c);

/*
 * rfm_serial_open: Begin to read.  The bytes must stay where they are.  This
 * and the functions below raise DATA_CORRUPTED where the bytes end too early.
 */
extern void rfm_serial_open(RfmSerial *s, const char *data, Size size);

/*
 * rfm_serial_entry: Read the next customer, of s->header.nentries; c only
 * tells the types.  Images of keys point into the bytes or to copies in the
 * current context; those of wide sums are copies.
 */
extern void rfm_serial_entry(RfmSerial *s, const RfmCollector *c, RfmEntry *entry);

/*
 * rfm_serial_order: Read the next order, of s->header.norders, and the number
 * of its customer: how many were read before it, 0 where the part has no
 * positions.
 */
extern void rfm_serial_order(RfmSerial *s, const RfmCollector *c,
							 Datum *order, int64 *customer);

#endif							/* RFM_COLLECT_SERIAL_H */
