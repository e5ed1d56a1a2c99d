/* reassembly.c: fragments become whole datagrams again: a buffer and a list of holes for each datagram under way. */
#include "nscan/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/wire.h"

#define TIMEOUT_NS (REASSEMBLY_TIMEOUT_S * INT64_C(1000000000))

enum { IPV6_HEADER_BYTES = 40, LONGEST_HEADER = IPV6_HEADER_BYTES, OPEN_END = UINT16_MAX + 1, DONT_FRAGMENT = 0x4000 };

/* Bytes not there yet: [first, end). */
struct hole {
	uint32_t first, end;
};

struct pending {
	struct addr src, dst;
	uint32_t id;
	uint8_t protocol;
	bool in_use;
	bool refused; /* kept only so that its other fragments are dropped */
	bool in_order;
	bool dont_fragment;
	uint8_t ttl, tos; /* of the fragment at offset 0 */
	uint32_t fragments, largest_bytes, first_bytes;
	uint32_t next_offset; /* where the next one in order would begin */
	uint32_t end;         /* data bytes in all; OPEN_END: the last fragment has not come */
	uint32_t cut_at;      /* the first byte that a capture cut off; OPEN_END: none */
	int64_t first_ns, last_ns;
	uint8_t *bytes; /* LONGEST_HEADER of room, then the data */
	uint32_t capacity;
	struct hole *holes; /* ascending */
	uint32_t hole_count, hole_capacity;
};

struct reassembly {
	struct pending pending[REASSEMBLY_DATAGRAMS];
	size_t count;
	size_t bytes;   /* of all buffers */
	uint8_t *given; /* what the caller has in hands */
};

struct reassembly *reassembly_new(void)
{
	return calloc(1, sizeof(struct reassembly));
}

static void release(struct reassembly *r, struct pending *p)
{
	if (!p->in_use)
		return;
	r->bytes -= p->capacity;
	r->count--;
	free(p->bytes);
	free(p->holes);
	*p = (struct pending){0};
}

void reassembly_free(struct reassembly *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++)
		release(r, &r->pending[i]);
	free(r->given);
	free(r);
}

size_t reassembly_pending(const struct reassembly *r)
{
	return r->count;
}

static bool is_of(const struct pending *p, const struct reply *fragment)
{
	return p->in_use && p->id == fragment->fragment_id && p->protocol == fragment->protocol &&
	       addr_equal(&p->src, &fragment->src) && addr_equal(&p->dst, &fragment->dst);
}

/* But for one, by its place; REASSEMBLY_DATAGRAMS: of all. */
static struct pending *oldest(struct reassembly *r, size_t but)
{
	struct pending *found = NULL;

	for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++) {
		struct pending *p = &r->pending[i];

		if (p->in_use && i != but && (!found || p->first_ns < found->first_ns))
			found = p;
	}
	return found;
}

/* The datagram that the fragment belongs to, begun when it is the first of it. NULL when memory ran out. */
static struct pending *find(struct reassembly *r, const struct reply *fragment, int64_t at_ns)
{
	struct pending *unused = NULL;

	for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++) {
		struct pending *p = &r->pending[i];

		if (p->in_use && at_ns - p->first_ns > TIMEOUT_NS)
			release(r, p);
		if (is_of(p, fragment))
			return p;
		if (!p->in_use && !unused)
			unused = p;
	}
	if (!unused) {
		unused = oldest(r, REASSEMBLY_DATAGRAMS);
		release(r, unused);
	}
	unused->holes = malloc(4 * sizeof(*unused->holes));
	if (!unused->holes)
		return NULL;
	unused->hole_capacity = 4;
	unused->holes[0] = (struct hole){0, OPEN_END};
	unused->hole_count = 1;
	unused->in_use = true;
	unused->src = fragment->src;
	unused->dst = fragment->dst;
	unused->id = fragment->fragment_id;
	unused->protocol = fragment->protocol;
	unused->end = unused->cut_at = OPEN_END;
	unused->in_order = unused->dont_fragment = true;
	unused->first_ns = at_ns;
	r->count++;
	return unused;
}

