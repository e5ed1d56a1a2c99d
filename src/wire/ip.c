/* ip.c: reading IPv4 and IPv6 headers. */
#include "ip.h"

#include "nscan/checksum.h"
#include "nscan/wire.h"

enum { IPV6_HEADER_BYTES = 40, IPV4_DF = 0x4000, IPV4_MF = 0x2000, IPV4_OFFSET = 0x1fff };
/* RFC 8200 4: the extension headers that may stand before the upper layer. */
enum { IPV6_HOP_BY_HOP = 0, IPV6_ROUTING = 43, IPV6_FRAGMENT = 44, IPV6_DESTINATION = 60, IPV6_MAX_EXTENSIONS = 8 };

static bool read_addr(struct cursor *c, uint8_t family, struct addr *out)
{
	const uint8_t *bytes = cursor_take(c, family == 4 ? 4 : 16);

	if (!bytes)
		return false;
	*out = addr_from_bytes(family, bytes);
	return true;
}

static bool read_v4(struct cursor *c, struct ip_header *out)
{
	const uint8_t *start = c->at;
	unsigned header_bytes = (cursor_u8(c) & 0x0f) * 4u;
	uint16_t flags, checksum;

	if (header_bytes < IPV4_HEADER_BYTES || header_bytes > cursor_left(c) + 1)
		return false;
	out->header_bytes = (uint16_t)header_bytes;
	out->tos = cursor_u8(c);
	out->total_bytes = cursor_u16(c);
	out->id = cursor_u16(c);
	out->fragment_id = out->id;
	flags = cursor_u16(c);
	out->dont_fragment = flags & IPV4_DF;
	out->more_fragments = flags & IPV4_MF;
	out->fragment_offset = (uint16_t)((flags & IPV4_OFFSET) * 8);
	out->ttl = cursor_u8(c);
	out->protocol = cursor_u8(c);
	checksum = cursor_u16(c);
	out->checksum_bad = checksum != 0 && checksum_finish(checksum_add(0, start, header_bytes)) != 0;
	if (!read_addr(c, 4, &out->src) || !read_addr(c, 4, &out->dst))
		return false;
	return cursor_take(c, header_bytes - IPV4_HEADER_BYTES) != NULL;
}

/* One extension header; false when the cursor stands at something else, or the rest is not there. */
static bool skip_extension(struct cursor *c, struct ip_header *out)
{
	struct cursor ahead = *c;
	uint8_t next = cursor_u8(&ahead);
	uint8_t length = cursor_u8(&ahead); /* in units of 8 bytes, the first one not counted */

	switch (out->protocol) {
	case IPV6_HOP_BY_HOP:
	case IPV6_ROUTING:
	case IPV6_DESTINATION:
		cursor_take(&ahead, 6 + length * 8u);
		break;
	case IPV6_FRAGMENT: {
		uint16_t field = cursor_u16(&ahead);

		out->fragment_id = cursor_u32(&ahead);
		out->id = (uint16_t)out->fragment_id;
		if (ahead.ok) {
			out->fragment_offset = field & 0xfff8;
			out->more_fragments = field & 1;
		}
		break;
	}
	default:
		return false;
	}
	if (!ahead.ok)
		return false;
	out->header_bytes = (uint16_t)(out->header_bytes + (ahead.at - c->at));
	out->protocol = next;
	*c = ahead;
	/* Behind a later fragment's header stands no header, and what is behind a first one's is part of what was cut up. */
	return out->fragment_offset == 0 && !out->more_fragments;
}

static bool read_v6(struct cursor *c, struct ip_header *out)
{
	uint32_t first = cursor_u32(c);
	uint16_t payload_bytes = cursor_u16(c);

	out->tos = (uint8_t)(first >> 20);
	out->protocol = cursor_u8(c);
	out->ttl = cursor_u8(c);
	if (!read_addr(c, 6, &out->src) || !read_addr(c, 6, &out->dst))
		return false;
	out->header_bytes = IPV6_HEADER_BYTES;
	out->dont_fragment = true; /* routers never fragment IPv6 */
	out->total_bytes = payload_bytes ? IPV6_HEADER_BYTES + (uint32_t)payload_bytes : 0;
	for (int i = 0; i < IPV6_MAX_EXTENSIONS && skip_extension(c, out); i++)
		;
	return true;
}

bool ip_header_read(struct cursor *c, struct ip_header *out)
{
	if (cursor_left(c) == 0)
		return false;
	*out = (struct ip_header){0};
	switch (*c->at >> 4) {
	case 4:
		return read_v4(c, out);
	case 6:
		return read_v6(c, out);
	default:
		return false;
	}
}
