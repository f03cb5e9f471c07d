/*-------------------------------------------------------------------------
 *
 * serial.h
 *		The collector's table as a string of bytes, and back.
 *
 * Takes a table, gives a bytea; takes a bytea, gives its customers and orders
 * one after another.  States never leave the server that made them, hence
 * native byte order; but nothing in them is trusted to be well formed.
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
	int64		width;			/* bytes, 0 to 8 */
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
	uint32		magic;
	Oid			customer_type;
	Oid			customer_collation;
	Oid			time_type;
	Oid			amount_type;
	Oid			order_type;		/* InvalidOid: rows are counted */
	Oid			order_collation;
	uint32		in_key_order;	/* not 0: so come the customers */
	int64		ticket;			/* above 0: the table itself, in this backend */
	int64		nentries;
	int64		norders;
	int64		rows;
	RfmFrame	frame[RFM_FIELDS];
} RfmSerialHeader;

/* A serialized table being read. */
typedef struct RfmSerial
{
	RfmSerialHeader header;
	const char *at;
	const char *end;
} RfmSerial;

/*
 * rfm_serial_write: a table as bytea, palloc'd.  Raises PROGRAM_LIMIT_EXCEEDED
 * where that is more than one datum can hold.
 */
extern bytea *rfm_serial_write(const RfmCollector *c);

/*
 * rfm_serial_hand_over: instead of a table, for a reader in this backend, the
 * ticket that claims it.
 */
extern bytea *rfm_serial_hand_over(RfmCollector *c);

/*
 * rfm_serial_open: begins to read.  The bytes must stay where they are.
 * This and the functions below raise DATA_CORRUPTED.
 */
extern void rfm_serial_open(RfmSerial *s, const char *data, Size size);

/*
 * rfm_serial_entry: the next customer; c only tells the types, and s->header
 * how many there are.  Images of keys point into the bytes or to copies in the
 * current context; those of wide sums are copies.
 */
extern void rfm_serial_entry(RfmSerial *s, const RfmCollector *c,
							 RfmEntry *entry, double *low);

/* rfm_serial_order: the next order, and the number of its customer. */
extern void rfm_serial_order(RfmSerial *s, const RfmCollector *c,
							 Datum *order, int64 *customer);

/* rfm_serial_close: nothing may be left. */
extern void rfm_serial_close(const RfmSerial *s);

#endif							/* RFM_COLLECT_SERIAL_H */
