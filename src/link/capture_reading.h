/* capture_reading.h: what the readers of the two capture formats share: the buffer, and numbers in either byte order. */
#ifndef NSCAN_LINK_CAPTURE_READING_H
#define NSCAN_LINK_CAPTURE_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nscan/capture_file.h"

/* What the buffer holds at once, and so the longest packet with all that belongs to it (libpcap's longest is 262144). */
enum { CAPTURE_BUFFER_BYTES = 1 << 20, CAPTURE_COMMENTS_MAX = 64 };

/* pcapng: an interface of the section that is being read. */
struct capture_interface {
	char name[32];
	int link_type;
	uint32_t snap_bytes; /* 0: no limit */
	uint8_t resolution;  /* if_tsresol as written */
	int64_t offset_s;    /* if_tsoffset */
	uint64_t dropped;    /* by its last statistics */
};

struct capture_file {
	char *name;
	int fd; /* -1: all there is lies in the buffer */
	bool regular;
	bool at_end;     /* of the input; what is buffered may still hold packets */
	uint8_t *buffer; /* owned unless `borrowed` */
	bool borrowed;
	size_t start, end; /* what of the buffer is not read yet */
	uint64_t offset;   /* in the file, of `start` */
	uint64_t to_skip;  /* bytes of a block nobody wants, not yet read */

	enum capture_found (*next)(struct capture_file *, struct captured_packet *, struct err *);
	enum capture_found ended; /* CAPTURE_END, _CUT or _BROKEN once that is so; else CAPTURE_PACKET */
	struct err why;
	bool swapped;
	struct capture_file_counters counters;

	/* pcap */
	bool nano;
	bool lengths_exchanged; /* some writers of version 2.3 and before put the lengths the other way round */
	size_t record_header_bytes;
	int link_type;

	/* pcapng */
	bool want_blocks;
	struct capture_block block;
	struct capture_interface *interfaces;
	size_t interface_count;
	size_t interface_capacity;
	char *first_comments; /* one after the other */
	size_t comment_bytes[CAPTURE_COMMENTS_MAX];
	size_t comment_count;
};

static inline uint16_t capture_u16(const struct capture_file *file, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return file->swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t capture_u32(const struct capture_file *file, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return file->swapped ? __builtin_bswap32(v) : v;
}

static inline uint64_t capture_u64(const struct capture_file *file, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return file->swapped ? __builtin_bswap64(v) : v;
}

/* What capture_want came to. */
enum capture_have { HAVE_IT, HAVE_END, HAVE_CUT, HAVE_ERROR, HAVE_SIGNAL };

/* Makes `n` bytes (at most CAPTURE_BUFFER_BYTES) available from `start` on, reading as much as it takes. */
enum capture_have capture_fill(struct capture_file *file, size_t n);

static inline enum capture_have capture_want(struct capture_file *file, size_t n)
{
	return file->end - file->start >= n ? HAVE_IT : capture_fill(file, n);
}

static inline const uint8_t *capture_at(const struct capture_file *file)
{
	return file->buffer + file->start;
}

/* Takes n bytes that are there out of the buffer. */
static inline void capture_consume(struct capture_file *file, size_t n)
{
	file->start += n;
	file->offset += n;
}

/* Ends the reading for good, with its reason. */
enum capture_found capture_end(struct capture_file *file, enum capture_found how, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same for what capture_want came to, when that is not HAVE_IT. */
enum capture_found capture_end_have(struct capture_file *file, enum capture_have have);
/* The DLT of a LINKTYPE, as far as the two differ and it matters here. */
int capture_dlt(uint32_t link_type);

/* pcap_read.c, pcapng_read.c: recognise the start of a file (at least 4 bytes are there) and take the header. */
bool pcap_begin(struct capture_file *file, struct err *err);
bool pcapng_begin(struct capture_file *file, struct err *err);
/* Would `next` find all it needs in the buffer? */
bool pcap_ready(const struct capture_file *file);
bool pcapng_ready(struct capture_file *file);

#endif
