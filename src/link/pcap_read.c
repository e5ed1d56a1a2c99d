/* pcap_read.c: the older capture format: one header, then packets, each behind a header of 16 bytes (draft-ietf-opsawg-pcap). */
#include "capture_reading.h"

enum {
	FILE_HEADER_BYTES = 24,
	RECORD_HEADER_BYTES = 16,
	RECORD_HEADER_BYTES_MODIFIED = 24, /* Kuznetzov's patched libpcap: interface, protocol, kind behind it */
};
#define SECOND_NS INT64_C(1000000000)

#define MAGIC_MICRO    0xa1b2c3d4
#define MAGIC_NANO     0xa1b23c4d
#define MAGIC_MODIFIED 0xa1b2cd34

enum { LAST_EXCHANGED_MINOR = 3 };

/* The bits of the link type field that say how long the frame check sequence is are not part of the type. */
#define LINK_TYPE_BITS 0x03ffffff

static enum capture_found pcap_next(struct capture_file *file, struct captured_packet *packet, struct err *err)
{
	size_t header_bytes = file->record_header_bytes;
	enum capture_have have = capture_want(file, header_bytes);
	uint32_t captured, wire_bytes;
	const uint8_t *at;

	(void)err;
	if (have != HAVE_IT)
		return capture_end_have(file, have);
	at = capture_at(file);
	captured = capture_u32(file, at + 8);
	wire_bytes = capture_u32(file, at + 12);
	if (file->lengths_exchanged && captured > wire_bytes) {
		uint32_t other = captured;

		captured = wire_bytes;
		wire_bytes = other;
	}
	if (captured > CAPTURE_BUFFER_BYTES - header_bytes)
		return capture_end(file, CAPTURE_BROKEN,
		                   "packet %llu cannot be %lu bytes long; it and what follows cannot be read",
		                   (unsigned long long)file->counters.packets + 1, (unsigned long)captured);
	have = capture_want(file, header_bytes + captured);
	if (have != HAVE_IT)
		return capture_end_have(file, have);
	at = capture_at(file);
	*packet = (struct captured_packet){
	        .has_time = true,
	        .at_ns = (int64_t)capture_u32(file, at) * SECOND_NS +
	                 (int64_t)capture_u32(file, at + 4) * (file->nano ? 1 : 1000),
	        .link_type = file->link_type,
	        .bytes = at + header_bytes,
	        .captured = captured,
	        .wire_bytes = wire_bytes > captured ? wire_bytes : captured,
	};
	capture_consume(file, header_bytes + captured);
	return CAPTURE_PACKET;
}

bool pcap_ready(const struct capture_file *file)
{
	size_t have = file->end - file->start;
	uint32_t a, b;

	if (have < file->record_header_bytes)
		return false;
	a = capture_u32(file, capture_at(file) + 8);
	b = capture_u32(file, capture_at(file) + 12);
	if (file->lengths_exchanged && a > b)
		a = b;
	return a > CAPTURE_BUFFER_BYTES || have >= file->record_header_bytes + a;
}

static bool is_magic(uint32_t value)
{
	return value == MAGIC_MICRO || value == MAGIC_NANO || value == MAGIC_MODIFIED;
}

bool pcap_begin(struct capture_file *file, struct err *err)
{
	uint32_t magic = capture_u32(file, capture_at(file));
	enum capture_have have;
	uint16_t minor;

	if (!is_magic(magic) && !is_magic(__builtin_bswap32(magic)))
		return false;
	if (!is_magic(magic)) {
		file->swapped = true;
		magic = __builtin_bswap32(magic);
	}
	do
		have = capture_want(file, FILE_HEADER_BYTES);
	while (have == HAVE_SIGNAL);
	if (have != HAVE_IT)
		return err_set(err, ERR_SYSTEM, "%.200s: ends in the middle of its header", file->name);
	if (capture_u16(file, capture_at(file) + 4) != 2)
		return err_set(err, ERR_SYSTEM, "%.200s: is a pcap file of version %u, which nobody has defined",
		               file->name, capture_u16(file, capture_at(file) + 4));
	minor = capture_u16(file, capture_at(file) + 6);
	file->nano = magic == MAGIC_NANO;
	file->record_header_bytes = magic == MAGIC_MODIFIED ? RECORD_HEADER_BYTES_MODIFIED : RECORD_HEADER_BYTES;
	file->lengths_exchanged = minor <= LAST_EXCHANGED_MINOR;
	file->link_type = capture_dlt(capture_u32(file, capture_at(file) + 20) & LINK_TYPE_BITS);
	file->counters.sections = 1;
	file->next = pcap_next;
	capture_consume(file, FILE_HEADER_BYTES);
	return true;
}
