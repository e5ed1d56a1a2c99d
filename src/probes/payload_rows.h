/* payload_rows.h: the tables of payloads, one file for each family, and what those files write and judge with. */
#ifndef NSCAN_PROBES_PAYLOAD_ROWS_H
#define NSCAN_PROBES_PAYLOAD_ROWS_H

#include <string.h>

#include "nscan/bytes.h"
#include "nscan/payload.h"

/* One family's rows. Among rows for the same port the earlier is sent first. */
struct payload_family {
	const struct payload *rows;
	size_t count;
};

extern const struct payload_family payloads_dns, payloads_time, payloads_snmp, payloads_rpc, payloads_ike,
        payloads_text, payloads_simple, payloads_secure, payloads_accounts, payloads_network, payloads_tunnels,
        payloads_voice, payloads_finders, payloads_management, payloads_industrial, payloads_games;

#define PAYLOAD_FAMILY(name, table) const struct payload_family name = {table, sizeof(table) / sizeof((table)[0])}

/* A request being written field by field. Nothing is written past PAYLOAD_MAX_BYTES. */
struct request {
	uint8_t *bytes;
	size_t n;
};

/* The next `count` bytes, zeroed; a scratch place once the request is full, so that no caller has to test. */
static inline uint8_t *request_grow(struct request *r, size_t count)
{
	size_t at = r->n + count <= PAYLOAD_MAX_BYTES ? r->n : PAYLOAD_MAX_BYTES - count;

	r->n = at + count;
	return memset(r->bytes + at, 0, count);
}

static inline void add_u8(struct request *r, uint8_t value)
{
	*request_grow(r, 1) = value;
}

static inline void add_u16(struct request *r, uint16_t value)
{
	put_u16(request_grow(r, 2), value);
}

static inline void add_u32(struct request *r, uint32_t value)
{
	put_u32(request_grow(r, 4), value);
}

/* Little-endian, as protocols from the PC write it. */
static inline void add_le16(struct request *r, uint16_t value)
{
	add_u8(r, (uint8_t)value);
	add_u8(r, (uint8_t)(value >> 8));
}

static inline void add_le32(struct request *r, uint32_t value)
{
	add_le16(r, (uint16_t)value);
	add_le16(r, (uint16_t)(value >> 16));
}

static inline void add_bytes(struct request *r, const void *bytes, size_t count)
{
	memcpy(request_grow(r, count), bytes, count);
}

static inline void add_zeroes(struct request *r, size_t count)
{
	request_grow(r, count);
}

/* The text without its NUL. */
static inline void add_text(struct request *r, const char *text)
{
	size_t count = strlen(text);

	memcpy(request_grow(r, count), text, count);
}

static inline uint16_t cursor_le16(struct cursor *c)
{
	uint16_t value = cursor_u16(c);

	return (uint16_t)(value << 8 | value >> 8);
}

/* Whether the next bytes are these; consumed either way. */
static inline bool cursor_is(struct cursor *c, const void *bytes, size_t count)
{
	const uint8_t *found = cursor_take(c, count);

	return found && memcmp(found, bytes, count) == 0;
}

static inline bool starts_with(const uint8_t *data, size_t n, const char *text)
{
	return n >= strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

/* Whether the text stands anywhere in the data. */
static inline bool holds_text(const uint8_t *data, size_t n, const char *text)
{
	for (; n >= strlen(text); data++, n--) {
		if (memcmp(data, text, strlen(text)) == 0)
			return true;
	}
	return false;
}

/* For protocols that have no id, or none that proves anything. */
static inline enum answer judge_form(bool fits)
{
	return fits ? ANSWER_FITS : ANSWER_UNKNOWN;
}

/* For protocols whose answers carry the request's id: ours proves, another's is foreign, but only where it is an
 * answer of that protocol at all. */
static inline enum answer judge_id(bool is_answer, bool is_ours)
{
	return is_ours ? ANSWER_PROVED : is_answer ? ANSWER_FOREIGN : ANSWER_UNKNOWN;
}

#endif
