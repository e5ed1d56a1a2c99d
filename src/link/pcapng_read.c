/* pcapng_read.c: the newer capture format: sections of blocks (draft-ietf-opsawg-pcapng). */
#include <stdio.h>
#include <stdlib.h>

#include "capture_reading.h"
#include "pcapng.h"

#define SECOND_NS INT64_C(1000000000)
enum { INTERFACES_MAX = 65536, DEFAULT_RESOLUTION = 6 };

/* One option, and where the next one is. */
struct option {
	uint16_t code;
	const uint8_t *value;
	size_t bytes;
};

/* Walks over the options in [*at, end). False at their end, and where one does not fit what is there. */
static bool next_option(const struct capture_file *file, const uint8_t **at, const uint8_t *end, struct option *out)
{
	size_t left = (size_t)(end - *at), padded;

	if (left < PCAPNG_OPTION_HEADER_BYTES)
		return false;
	*out = (struct option){
	        .code = capture_u16(file, *at),
	        .value = *at + PCAPNG_OPTION_HEADER_BYTES,
	        .bytes = capture_u16(file, *at + 2),
	};
	padded = pcapng_padded(out->bytes);
	left -= PCAPNG_OPTION_HEADER_BYTES;
	if (out->code == PCAPNG_OPTION_END || out->bytes > left)
		return false;
	*at = out->value + (padded < left ? padded : left);
	return true;
}

/* The first section's comments outlive its block. */
static bool keep_comments(struct capture_file *file, const uint8_t *at, const uint8_t *end)
{
	struct option option;
	char *to = malloc((size_t)(end - at) + 1);

	if (!to)
		return false;
	file->first_comments = to;
	while (file->comment_count < CAPTURE_COMMENTS_MAX && next_option(file, &at, end, &option)) {
		if (option.code != PCAPNG_OPTION_COMMENT)
			continue;
		memcpy(to, option.value, option.bytes);
		to += option.bytes;
		file->comment_bytes[file->comment_count++] = option.bytes;
	}
	return true;
}

static enum capture_found broken(struct capture_file *file, const char *what)
{
	return capture_end(file, CAPTURE_BROKEN, "%s at byte %llu; what follows cannot be read", what,
	                   (unsigned long long)file->offset);
}

/* A section header: what came before in interfaces is forgotten. */
static enum capture_found take_section(struct capture_file *file, const uint8_t *body, size_t n)
{
	if (n < PCAPNG_SECTION_BYTES)
		return broken(file, "a section header that is too short");
	if (capture_u16(file, body + 4) != PCAPNG_MAJOR)
		return broken(file, "a section of a version that nobody has defined");
	if (file->counters.sections++ == 0 && !keep_comments(file, body + PCAPNG_SECTION_BYTES, body + n))
		return capture_end(file, CAPTURE_BROKEN, "out of memory");
	for (size_t i = 0; i < file->interface_count; i++)
		file->counters.dropped += file->interfaces[i].dropped;
	file->interface_count = 0;
	return CAPTURE_BLOCK;
}

static bool grow_interfaces(struct capture_file *file)
{
	size_t capacity = file->interface_capacity ? file->interface_capacity * 2 : 4;
	struct capture_interface *bigger;

	if (file->interface_count < file->interface_capacity)
		return true;
	bigger = reallocarray(file->interfaces, capacity, sizeof(*bigger));
	if (!bigger)
		return false;
	file->interfaces = bigger;
	file->interface_capacity = capacity;
	return true;
}

static enum capture_found take_interface(struct capture_file *file, const uint8_t *body, size_t n)
{
	struct capture_interface *interface;
	const uint8_t *at = body + PCAPNG_INTERFACE_BYTES;
	struct option option;

