/* capture_file.h: capture files as a stream of packets: pcap and pcapng, from a file or a pipe that is still growing.
 *
 *     file = capture_file_open("scan.pcapng", &err)        "-" is standard input
 *     while ((found = capture_file_next(file, &packet, &err)) == CAPTURE_PACKET) use it;
 *     found says how it ended; CAPTURE_CUT and CAPTURE_BROKEN with one line in err
 *
 * Own reader, not libpcap's: that one refuses files with several link types, drops comments and directions, and waits on a
 * pipe for a buffer to fill while a packet is there. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. No length
 * is trusted, memory does not grow with the file, packets are not copied. */
#ifndef NSCAN_CAPTURE_FILE_H
#define NSCAN_CAPTURE_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/err.h"

struct capture_file;

enum capture_found {
	CAPTURE_PACKET,
	CAPTURE_BLOCK,       /* only after capture_file_want_blocks: a block that is no packet */
	CAPTURE_END,         /* the file was whole */
	CAPTURE_CUT,         /* it ends in the middle of a packet or block; all before was given */
	CAPTURE_BROKEN,      /* what follows cannot be read: not a capture, a length that cannot be, a read error */
	CAPTURE_INTERRUPTED, /* a signal came while waiting for input; asking again goes on */
};

enum capture_direction { CAPTURE_ANY_WAY, CAPTURE_INBOUND, CAPTURE_OUTBOUND };

/* No time is further from 1970 than this (146 years), whatever a file says: two of them can be subtracted. */
#define CAPTURE_MOST_NS ((INT64_C(1) << 62) - 1)

/* One packet. Pointers are valid until the next call on the file. */
struct captured_packet {
	bool has_time;
	int64_t at_ns;      /* since 1970 */
	int link_type;      /* a DLT number as libpcap on Linux has it (DLT_RAW is 12, whatever the file calls it) */
	uint32_t interface; /* its number in its section; 0 in pcap */
	const uint8_t *bytes;
	size_t captured;
	size_t wire_bytes; /* how long it was; never less than captured */
	enum capture_direction direction;
	const char *comment; /* the first one, not terminated, from whoever wrote the file: escape it; NULL: none */
	size_t comment_bytes;
};

/* One other block of a pcapng file: section header, interface description, statistics, or one that nobody registered. */
struct capture_block {
	uint32_t type;
	const uint8_t *body; /* without type and lengths; in the byte order of its section */
	size_t body_bytes;
	bool swapped; /* the section's byte order is not this machine's */
};

/* NULL with *err (which may be NULL) set to ERR_SYSTEM: cannot be opened, or is not a capture. Waits for the first bytes: enough to know the
 * format, and in pcapng the first section header. */
struct capture_file *capture_file_open(const char *path, struct err *err);
/* As above from bytes in memory, which are borrowed until closing; `name` is for messages. */
struct capture_file *capture_file_open_bytes(const char *name, const uint8_t *bytes, size_t n, struct err *err);
void capture_file_close(struct capture_file *file);

/* The next packet. Waits for input where there is none yet, but never while a whole packet is there. *err is set for
 * CAPTURE_CUT and CAPTURE_BROKEN, after which every call gives the same again. */
enum capture_found capture_file_next(struct capture_file *file, struct captured_packet *packet, struct err *err);
/* Whether capture_file_next from now on also stops at other blocks (CAPTURE_BLOCK), later section headers included;
 * capture_file_block tells which. Blocks too long for the buffer are skipped. */
void capture_file_want_blocks(struct capture_file *file, bool want);
const struct capture_block *capture_file_block(const struct capture_file *file);
/* The n-th comment (from 0) of the first section header; NULL: there is none. Not terminated. */
const char *capture_file_comment(const struct capture_file *file, size_t n, size_t *bytes);

/* The next call of capture_file_next has something to give without waiting. Before it would wait is the time to flush
 * reports for who follows a live capture. */
bool capture_file_ready(struct capture_file *file);
/* Waits until there is input, at most timeout_ns (negative: for ever), with signal mask `mask` (NULL: as it is). False: a
 * signal came. */
bool capture_file_wait(struct capture_file *file, int64_t timeout_ns, const sigset_t *mask);

/* The name of an interface of the section that is being read, cut at 31 bytes; "" when it has none or there is no such one.
 * From whoever wrote the file: escape it. */
const char *capture_file_interface(const struct capture_file *file, uint32_t number);

/* How far reading has come. */
struct capture_file_counters {
	uint64_t packets;
	uint64_t bytes;
	uint64_t dropped;  /* packets that the capture lost, as its own counters say (pcapng) */
	uint64_t sections; /* of pcapng; 1 in pcap */
};
void capture_file_counters(const struct capture_file *file, struct capture_file_counters *out);
/* As given to capture_file_open; "standard input" for "-". */
const char *capture_file_name(const struct capture_file *file);

#endif