static enum reassembly_verdict refuse(struct reassembly *r, struct pending *p, const char *why, struct datagram *out)
{
	*out = (struct datagram){.fragments = p->fragments, .first_ns = p->first_ns, .last_ns = p->last_ns, .why = why};
	r->bytes -= p->capacity;
	free(p->bytes);
	p->bytes = NULL;
	p->capacity = 0;
	p->refused = true;
	return REASSEMBLY_REFUSED;
}

/* Room for `end` bytes of data; older datagrams give way. */
static bool reserve(struct reassembly *r, struct pending *p, uint32_t end)
{
	uint32_t wanted = LONGEST_HEADER + end, capacity = p->capacity ? p->capacity : 2048;
	uint8_t *grown;

	if (wanted <= p->capacity)
		return true;
	while (capacity < wanted)
		capacity *= 2;
	while (r->bytes + capacity - p->capacity > REASSEMBLY_BYTES && r->count > 1)
		release(r, oldest(r, (size_t)(p - r->pending)));
	grown = realloc(p->bytes, capacity);
	if (!grown)
		return false;
	/* What a capture cut off reads as zero. */
	memset(grown + p->capacity, 0, capacity - p->capacity);
	r->bytes += capacity - p->capacity;
	p->bytes = grown;
	p->capacity = capacity;
	return true;
}

/* The hole that [first, end) lies in; NULL when no hole contains all of it. */
static struct hole *hole_around(const struct pending *p, uint32_t first, uint32_t end)
{
	for (uint32_t i = 0; i < p->hole_count; i++)
		if (p->holes[i].first <= first && end <= p->holes[i].end)
			return &p->holes[i];
	return NULL;
}

static bool touches_hole(const struct pending *p, uint32_t first, uint32_t end)
{
	for (uint32_t i = 0; i < p->hole_count; i++)
		if (p->holes[i].first < end && first < p->holes[i].end)
			return true;
	return false;
}

/* RFC 815: the hole shrinks, goes, or becomes two. False when there are too many, or no memory for more. */
static bool fill_hole(struct pending *p, struct hole *hole, uint32_t first, uint32_t end)
{
	size_t at = (size_t)(hole - p->holes);
	struct hole before = {hole->first, first}, after = {end, hole->end};

	if (before.first < before.end && after.first < after.end) {
		if (p->hole_count == REASSEMBLY_HOLES)
			return false;
		if (p->hole_count == p->hole_capacity) {
			struct hole *grown = realloc(p->holes, 2 * p->hole_capacity * sizeof(*grown));

			if (!grown)
				return false;
			p->holes = grown;
			p->hole_capacity *= 2;
		}
		memmove(p->holes + at + 1, p->holes + at, (p->hole_count - at) * sizeof(*p->holes));
		p->hole_count++;
		p->holes[at] = before;
		p->holes[at + 1] = after;
	} else if (before.first < before.end) {
		p->holes[at] = before;
	} else if (after.first < after.end) {
		p->holes[at] = after;
	} else {
		p->hole_count--;
		memmove(p->holes + at, p->holes + at + 1, (p->hole_count - at) * sizeof(*p->holes));
	}
	return true;
}

/* The last fragment says where the datagram ends: nothing may lie beyond. */
static const char *set_end(struct pending *p, uint32_t end)
{
	struct hole *last = p->hole_count ? &p->holes[p->hole_count - 1] : NULL;

	if (p->end == end)
		return NULL;
	if (p->end != OPEN_END || !last || last->end != OPEN_END || last->first > end)
		return "beyond-the-end";
	last->end = end;
	if (last->first == last->end)
		p->hole_count--;
	p->end = end;
	return NULL;
}

/* An exact repetition, or one that differs? Only bytes that were captured can be compared. */
static bool is_repetition(const struct pending *p, const struct reply *fragment, uint32_t first, uint32_t end)
{
	uint32_t known = p->cut_at < end ? p->cut_at : end;
	size_t n = known > first ? known - first : 0;

	if (n > fragment->data_bytes)
		n = fragment->data_bytes;
	return !touches_hole(p, first, end) &&
	       (n == 0 || memcmp(p->bytes + LONGEST_HEADER + first, fragment->data, n) == 0);
}