	if (n < PCAPNG_INTERFACE_BYTES)
		return broken(file, "an interface description that is too short");
	if (file->interface_count == INTERFACES_MAX)
		return broken(file, "more than 65536 interfaces");
	if (!grow_interfaces(file))
		return capture_end(file, CAPTURE_BROKEN, "out of memory");
	interface = &file->interfaces[file->interface_count++];
	*interface = (struct capture_interface){
	        .link_type = capture_dlt(capture_u16(file, body)),
	        .snap_bytes = capture_u32(file, body + 4),
	        .resolution = DEFAULT_RESOLUTION,
	};
	while (next_option(file, &at, body + n, &option)) {
		if (option.code == PCAPNG_IF_NAME) {
			size_t most = sizeof(interface->name) - 1;

			memcpy(interface->name, option.value, option.bytes < most ? option.bytes : most);
		}
		if (option.code == PCAPNG_IF_TSRESOL && option.bytes >= 1)
			interface->resolution = option.value[0];
		if (option.code == PCAPNG_IF_TSOFFSET && option.bytes >= 8)
			interface->offset_s = (int64_t)capture_u64(file, option.value);
	}
	return CAPTURE_BLOCK;
}

static void take_statistics(struct capture_file *file, const uint8_t *body, size_t n)
{
	const uint8_t *at = body + PCAPNG_STATISTICS_BYTES;
	struct option option;
	uint64_t dropped = 0;
	uint32_t number;

	if (n < PCAPNG_STATISTICS_BYTES)
		return;
	number = capture_u32(file, body);
	while (next_option(file, &at, body + n, &option)) {
		if ((option.code == PCAPNG_ISB_IFDROP || option.code == PCAPNG_ISB_OSDROP) && option.bytes >= 8)
			dropped += capture_u64(file, option.value);
	}
	if (number < file->interface_count && dropped > file->interfaces[number].dropped)
		file->interfaces[number].dropped = dropped;
}

static int64_t clamp(__int128 ns)
{
	if (ns > CAPTURE_MOST_NS)
		return CAPTURE_MOST_NS;
	return ns < -CAPTURE_MOST_NS ? -CAPTURE_MOST_NS : (int64_t)ns;
}

/* Ticks of an interface's clock as nanoseconds since 1970. */
static int64_t to_ns(const struct capture_interface *interface, uint64_t ticks)
{
	unsigned exponent = interface->resolution & 0x7fU;
	__int128 ns = (__int128)interface->offset_s * SECOND_NS;

	if (interface->resolution & 0x80U) {
		if (exponent < 64)
			ns += (__int128)(ticks >> exponent) * SECOND_NS;
		/* what is left is a fraction of 2^exponent; beyond 64 bits of it there is only dust */
		if (exponent > 0 && exponent < 64)
			ns += ((__int128)(ticks & ((UINT64_C(1) << exponent) - 1)) * SECOND_NS) >> exponent;
		else if (exponent >= 64 && exponent < 96)
			ns += ((__int128)ticks * SECOND_NS) >> exponent;
		return clamp(ns);
	}
	{
		__int128 value = ticks;

		for (; exponent < 9; exponent++)
			value *= 10;
		for (; exponent > 9 && value > 0; exponent--)
			value /= 10;
		return clamp(ns + value);
	}
}

/* What the three kinds of packet blocks come to. */
struct packet_fields {
	uint32_t interface;
	bool has_time;
	uint64_t ticks;
	uint32_t captured;
	uint32_t wire_bytes;
	const uint8_t *bytes;
};

static void take_options(const struct capture_file *file, struct captured_packet *packet, const uint8_t *at,
                         const uint8_t *end)
{
	static const enum capture_direction directions[] = {CAPTURE_ANY_WAY, CAPTURE_INBOUND, CAPTURE_OUTBOUND,
	                                                    CAPTURE_ANY_WAY};
	struct option option;

	while (next_option(file, &at, end, &option)) {
		if (option.code == PCAPNG_EPB_FLAGS && option.bytes >= 4)
			packet->direction = directions[capture_u32(file, option.value) & 3];
		if (option.code == PCAPNG_OPTION_COMMENT && !packet->comment) {
			packet->comment = (const char *)option.value;
			packet->comment_bytes = option.bytes;
		}
	}
}

static enum capture_found take_packet(struct capture_file *file, const struct packet_fields *fields, const uint8_t *end,
                                      struct captured_packet *packet)
{
	const struct capture_interface *interface;
	size_t left = (size_t)(end - fields->bytes), padded = pcapng_padded(fields->captured);

