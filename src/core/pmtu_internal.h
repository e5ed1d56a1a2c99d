/* pmtu_internal.h: what the files of the path MTU observation share.
 *
 *   pmtu.c         asks and their fates: frames out, answers, claims and silence in
 *   pmtu_steps.c   what to ask next, phase by phase
 *   pmtu_search.c  sizes: the plateau table, and which to try between one that passes and one that does not
 */
#ifndef NSCAN_CORE_PMTU_INTERNAL_H
#define NSCAN_CORE_PMTU_INTERNAL_H

#include "nscan/pmtu.h"

#define MS    INT64_C(1000000)
#define NEVER INT64_MAX

enum pmtu_phase {
	PHASE_CEILING,         /* as large as the interface takes */
	PHASE_CLAIM,           /* a router named a size: does it pass? */
	PHASE_CLAIM_CHECK,     /* it does: does one byte more, too? */
	PHASE_SEARCH,          /* between what passes and what does not */
	PHASE_WAIT_UDP,        /* echo is ignored, and no port is known yet that refuses */
	PHASE_RETURN,          /* replies came back in fragments: how large may they be? */
	PHASE_FRAGMENTS,       /* there and back in fragments */
	PHASE_FRAGMENTS_APART, /* that failed: which way? */
	PHASE_TAIL,            /* does a reply so long that even a large MTU needs fragments show the last of them? */
	PHASE_REVERSED,
	PHASE_TINY_FIRST,
	PHASE_DONE,
	PHASE_COUNT,
};

/* pmtu.c */
/* The next asks are sent together. */
void pmtu_begin_batch(struct pmtu *p);
/* A whole datagram of that size with DF, by the present method. */
void pmtu_ask_size(struct pmtu *p, uint32_t bytes);
/* A small one, whole: can the host answer at all? */
void pmtu_ask_control(struct pmtu *p);
/* A datagram cut up, its fragments with that much data. */
void pmtu_ask_cut(struct pmtu *p, uint32_t bytes, enum pmtu_cut cut, uint32_t fragment_bytes);
uint32_t pmtu_ceiling(const struct pmtu *p);
uint32_t pmtu_control_bytes(const struct pmtu *p);
/* Of whole datagrams by the present method: the largest that was answered; 0: none. */
uint32_t pmtu_largest_answered(const struct pmtu *p);
/* The smallest above `lo` that was not; 0: none. */
uint32_t pmtu_smallest_failed(const struct pmtu *p, uint32_t lo);
/* Asks of that size that stayed unanswered although the host then answered a later one. */
unsigned pmtu_silences(const struct pmtu *p, uint32_t bytes);
/* Asks that stayed unanswered though their size passes: loss. */
unsigned pmtu_losses(const struct pmtu *p, uint32_t lo);
/* The smallest of more than `lo` bytes (of these the newest) about which a router said that it is too big; NULL: none. */
const struct pmtu_ask *pmtu_claim_above(const struct pmtu *p, uint32_t lo);
/* Any ask of the present batch that the host answered. */
bool pmtu_batch_answered(const struct pmtu *p);

/* An ask of that size was answered in fragments by a host on the same link. */
bool pmtu_was_cut_back(const struct pmtu *p, uint32_t bytes);

/* pmtu_steps.c: the batch is settled: draws conclusions, asks on, or ends. */
void pmtu_step(struct pmtu *p, int64_t now_ns);

/* pmtu_search.c */
enum { LADDER_MOST = 8 };
/* RFC 1191 7.1: the next lower plateau. */
uint32_t plateau_below(uint32_t bytes);
/* A size that links in use have. */
bool mtu_is_usual(uint32_t bytes);
/* Sizes between lo and hi, both excluded, that are to be tried first. */
bool ladder_has_usual(uint32_t lo, uint32_t hi);
/* Up to `most` sizes to try between lo (passes) and hi (does not), both excluded, descending. Returns how many; 0: none between.
 * margin: how much more than an MTU does certainly not pass; 1 as a rule. */
size_t ladder(uint32_t lo, uint32_t hi, uint32_t margin, size_t most, uint16_t out[LADDER_MOST]);

#endif