/* Puts the header in front of the data and gives the buffer to the caller. */
static void give(struct reassembly *r, struct pending *p, struct datagram *out)
{
	uint32_t header = p->src.family == 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
	uint8_t *ip = p->bytes + LONGEST_HEADER - header;
	uint32_t there = p->cut_at < p->end ? p->cut_at : p->end;

	memset(ip, 0, header);
	if (p->src.family == 4) {
		ip[0] = 0x45;
		ip[1] = p->tos;
		put_u16(ip + 2, (uint16_t)(header + p->end));
		put_u16(ip + 4, (uint16_t)p->id);
		put_u16(ip + 6, p->dont_fragment ? DONT_FRAGMENT : 0);
		ip[8] = p->ttl;
		ip[9] = p->protocol;
		memcpy(ip + 12, p->src.bytes, 4);
		memcpy(ip + 16, p->dst.bytes, 4);
		put_u16(ip + 10, checksum_finish(checksum_add(0, ip, header)));
	} else {
		put_u32(ip, UINT32_C(6) << 28 | (uint32_t)p->tos << 20);
		put_u16(ip + 4, (uint16_t)p->end);
		ip[6] = p->protocol;
		ip[7] = p->ttl;
		memcpy(ip + 8, p->src.bytes, 16);
		memcpy(ip + 24, p->dst.bytes, 16);
	}
	*out = (struct datagram){
	        .packet = ip,
	        .bytes = header + there,
	        .fragments = p->fragments,
	        .largest_bytes = p->largest_bytes,
	        .first_bytes = p->first_bytes,
	        .dont_fragment = p->dont_fragment,
	        .in_order = p->in_order,
	        .first_ns = p->first_ns,
	        .last_ns = p->last_ns,
	};
	r->given = p->bytes;
	r->bytes -= p->capacity;
	p->bytes = NULL;
	p->capacity = 0;
	release(r, p);
}

static void keep(struct pending *p, const struct reply *fragment, uint32_t first, uint32_t end, int64_t at_ns)
{
	uint32_t captured_end = first + (uint32_t)fragment->data_bytes;

	if (fragment->data_bytes > 0)
		memcpy(p->bytes + LONGEST_HEADER + first, fragment->data, fragment->data_bytes);
	if (captured_end < end && captured_end < p->cut_at)
		p->cut_at = captured_end;
	p->fragments++;
	p->last_ns = at_ns;
	p->dont_fragment = p->dont_fragment && fragment->dont_fragment;
	p->in_order = p->in_order && first == p->next_offset;
	p->next_offset = end;
	if (fragment->ip_total_bytes > p->largest_bytes)
		p->largest_bytes = fragment->ip_total_bytes;
	if (first == 0) {
		p->first_bytes = fragment->ip_total_bytes;
		p->ttl = fragment->ttl;
		p->tos = fragment->tos;
	}
}

enum reassembly_verdict reassembly_take(struct reassembly *r, const struct reply *fragment, int64_t at_ns,
                                        struct datagram *out)
{
	uint32_t first = fragment->fragment_offset, end = first + (uint32_t)fragment->wire_data_bytes,
	         most = DATAGRAM_MAX_BYTES;
	struct pending *p;
	struct hole *hole;
	const char *why;

	*out = (struct datagram){0};
	free(r->given);
	r->given = NULL;
	if (fragment->kind != REPLY_FRAGMENT)
		return REASSEMBLY_DROPPED;
	p = find(r, fragment, at_ns);
	if (!p || p->refused)
		return REASSEMBLY_DROPPED;
	if (fragment->src.family == 4)
		most -= IPV4_HEADER_BYTES;
	if (end == first || end > most || (fragment->more_fragments && (end - first) % 8 != 0))
		return refuse(r, p, "bad-length", out);
	if (end > p->end)
		return refuse(r, p, "beyond-the-end", out);
	if (!fragment->more_fragments) {
		why = set_end(p, end);
		if (why)
			return refuse(r, p, why, out);
	}
	hole = hole_around(p, first, end);
	if (!hole && !is_repetition(p, fragment, first, end))
		return refuse(r, p, "overlap", out);
	if (hole && !reserve(r, p, end)) {
		release(r, p);
		return REASSEMBLY_DROPPED;
	}
	if (hole && !fill_hole(p, hole, first, end))
		return refuse(r, p, "too-many-holes", out);
	if (hole)
		keep(p, fragment, first, end, at_ns);
	if (p->hole_count > 0)
		return REASSEMBLY_WAITS;
	give(r, p, out);
	return REASSEMBLY_WHOLE;
}