	if (fields->interface >= file->interface_count)
		return broken(file, "a packet of an interface that was not described");
	if (fields->captured > left)
		return broken(file, "a packet that is longer than its block");
	interface = &file->interfaces[fields->interface];
	*packet = (struct captured_packet){
	        .has_time = fields->has_time,
	        .at_ns = fields->has_time ? to_ns(interface, fields->ticks) : 0,
	        .link_type = interface->link_type,
	        .interface = fields->interface,
	        .bytes = fields->bytes,
	        .captured = fields->captured,
	        .wire_bytes = fields->wire_bytes > fields->captured ? fields->wire_bytes : fields->captured,
	};
	if (padded < left)
		take_options(file, packet, fields->bytes + padded, end);
	return CAPTURE_PACKET;
}

/* The enhanced block, and the packet block of old, which begins with a shorter interface number and a drop count. */
static enum capture_found take_timed(struct capture_file *file, const uint8_t *body, size_t n, bool old,
                                     struct captured_packet *packet)
{
	if (n < PCAPNG_PACKET_BYTES)
		return broken(file, "a packet block that is too short");
	return take_packet(file,
	                   &(struct packet_fields){
	                           .interface = old ? capture_u16(file, body) : capture_u32(file, body),
	                           .has_time = true,
	                           .ticks = (uint64_t)capture_u32(file, body + 4) << 32 | capture_u32(file, body + 8),
	                           .captured = capture_u32(file, body + 12),
	                           .wire_bytes = capture_u32(file, body + 16),
	                           .bytes = body + PCAPNG_PACKET_BYTES,
	                   },
	                   body + n, packet);
}

/* No time, no interface number; how much was captured follows from the lengths. */
static enum capture_found take_simple(struct capture_file *file, const uint8_t *body, size_t n,
                                      struct captured_packet *packet)
{
	uint32_t wire_bytes, captured;

	if (n < PCAPNG_SIMPLE_BYTES)
		return broken(file, "a packet block that is too short");
	wire_bytes = captured = capture_u32(file, body);
	if (file->interface_count > 0 && file->interfaces[0].snap_bytes > 0 &&
	    captured > file->interfaces[0].snap_bytes)
		captured = file->interfaces[0].snap_bytes;
	if (captured > n - PCAPNG_SIMPLE_BYTES)
		captured = (uint32_t)(n - PCAPNG_SIMPLE_BYTES);
	return take_packet(file,
	                   &(struct packet_fields){
	                           .captured = captured,
	                           .wire_bytes = wire_bytes,
	                           .bytes = body + PCAPNG_SIMPLE_BYTES,
	                   },
	                   body + n, packet);
}

/* A block whose bytes are all there. CAPTURE_BLOCK for whatever is no packet. */
static enum capture_found take_block(struct capture_file *file, uint32_t type, const uint8_t *body, size_t n,
                                     struct captured_packet *packet)
{
	file->block = (struct capture_block){.type = type, .body = body, .body_bytes = n, .swapped = file->swapped};
	switch (type) {
	case PCAPNG_SECTION:
		return take_section(file, body, n);
	case PCAPNG_INTERFACE:
		return take_interface(file, body, n);
	case PCAPNG_PACKET:
		return take_timed(file, body, n, false, packet);
	case PCAPNG_SIMPLE_PACKET:
		return take_simple(file, body, n, packet);
	case PCAPNG_OLD_PACKET:
		return take_timed(file, body, n, true, packet);
	case PCAPNG_STATISTICS:
		take_statistics(file, body, n);
		return CAPTURE_BLOCK;
	default:
		return CAPTURE_BLOCK;
	}
}

/* Blocks that mean something here, and so have to be there as a whole. */
static bool is_known(uint32_t type)
{
	return type == PCAPNG_SECTION || type == PCAPNG_INTERFACE || type == PCAPNG_PACKET ||
	       type == PCAPNG_SIMPLE_PACKET || type == PCAPNG_OLD_PACKET;
}

/* Passes over what is left of a block too long for the buffer. */
static enum capture_have skip(struct capture_file *file)
{
	while (file->to_skip > 0) {
		enum capture_have have = capture_want(file, 1);
		size_t there = file->end - file->start;

		if (have != HAVE_IT)
			return have == HAVE_END ? HAVE_CUT : have;
		if (there > file->to_skip)
			there = (size_t)file->to_skip;
		capture_consume(file, there);
		file->to_skip -= there;
	}
	return HAVE_IT;
}

