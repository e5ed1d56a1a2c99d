/* reassembly.h: fragments become whole datagrams again (RFC 791, RFC 8200 4.5, by the hole list of RFC 815). Pure, bounded memory.
 *
 * Fragments that overlap are refused with everything of their datagram (RFC 5722; RFC 8900 says what overlaps are good for);
 * an exact repetition is ignored. Where the capture cut fragments short, the datagram comes out cut short at the first missing
 * byte, its length still told. */
#ifndef NSCAN_REASSEMBLY_H
#define NSCAN_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/decode.h"

enum {
	REASSEMBLY_DATAGRAMS = 256, /* under way at once; the oldest gives way */
	REASSEMBLY_HOLES = 256,     /* in one datagram; more is no honest sender */
	REASSEMBLY_BYTES = 4 << 20, /* of all datagrams under way; the oldest give way */
	REASSEMBLY_TIMEOUT_S = 30,  /* RFC 1122 asks for 60 to 120 s; Linux takes 30 */
	DATAGRAM_MAX_BYTES = 65535, /* IPv4: header included; IPv6: without its header */
};

enum reassembly_verdict {
	REASSEMBLY_WAITS, /* kept; parts are missing yet */
	REASSEMBLY_WHOLE, /* the datagram is whole */
	REASSEMBLY_REFUSED, /* `why` says what is wrong; told once, what else belongs to that datagram is dropped silently */
	REASSEMBLY_DROPPED, /* belongs to a refused datagram, is no fragment, or memory ran out */
};

/* A datagram made whole. */
struct datagram {
	const uint8_t *
	        packet; /* from the IP header on (decode_frame, FRAME_RAW_IP); valid until the next call on the reassembly */
	size_t bytes; /* of it; fewer than its header claims where the capture cut a fragment short */
	uint32_t fragments;
	uint32_t largest_bytes; /* IP length of the largest fragment */
	uint32_t first_bytes;   /* IP length of the one at offset 0 */
	bool dont_fragment;     /* on all fragments: the sender made them, no router did */
	bool in_order;          /* they came in the order of their offsets */
	int64_t first_ns;       /* when the first one came, and the last */
	int64_t last_ns;
	const char
	        *why; /* REASSEMBLY_REFUSED: "overlap", "beyond-the-end", "bad-length", "too-many-holes"; else NULL */
};

struct reassembly;

/* NULL when memory ran out. */
struct reassembly *reassembly_new(void);
void reassembly_free(struct reassembly *reassembly);
/* Takes one fragment (any other reply is dropped) received at at_ns. *out is filled for WHOLE and REFUSED, zero otherwise. */
enum reassembly_verdict reassembly_take(struct reassembly *reassembly, const struct reply *fragment, int64_t at_ns,
                                        struct datagram *out);
/* Datagrams that are not whole yet. */
size_t reassembly_pending(const struct reassembly *reassembly);

#endif
