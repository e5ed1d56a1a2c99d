/* ping_payload.c: the datagram of --ping, written and read. */
#include "nscan/ping_payload.h"

#include <string.h>

#include "nscan/bytes.h"

enum { AT_SERIAL = 10, AT_SEQUENCE = 12, AT_SENT = 16, AT_TAG = 24 };

static const char asks[PING_MARKER_BYTES + 1] = "nscan?01";
static const char answers[PING_MARKER_BYTES + 1] = "nscan!01";

static void put_u64(uint8_t *p, uint64_t v)
{
	put_u32(p, (uint32_t)(v >> 32));
	put_u32(p + 4, (uint32_t)v);
}

static uint64_t cursor_u64(struct cursor *c)
{
	uint64_t high = cursor_u32(c);

	return high << 32 | cursor_u32(c);
}

static uint64_t tag_of(const uint8_t *data, const uint8_t key[HASH_KEY_BYTES])
{
	return siphash(key, data + AT_SERIAL, AT_TAG - AT_SERIAL);
}

void ping_payload_write(uint8_t *out, size_t n, const uint8_t key[HASH_KEY_BYTES], const struct ping_stamp *stamp)
{
	struct rng filling;

	memcpy(out, asks, PING_MARKER_BYTES);
	put_u16(out + PING_NONCE_AT, 0);
	put_u16(out + AT_SERIAL, stamp->serial);
	put_u32(out + AT_SEQUENCE, stamp->sequence);
	put_u64(out + AT_SENT, (uint64_t)stamp->sent_ns);
	put_u64(out + AT_TAG, tag_of(out, key));
	filling = rng_from_seed(tag_of(out, key));
	for (size_t at = PING_STAMPED_LEAST; at < n; at += 8) {
		uint8_t word[8];

		put_u64(word, rng_next(&filling));
		memcpy(out + at, word, n - at < 8 ? n - at : 8);
	}
}

enum ping_role ping_payload_role(const uint8_t *data, size_t n)
{
	if (!data || n < PING_STAMPED_LEAST)
		return PING_FOREIGN;
	if (memcmp(data, asks, PING_MARKER_BYTES) == 0)
		return PING_ASKS;
	return memcmp(data, answers, PING_MARKER_BYTES) == 0 ? PING_ANSWERS : PING_FOREIGN;
}

void ping_payload_answer(uint8_t *data)
{
	memcpy(data, answers, PING_MARKER_BYTES);
}

bool ping_payload_read(const uint8_t *data, size_t n, const uint8_t key[HASH_KEY_BYTES], struct ping_stamp *out)
{
	struct cursor c;

	if (ping_payload_role(data, n) == PING_FOREIGN)
		return false;
	c = cursor_of(data + AT_SERIAL, n - AT_SERIAL);
	out->serial = cursor_u16(&c);
	out->sequence = cursor_u32(&c);
	out->sent_ns = (int64_t)cursor_u64(&c);
	return cursor_u64(&c) == tag_of(data, key);
}
