/* collect.h: a limit on ICMP errors that is none of those in wide use.
 *
 * Such a limit has no model to ask by: it is learnt while asking, in steps.
 *
 *   collecting   Unresolved ports are asked by the clock, a little faster than the limit gives errors, whatever the
 *                answers: no token waits for a round trip, so that the time is the least that the limit allows. How
 *                fast the limit is, and how likely each silent port is closed, is estimated from the log of asks.
 *   following    Once enough tokens were counted, the rate of a bucket is known so well that they can be counted from there on:
 *                then it is asked as if it were one of those in wide use, as long as nothing contradicts that.
 *   roll calls   Where that cannot be: once hardly an error is expected of the ports that are left, their silence is proved: a rest in which
 *                tokens surely come, all of the ports, and sentinels behind them that are refused.
 *
 * Terms. A token is the limit's permission to send one error. An ask of a port that is probably closed counts as that
 * probability: so many errors are expected of it.
 *
 *   collect.c          what is known of the limit, kept up to date with each ask that is decided
 *   fit.c              the rate, and the probability of each port to be closed, that explain best what was seen
 *   measure.c          the least rate that it must have, by what is sure alone
 *   collect_choose.c   what to ask next while refusals are collected, and when
 *   rollcall.c         the proof of silence at the end */
#ifndef NSCAN_CORE_COLLECT_H
#define NSCAN_CORE_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct host;
struct lane;
struct log_entry;
struct port_slot;
struct usual_limit;

enum {
	COLLECT_LOG =
	        1024, /* asks that are kept: more than there are from one fit to the next, and those that it is made of */
	LEARNING_TAKEN = 6, /* tokens; until then hardly anything is known of the limit */
	MEASURE_EVERY = 8,  /* tokens: then the rate is measured anew */
	RATE_TAKEN = 8,     /* tokens after which the rate is good enough to be told, and to count on */
};
#define FEW_LEFT 1.0 /* errors expected of all ports that are left: time to prove their silence */
#define STARVED  3.0 /* errors expected that did not come: a sentinel asks whether the limit gives any */
#define CAUTIOUS 0.9 /* share of the tokens expected that are counted on */

/* One rate, tried on what was seen. */
struct fit {
	double rate;        /* tokens a second */
	double least, most; /* tokens in the bucket, between these bounds */
	double likelihood;  /* of what was seen, up to a factor common to all rates */
	double weight;      /* its share of the likelihood of all rates */
};

enum roll_call_stage {
	ROLL_CALL_NONE,
	ROLL_CALL_REST, /* nothing is asked until tokens are surely there */
	ROLL_CALL_ASKS, /* all suspects, pass by pass */
	ROLL_CALL_TAIL, /* the sentinels behind them */
	ROLL_CALL_WAIT, /* for what is in flight */
};

/* One proof of silence under way. */
struct roll_call {
	enum roll_call_stage stage;
	uint32_t first, end; /* log numbers of its asks; end is the one behind the last */
	uint32_t pass, passes;
	uint32_t left_in_pass;  /* asks */
	int64_t next_pass_ns;   /* copies of an ask keep their distance */
	uint32_t tails;         /* sentinels still to come at the end */
	double tokens;          /* that were there when it began; more errors than that prove nothing */
	int64_t began_ns;       /* when the first of its asks was sent */
	bool led;               /* a sentinel in front has to be refused, too */
	uint32_t failed_in_row; /* roll calls before it */
};

/* What is known of the limit. Asks count in the order sent, each once it is decided whether it was refused. */
struct collect {
	bool on;

	/* What was taken. */
	int64_t found_ns;     /* when the limit was met: no token was there; 0: not yet */
	int64_t began_ns;     /* the same, when collecting began */
	int64_t since_ns;     /* asks sent later are evidence: found_ns at first, later when old asks are forgotten */
	double taken;         /* tokens since collecting began */
	double collected;     /* of these, not by roll calls */
	int64_t collected_ns; /* the last ask sent that is not part of a roll call */
	uint32_t run;         /* errors in a row */
	double silent;        /* errors expected of the asks since the last error */
	int64_t refused_ns;   /* the last ask that was refused; 0: none */
	int64_t longest_ns;   /* the longest time between two errors in which others were expected */

	/* The fit. */
	double rate;        /* tokens a second, of a bucket */
	bool rate_given;    /* it was set by what roll calls showed, and is a prior of the fits */
	struct fit level;   /* the bucket of that rate, followed through the asks ... */
	int64_t level_ns;   /* ... sent until then */
	double first_most;  /* tokens that may have been in it at since_ns */
	double share;       /* of the ports asked, that are closed; 0: unknown */
	double left;        /* errors expected of all ports not settled */
	uint32_t first;     /* log number of the first ask of all */
	uint32_t fit_first; /* log number of the first that is evidence */
	uint32_t fitted;    /* number of the first ask not decided at the last fit */
	bool forgot;        /* asks were forgotten: the weights that ports had then stay */

	/* Asking by the clock. */
	double credit; /* errors that may be expected of asks sent now ... */
	int64_t credit_ns;
	double measured_at;  /* tokens taken when the rate was measured last */
	bool bunch;          /* ... once there is enough for several asks at once */
	int64_t sentinel_ns; /* when a sentinel last asked whether the limit gives anything at all */
	bool grouping;       /* it does: ports are asked at once, and another sentinel behind them, ... */
	double grouped;      /* ... and so many errors are expected of them */

	struct roll_call roll_call;
};

/* collect.c */
/* There is a limit, and none of those in wide use, as far as is known. */
bool collecting(const struct lane *lane);
/* No token was there at since_ns, nor for the asks since then that are known to have been silent for want of one. */
void collect_found(struct lane *lane, int64_t since_ns);
/* When the limit was met, found_ns at the latest: the ports that were refused at last tell more exactly. Two of them in a row, which
 * stayed silent then, found no token (one may have been lost). */
int64_t collect_met_ns(struct lane *lane, int64_t found_ns);
/* From now on it is taken to be none of those in wide use. */
void collect_begin(struct lane *lane, int64_t now_ns);
/* Tokens that were surely there were not: half the rate, and no window. */
void collect_slower(struct lane *lane);
/* It is decided what became of the ask, and of all before it. */
void collect_decided(struct lane *lane, uint32_t number);
/* Errors a second, as far as is known; 0: nothing. */
double collect_rate(const struct lane *lane);
/* What came so far is no more than the limit gives, whatever that is. Errors a second. */
double collect_least_rate(const struct lane *lane);
/* Probability that the port is closed, after all its silences. */
double collect_likely(const struct lane *lane, const struct port_slot *slot);

/* measure.c */
/* What the limit is, if it is a bucket and the tokens counted so far tell its rate well enough. */
bool measure_limit(struct lane *lane, struct usual_limit *limit);
/* What is sure does not contradict that limit. */
bool measure_allows(struct lane *lane, const struct usual_limit *limit);

/* fit.c */
/* Finds rate, share of closed ports, and how likely each of the others is one. */
void fit_limit(struct lane *lane);
/* The same, if enough was decided since the last time. Whether it was. */
bool fit_when_due(struct lane *lane);
/* What was believed of the ports is wrong: their silences say less than it seemed, and prove nothing. */
void fit_doubt(struct lane *lane);
/* The ask is decided: follows the bucket at the rate found, and judges the port by its silence until the next fit. */
void fit_follow(struct lane *lane, const struct log_entry *entry);

#endif
