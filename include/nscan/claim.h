/* claim.h: addresses that nobody has, claimed for the length of a scan (RFC 5227). Pure: time and packets in, packets out.
 *
 * Each address is asked for by ARP probes; only when nobody answers for it, and nobody else is about to claim it, is it
 * announced and used. Nothing is configured on this machine: whoever asks for a claimed address gets the answer from here.
 * RFC 5227 spaces the three probes by one to two seconds, for addresses that are kept for days; a claim of this kind is
 * temporary and watched, and its probes are spaced by 0.2 s. */
#ifndef NSCAN_CLAIM_H
#define NSCAN_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/arp.h"
#include "nscan/decode.h"
#include "nscan/err.h"

enum { CLAIM_PROBES = 3, CLAIM_SPACING_MS = 200, CLAIM_PACKETS_PER_S = 2000 };

/* One address. */
struct claim {
	struct addr addr;
	bool lost;                    /* another machine uses it too: nscan answers for it no more */
	uint8_t rival_mac[MAC_BYTES]; /* that machine */
};

/* All addresses claimed on one interface. Zero-initialised: none. */
struct claims {
	uint8_t mac[MAC_BYTES]; /* of the interface */
	struct claim *claims;   /* ascending by address */
	size_t count;
	size_t lost_count;
	int64_t interval_ns; /* between two packets */
	int64_t round_ns;    /* between two probes for the same address */
	int64_t start_ns;    /* when the first probe is due */
	size_t step;         /* packets given out: the probes, round by round, then the announcements */
	const struct claim *first_lost;
};

/* Takes the addresses (each once) to claim, from now_ns on with at most so many packets a second; 0: CLAIM_PACKETS_PER_S. False only
 * when memory ran out. claims_free releases. */
bool claims_start(struct claims *claims, const struct addr *addrs, size_t count, const uint8_t mac[MAC_BYTES],
                  double packets_per_s, int64_t now_ns, struct err *err);
void claims_free(struct claims *claims);
/* The next packet that is due at now_ns: probes, and when they have stayed unanswered, announcements. */
bool claims_next(struct claims *claims, int64_t now_ns, struct arp_packet *out);
/* When the next packet is due; INT64_MAX when none is left. */
int64_t claims_wake(const struct claims *claims);
/* Every address has been probed and announced. */
bool claims_are_held(const struct claims *claims);

enum claim_news {
	CLAIM_NOTHING,
	CLAIM_ANSWER, /* somebody asks for a claimed address: send *answer */
	CLAIM_IN_USE, /* somebody has an address that is still being probed for, or wants it too: it must not be used */
	CLAIM_CONFLICT, /* somebody began to use a claimed address: told once for each */
};

/* Takes an ARP packet that came in on the interface (anything else is CLAIM_NOTHING). *about is the claim concerned, with the
 * rival's hardware address for CLAIM_IN_USE and CLAIM_CONFLICT. */
enum claim_news claims_receive(struct claims *claims, const struct reply *reply, struct arp_packet *answer,
                               const struct claim **about);

#endif
