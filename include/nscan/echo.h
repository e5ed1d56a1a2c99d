/* echo.h: what --echo-server answers, and how much of it. Pure: datagrams and time in, verdicts out.
 *
 * A service that answers strangers can be turned against others: its answers go where a forged source address says. So this one
 * answers only what carries the request marker of ping_payload.h, with the same bytes marked as an answer, never longer,
 * never to an answer (two servers, or this and any other echo service, cannot be made to talk to each other), never to what was
 * sent to a broadcast or multicast address, and no more than so many a second to one source and in all. Sources below port
 * 1024 are answered: asking from port 53 is what `nscan --ping -g 53` is for, and the marker already keeps services apart. */
#ifndef NSCAN_ECHO_H
#define NSCAN_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/err.h"
#include "nscan/hash.h"

/* Answers a second, and how many may come at once. */
enum { ECHO_SOURCE_RATE = 2000, ECHO_SOURCE_BURST = 200, ECHO_RATE = 10000, ECHO_BURST = 1000 };

/* One datagram received. */
struct echo_request {
	struct addr src;
	uint16_t src_port;
	uint16_t dst_port;
	bool to_one; /* sent to this machine's own address, no broadcast or multicast */
	uint8_t *data;
	size_t n;
	bool cut; /* longer than the buffer */
};

struct echo_counts {
	uint64_t received;
	uint64_t answered;
	uint64_t answered_bytes;
	uint64_t foreign;     /* not a request of nscan's ping */
	uint64_t answers;     /* an answer of another echo server: never answered */
	uint64_t broadcasts;  /* not sent to one */
	uint64_t over_source; /* above the limit for one source */
	uint64_t over_all;    /* above the limit for all */
};

struct echo;

/* At most `rate` answers a second; 0: ECHO_RATE. `key` (random) decides which sources share a place in the table of sources, so that
 * nobody can choose whom he shuts out. NULL with *err set when memory ran out. */
struct echo *echo_new(double rate, const uint8_t key[HASH_KEY_BYTES], struct err *err);
void echo_free(struct echo *echo);
/* True when it is to be answered: the data then is the answer, of the same length. *is_new: this source was not heard of lately. */
bool echo_take(struct echo *echo, const struct echo_request *request, int64_t now_ns, bool *is_new);
const struct echo_counts *echo_counted(const struct echo *echo);

#endif
