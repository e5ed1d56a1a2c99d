/* usual.h: which of the limits in wide use a host has, found by trying each on what was seen.
 *
 * Every limit of the table is a token bucket whose rate and size are known exactly. What was asked is followed through each of them
 * in the order sent: an error that came although the bucket must have been empty rules the limit out; so do asks of ports
 * known to refuse that stayed silent although tokens must have been there, when there are more of them than loss explains. The
 * level is kept between two bounds, because nobody knows how full the bucket was at the start. */
#ifndef NSCAN_CORE_USUAL_H
#define NSCAN_CORE_USUAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	USUAL_LIMITS = 3,
	USUAL_INTERVAL = 2,            /* the one that gives one error at a time */
	USUAL_MEASURED = USUAL_LIMITS, /* none of the table: what was measured (measure.c) */
	USUAL_TRIED,
};

struct usual_limit {
	double per_s;
	double burst;
	/* Of a limit that was measured, rate and burst are the least that they can be. */
	double likely;     /* times per_s: the likely rate */
	double excess;     /* relative: the rate may be so much higher */
	double most_burst; /* the burst may be so high */
};
extern const struct usual_limit usual_limits[USUAL_LIMITS];

/* One limit, tried. A promise is a token that was there by the least level. */
struct usual_fit {
	double least, most; /* tokens in the bucket at at_ns */
	int64_t at_ns;
	bool dead; /* what was seen cannot be this limit, or it was decided that it is another */

	/* Promises of ports known to refuse, and errors. */
	uint32_t hits;   /* errors that came when a token was promised */
	uint32_t misses; /* silences although one was promised */
	uint32_t broken; /* ports that may refuse: refused at last, though an earlier ask of theirs was promised one */
	uint8_t misses_in_row;
	bool missed; /* the silence that is pending breaks a promise */

	/* Promises of ports that may refuse. */
	double doubt; /* -log of the probability of all their silences */
	double run;   /* the same, since the last error */
	bool doubted; /* another limit is far more probable */
	bool broke;   /* the error told last came after a silence too improbable */

	/* Calibration, from first asks: their probability of a refusal is the surest. */
	double promised; /* refusals expected lately, ... */
	double kept;     /* ... and those that came */
};

struct usual {
	struct usual_fit fits[USUAL_TRIED];
	struct usual_limit measured; /* per_s 0: nothing was */
	bool started;
	bool met;     /* a silence was seen: from then on errors say something about the rate */
	bool pending; /* a silence that means something, unless an error that overtook it took the token */
	int64_t pending_ns;
	uint32_t errors;
	uint32_t
	        explained; /* ports refused, in a row, that had been silent when by the one limit left no token was there: counted by the owner */
	double all_lost;   /* probability that the silences of ports known to refuse, since the last error, are loss */
	double loss;       /* of asks: set by the owner */
	double miss_share; /* of the promises, so many may be broken by loss: set by the owner */
};

void usual_init(struct usual *usual);
/* An ask sent at sent_ns was refused, as was expected with that probability. fresh: of a port never asked before, so that the
 * probability is a good one. slack_ns: how far off the times may be, because of jitter.
 * In the order sent. */
void usual_refused(struct usual *usual, int64_t sent_ns, double probability, bool fresh, int64_t slack_ns);
/* An ask of a port that is known to refuse was not. */
void usual_silent(struct usual *usual, int64_t sent_ns, int64_t slack_ns);
/* An ask stayed silent that would be refused with that probability, had a token been there. */
void usual_unanswered(struct usual *usual, int64_t sent_ns, double probability, bool fresh, int64_t slack_ns);
/* Whichever of those left it is, there was a token at sent_ns. */
bool usual_promised(const struct usual *usual, int64_t sent_ns, int64_t slack_ns);
/* A port that refuses had stayed silent although that limit had a token for it: one was lost, or the clocks drift apart. The count
 * starts again from the refusal told last. */
void usual_broken(struct usual *usual, int limit);
/* The one limit of the table that is left; of several the fastest, once it kept its promises: asking by it will tell them apart.
 * Its index; -1: none, or not yet. *sure: no other is left. */
int usual_best(const struct usual *usual, bool *sure);
/* It is not that one. */
void usual_forget(struct usual *usual, int limit);
/* One is left, and it kept all its promises, which were many. */
bool usual_kept(const struct usual *usual);
/* The limit that is tried under that number. */
const struct usual_limit *usual_limit(const struct usual *usual, int limit);
/* It is none of the table but that limit: all that was seen is to be told again. */
void usual_measured(struct usual *usual, const struct usual_limit *limit);
/* It is that one: the others are out. */
void usual_decide(struct usual *usual, int limit);
/* The one with that rate is contradicted, or another one far more probable. */
bool usual_is_out(const struct usual *usual, double per_s);
/* None is left. */
bool usual_none(const struct usual *usual);
/* Tokens that are surely there at now_ns if it is that limit. */
double usual_level(const struct usual *usual, int limit, int64_t now_ns);

#endif
