/* payload_ber.h: the few values of BER (ITU-T X.690) that SNMP, LDAP and Kerberos are written in and read from. */
#ifndef NSCAN_PROBES_PAYLOAD_BER_H
#define NSCAN_PROBES_PAYLOAD_BER_H

#include "payload_rows.h"

enum {
	BER_BOOLEAN = 0x01,
	BER_INTEGER = 0x02,
	BER_BIT_STRING = 0x03,
	BER_OCTETS = 0x04,
	BER_NULL = 0x05,
	BER_OID = 0x06,
	BER_ENUMERATED = 0x0a,
	BER_SEQUENCE = 0x30,
	BER_GENERALIZED_TIME = 0x18,
	BER_GENERAL_STRING = 0x1b,
	BER_APPLICATION = 0x60, /* constructed */
	BER_CONTEXT = 0xa0,     /* constructed */
};

/* Ids of four bytes, positive and in their shortest form whatever the nonce in the low half is. */
#define BER_ID 0x6e730000u

/* Opens a value; returns where its length byte is. */
static inline size_t open_value(struct request *r, uint8_t tag)
{
	add_u8(r, tag);
	add_u8(r, 0);
	return r->n - 1;
}

/* Fills the length in; from 128 bytes on it takes a second byte, and the content moves up. */
static inline void close_value(struct request *r, size_t length_at)
{
	size_t length = r->n - length_at - 1;

	if (length >= 0x80) {
		request_grow(r, 1);
		memmove(r->bytes + length_at + 2, r->bytes + length_at + 1, length);
		r->bytes[length_at++] = 0x81;
	}
	r->bytes[length_at] = (uint8_t)length;
}

/* 0 to 127. */
static inline void add_integer(struct request *r, uint8_t value)
{
	add_u8(r, BER_INTEGER);
	add_u8(r, 1);
	add_u8(r, value);
}

/* An integer whose low half is the nonce. */
static inline void add_id(struct request *r)
{
	add_u8(r, BER_INTEGER);
	add_u8(r, 4);
	add_u32(r, BER_ID);
}

static inline void add_string(struct request *r, uint8_t tag, const char *text)
{
	size_t value = open_value(r, tag);

	add_text(r, text);
	close_value(r, value);
}

/* Enters a value: the cursor then stands at its content, whose length is returned; ok goes off when it is no such value or
 * its length is not told in one to four bytes. The content may be longer than what was captured. */
static inline size_t enter(struct cursor *c, uint8_t tag)
{
	uint8_t found = cursor_u8(c), first = cursor_u8(c);
	size_t length = first < 0x80 ? first : 0;

	if (found != tag || first == 0x80 || first > 0x84)
		c->ok = false;
	for (int more = first < 0x80 ? 0 : first - 0x80; c->ok && more > 0; more--)
		length = length << 8 | cursor_u8(c);
	return length;
}

/* A non-negative integer of up to four bytes. */
static inline uint32_t read_integer(struct cursor *c)
{
	size_t length = enter(c, BER_INTEGER);
	uint32_t value = 0;

	if (length < 1 || length > 4)
		c->ok = false;
	for (; c->ok && length > 0; length--)
		value = value << 8 | cursor_u8(c);
	return value;
}

#endif
