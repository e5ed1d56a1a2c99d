/* stamp.c: echo data that brings back which address was asked, and when. */
#include "nscan/stamp.h"

#include <string.h>

#include "common.h"
#include "nscan/bytes.h"

enum { AT_ASKED = 0, AT_STAMP = 4, AT_HASH = 8, HASHED_BYTES = 17 };

static uint64_t hash_of(const struct probe_settings *settings, const uint8_t data[AT_HASH], const struct addr *source,
                        uint16_t id, uint16_t sequence)
{
	/* A length of its own: no other hash of this key is over as many bytes. */
	uint8_t bytes[HASHED_BYTES];

	memcpy(bytes, data, AT_HASH);
	memcpy(bytes + 8, source->bytes, 4);
	put_u16(bytes + 12, id);
	put_u16(bytes + 14, sequence);
	bytes[16] = 's';
	return siphash(settings->key, bytes, sizeof(bytes));
}

void probe_stamp_make(const struct probe_settings *settings, const struct ask *ask, uint32_t stamp, struct probe *probe)
{
	uint8_t *data = probe->echo_data;
	uint64_t hash;

	echo_header_make(settings, ask, probe);
	memcpy(data + AT_ASKED, ask->dst.bytes, 4);
	put_u32(data + AT_STAMP, stamp);
	hash = hash_of(settings, data, &ask->src, probe->icmp_id, probe->icmp_sequence);
	put_u32(data + AT_HASH, (uint32_t)(hash >> 32));
	put_u32(data + AT_HASH + 4, (uint32_t)hash);
	probe->data_bytes = STAMP_BYTES;
}

bool probe_stamp_read(const struct probe_settings *settings, const struct reply *reply, struct addr *asked,
                      uint32_t *stamp)
{
	struct cursor c = cursor_of(reply->data, reply->data_bytes);
	uint32_t address, seen;
	uint64_t hash;

	if (reply->kind != REPLY_ECHO || reply->checksum_bad || reply->dst.family != 4 ||
	    reply->data_bytes != STAMP_BYTES)
		return false;
	address = cursor_u32(&c);
	seen = cursor_u32(&c);
	hash = (uint64_t)cursor_u32(&c) << 32;
	hash |= cursor_u32(&c);
	if (!c.ok || hash != hash_of(settings, reply->data, &reply->dst, reply->icmp_id, reply->icmp_sequence))
		return false;
	*asked = addr_from_v4(address);
	*stamp = seen;
	return true;
}
