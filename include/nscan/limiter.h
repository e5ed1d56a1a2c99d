/* limiter.h: the model of one host's limit on ICMP errors towards one of our addresses.
 *
 * A token bucket: `burst` tokens at most, `rate` new ones a second, each error takes one. Linux, IPv4: 1/s, burst 6 per peer
 * (net/ipv4/route.c: ip_rt_error_burst; net.ipv4.icmp_ratelimit). Windowed limiters (BSD, Solaris) and minimum intervals
 * (Cisco) are buckets to within one window.
 *
 * Two kinds of evidence drive it: an ask that was refused proves that there was a token when it arrived, and took it; a row
 * of asks that stayed unanswered although refusals were to be expected proves that the bucket was empty. Between two
 * moments of emptiness the refusals counted are exactly the tokens that came, and that measures the rate: until it is
 * recognised as one of the limits in wide use (limiter_recognise), or found by another method (limiter_measured). */
#ifndef NSCAN_LIMITER_H
#define NSCAN_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

enum limiter_phase {
	LIMITER_UNSEEN,   /* every token asked for was there so far */
	LIMITER_LEARNING, /* the bucket ran empty once; waiting for the first new token */
	LIMITER_KNOWN,    /* rate measured, and being refined */
};

struct limiter {
	enum limiter_phase phase;
	double rate;  /* tokens a second */
	double least; /* a rate that was proved, slowly forgotten */
	double most;  /* a rate that it certainly does not exceed: proofs count on this one */
	double burst; /* tokens the full bucket holds */
	double level; /* tokens expected in it at level_at_ns */
	int64_t level_at_ns;
	int64_t first_use_ns;      /* the first token taken; 0: none yet */
	uint32_t used;             /* tokens taken in all */
	int64_t empty_ns;          /* last proof of emptiness that the count below starts from */
	uint32_t used_since;       /* tokens taken since then */
	uint32_t used_since_check; /* tokens taken since the bucket was last found empty */
	int64_t test_step_ns;      /* LEARNING: the wait before the next test, doubling */
	int64_t last_use_ns;
	uint32_t drains_left; /* how many times more to ask past the model, to find the level exactly */
	bool is_bucket;       /* known to be a true token bucket: tokens come one by one, not in lumps */
	bool settled;         /* the estimate is good enough to be told */
	bool recognised;      /* one of the limits in wide use, and everything seen fits it: nothing is measured */
	bool adopted;         /* from another address of ours: nothing is measured here, but the level may be off */
};

/* A full bucket of unknown size and rate. */
void limiter_init(struct limiter *limiter);
/* Tokens expected at now_ns; without a limit seen, a large number. */
double limiter_level(const struct limiter *limiter, int64_t now_ns);
/* An ask sent at sent_ns was refused: it took a token. */
void limiter_used(struct limiter *limiter, int64_t sent_ns);
/* Asks sent up to at_ns show that no token was there at at_ns. */
void limiter_empty(struct limiter *limiter, int64_t at_ns);
/* Perhaps no token was there at at_ns: the level starts from nothing, but nothing is concluded about the rate. */
void limiter_drained(struct limiter *limiter, int64_t at_ns);
/* It is that limit (tokens a second, tokens at most; 0: not yet sure), and `level` tokens are there at now_ns. May be called again
 * and again. One token at most is the only way to a limit that is a minimum interval. */
void limiter_recognise(struct limiter *limiter, double rate, double burst, double level, int64_t now_ns);
/* It is not that limit after all: the rate is measured from here on. */
void limiter_doubt(struct limiter *limiter, int64_t now_ns);
/* It is none of those limits, and this is what it gives. */
void limiter_measured(struct limiter *limiter, double rate, double burst);
/* What was learnt from another address of ours holds for this one too, which has taken some tokens from its full bucket and met
 * no limit yet. */
void limiter_adopt(struct limiter *limiter, const struct limiter *model, int64_t now_ns);
/* A check showed that a token was there although the model had thought it gone: the bucket is asked past the model soon. */
void limiter_surplus(struct limiter *limiter);
/* True when the bucket holds one token only (Cisco): a least time between two errors. */
bool limiter_is_interval(const struct limiter *limiter);
/* When the level reaches `need`; now_ns when it already has. */
int64_t limiter_ready_ns(const struct limiter *limiter, double need, int64_t now_ns);

#endif