/* A section says itself in which byte order it is: 4 bytes behind its length. */
static bool take_byte_order(struct capture_file *file)
{
	uint32_t magic;

	file->swapped = false;
	magic = capture_u32(file, capture_at(file) + 8);
	file->swapped = magic == __builtin_bswap32(PCAPNG_BYTE_ORDER);
	return magic == PCAPNG_BYTE_ORDER || file->swapped;
}

/* The next block that fits the buffer, its type and length. */
static enum capture_have want_block(struct capture_file *file, uint32_t *type, uint32_t *bytes)
{
	for (;;) {
		enum capture_have have = skip(file);

		if (have == HAVE_IT)
			have = capture_want(file, PCAPNG_BLOCK_BYTES);
		if (have != HAVE_IT)
			return have;
		*type = capture_u32(file, capture_at(file));
		if (*type == PCAPNG_SECTION && !take_byte_order(file)) {
			*bytes = 0;
			return HAVE_IT;
		}
		*bytes = capture_u32(file, capture_at(file) + 4);
		if (*bytes < PCAPNG_BLOCK_BYTES || *bytes % 4 != 0 ||
		    (*bytes > CAPTURE_BUFFER_BYTES && is_known(*type)))
			return HAVE_IT; /* the caller says so */
		if (*bytes <= CAPTURE_BUFFER_BYTES)
			return capture_want(file, *bytes);
		file->to_skip = *bytes;
	}
}

/* One block. CAPTURE_BLOCK when it was no packet. */
static enum capture_found one_block(struct capture_file *file, struct captured_packet *packet)
{
	enum capture_found found;
	uint32_t type, bytes;
	enum capture_have have = want_block(file, &type, &bytes);

	if (have != HAVE_IT)
		return capture_end_have(file, have);
	if (bytes < PCAPNG_BLOCK_BYTES || bytes % 4 != 0 || bytes > CAPTURE_BUFFER_BYTES)
		return broken(file, "a block that cannot be");
	if (capture_u32(file, capture_at(file) + bytes - 4) != bytes)
		return broken(file, "a block whose two lengths differ");
	found = take_block(file, type, capture_at(file) + 8, bytes - PCAPNG_BLOCK_BYTES, packet);
	if (found == CAPTURE_PACKET || found == CAPTURE_BLOCK)
		capture_consume(file, bytes);
	return found;
}

static enum capture_found pcapng_next(struct capture_file *file, struct captured_packet *packet, struct err *err)
{
	enum capture_found found;

	(void)err;
	do
		found = one_block(file, packet);
	while (found == CAPTURE_BLOCK && !file->want_blocks);
	return found;
}

static bool is_packet(uint32_t type)
{
	return type == PCAPNG_PACKET || type == PCAPNG_SIMPLE_PACKET || type == PCAPNG_OLD_PACKET;
}

/* Blocks that are no packets are taken on the way: the next call would, and then wait for a packet. */
bool pcapng_ready(struct capture_file *file)
{
	struct captured_packet none;

	while (file->to_skip == 0 && file->end - file->start >= PCAPNG_BLOCK_BYTES) {
		uint32_t type = capture_u32(file, capture_at(file)), bytes = capture_u32(file, capture_at(file) + 4);

		/* A section may change the byte order; it is there as a whole in any case. */
		if (type != PCAPNG_SECTION && bytes <= CAPTURE_BUFFER_BYTES && file->end - file->start < bytes)
			return false;
		if (is_packet(type) || file->want_blocks || type == PCAPNG_SECTION || bytes > CAPTURE_BUFFER_BYTES)
			return true;
		if (one_block(file, &none) != CAPTURE_BLOCK)
			return true;
	}
	return false;
}

bool pcapng_begin(struct capture_file *file, struct err *err)
{
	struct captured_packet none;
	enum capture_found found;

	if (capture_u32(file, capture_at(file)) != PCAPNG_SECTION)
		return false;
	do
		found = one_block(file, &none);
	while (found == CAPTURE_INTERRUPTED);
	if (found != CAPTURE_BLOCK) {
		*err = file->why;
		return false;
	}
	file->next = pcapng_next;
	return true;
}
