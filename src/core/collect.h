/* collect.h: a limit that is none of those in wide use.
 *
 * Refusals are collected by the clock: unresolved ports are asked a little faster than tokens come, whatever the answers, so that no
 * token waits for a round trip. Only when few refusals are expected of the ports that are left is their silence proved, in trials:
 * a rest in which tokens come, then asks of all of them, and sentinels behind. Where every token is taken, the time is the
 * least that the limit allows, be it a bucket or a window. */
#ifndef NSCAN_CORE_COLLECT_H
#define NSCAN_CORE_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

enum { WINDOWS_IN_USE = 2, SURE_TAKEN = 30 /* tokens after which the rate found is not in doubt any more */ };
#define SUREST_TOKEN 0.8 /* no single silence tells more than that about a port */
#define WINDOW_SURE  0.8 /* of its tokens a window surely gives: FreeBSD varies them a little */
#define COLLECT_PACE 1.2 /* asks for each token, in errors expected of them */

/* One rate, tried: tokens in the bucket, at least and at most, and how probable it makes what was seen. */
struct fit {
	double rate, least, most, likelihood, weight;
};

/* What is known of the limit, from asks in the order sent once it is decided whether they were refused. */
struct collect {
	bool on;
	int64_t found_ns;     /* when the limit was met; 0: not yet */
	int64_t since_ns;     /* no token was there: what is taken is counted from then on */
	int64_t began_ns;     /* the first of those times */
	int64_t collected_ns; /* last ask that was not part of a trial */
	double collected;     /* tokens taken by such asks */
	int64_t decided_ns;   /* when the last ask was sent of which it is decided whether it took a token */
	double taken;         /* tokens taken by asks sent since */
	struct fit now;       /* that rate, followed through ... */
	int64_t now_ns;       /* ... all asks sent until then */
	bool rate_given;      /* known_rate is not to be doubted */
	double known_rate;    /* the rate found before, once that is worth something */
	double first_most;    /* tokens that may have been there at since_ns */
	double rate;          /* tokens a second; of a bucket */

	uint32_t run;      /* errors in a row */
	double silent;     /* errors expected of the asks since the last one refused */
	int64_t silent_ns; /* the last ask that was to be refused and was not */
	uint32_t lump;     /* errors since the last silence of several asks */
	double before_lump;
	int64_t lump_ns;    /* the first of them */
	int64_t empty_ns;   /* the last ask before them */
	int64_t refused_ns; /* the last ask that was refused */
	int64_t longest_ns; /* the longest such silence */

	int64_t window_ns; /* the limit gives `window_tokens` each time so long; 0: a bucket, as far as is known */
	double window_tokens;
	uint32_t windows_seen;   /* that gave all of them */
	int64_t window_start_ns; /* the first ask refused in the last one */
	int64_t window_asked_ns; /* when all tokens of one were asked for last */
	bool tried[WINDOWS_IN_USE];
	int64_t interval_tried_ns; /* after the error of the ask sent then */

	double credit; /* errors that may still be expected of asks sent now */
	int64_t credit_ns;
	bool bunch;         /* no ask until several can be sent at once */
	double share;       /* of the ports asked that refuse */
	uint32_t fitted;    /* asks decided when that was found out */
	uint32_t fit_first; /* log number of the first that it was found from */
	double left;        /* errors expected of all ports not settled */

	uint32_t first; /* log number of the first ask of all */
	bool weighed;
	int64_t sentinel_ns; /* when a port known to refuse was asked last, to see whether the limit gives anything */

	/* The trial. */
	enum { TRIAL_NONE, TRIAL_REST, TRIAL_ASKS, TRIAL_TAIL, TRIAL_WAIT } trial;
	uint32_t trial_first, trial_end; /* log numbers */
	uint32_t trial_left;             /* asks left in this pass over the suspects */
	uint32_t trial_pass, trial_passes;
	uint32_t trial_tails;
	double trial_tokens;
	bool trial_new; /* some of the ports may well be closed */
	bool trial_lead;
	uint32_t trials_failed; /* in a row */
	int64_t trial_ns;       /* when it began */
	int64_t trial_pass_ns;  /* the next pass begins then */
};

#endif
